"""The whole page: its tabs, theme and launch options."""

from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from colorizer.demo.api import build_endpoints
from colorizer.demo.approaches.tab import build_approaches_tab
from colorizer.demo.batch.tab import build_album_tab
from colorizer.demo.catalog import Catalog
from colorizer.demo.links import FOLLOW_ADDRESS, NOTE_TAB, connect_links
from colorizer.demo.photo.canvas import Studio
from colorizer.demo.photo.hint_endpoint import build_hint_endpoint
from colorizer.demo.photo.tab import build_photo_tab
from colorizer.demo.video.tab import build_film_tab
from colorizer.demo.vote.hub_sync import SharedVotes
from colorizer.demo.vote.store import VoteStore
from colorizer.demo.vote.tab import build_vote_tab
from colorizer.errors import check_address
from colorizer.server.addresses import bound_addresses
from colorizer.server.bounds import BoundedRequests, bound_calls
from colorizer.server.calls import HANDLERS, CheckedBlocks
from colorizer.server.compressed_page import CompressedPage
from colorizer.server.fair_turns import AT_ONCE
from colorizer.server.messages import bound_messages
from colorizer.server.old_files import bound_age
from colorizer.server.sessions import bound_sessions
from colorizer.server.slow_connections import bound_connections
from colorizer.server.upload_forms import bound_forms
from colorizer.viewer import STYLE

TITLE = "Colorizer"
INTRODUCTION = """# Colorizer
Old photos in color, by several neural networks. The colors are guesses: plausible, not true."""
# Seconds between two cleanups of visitors' files, and the age at which an upload is deleted; a result has twice as long.
DELETE_CACHE = (600, 3600)
MAX_FILE_SIZE = "40mb"
# Number of sessions kept in memory, half a megabyte each. Every API call is a session too.
MAX_SESSIONS = 200


def build_demo(
    models: list[str] | None = None,
    *,
    votes: str | Path | None = None,
    votes_repo: str | None = None,
    private_page: str | None = None,
) -> gr.Blocks:
    """Build the app with the package's checkpoints and those in `models`. Launch it with `launch_options()`.

    Networks load on first use. No request is sent, unless there is a `votes_repo`.

    Args:
        models: folders or Hub ids of more checkpoints.
        votes: SQLite file for the votes; default: a file in the user's data folder.
        votes_repo: Hub dataset to share the votes in; votes already there count too.
        private_page: address of a page that `python -m colorizer web` built, to link to.

    Raises ColorizerError for an address that is none.
    """
    catalog = Catalog(models)
    studio = Studio(catalog)
    store = VoteStore(None if votes is None else Path(votes))
    shared = SharedVotes(store, votes_repo) if votes_repo else None
    if shared is not None:
        shared.start()
    with CheckedBlocks(title=TITLE, analytics_enabled=False, delete_cache=DELETE_CACHE, fill_width=True) as demo:
        gr.Markdown(_introduce(private_page), elem_id="head")
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap") as tabs:
            with gr.Tab("Photo", id="photo", elem_id="tab-photo") as photo_tab:
                photo = build_photo_tab(studio)
            with gr.Tab("Album", id="album", elem_id="tab-album") as album_tab:
                album = build_album_tab(catalog, album_tab)
            with gr.Tab("Film", id="film", elem_id="tab-film") as film_tab:
                film = build_film_tab(catalog, film_tab)
            with gr.Tab("Vote", id="vote", elem_id="tab-vote") as vote_tab:
                vote_photo = build_vote_tab(catalog, store, shared, vote_tab)
            with gr.Tab("Approaches", id="approaches", elem_id="tab-approaches") as approaches_tab:
                build_approaches_tab(catalog, photo, approaches_tab)
        connect_links(tabs, photo, album, film, vote_photo)
        for tab in (photo_tab, album_tab, film_tab, vote_tab, approaches_tab):
            tab.select(None, None, None, js=NOTE_TAB.replace("TAB", tab.id), api_visibility="private")
        build_endpoints(catalog)
        build_hint_endpoint(studio)
    # Past the queue, calls would have no bounds.
    demo.queue(max_size=2 * AT_ONCE, api_open=False)
    bound_calls(demo)
    bound_sessions(demo)
    bound_messages(demo)
    bound_addresses()
    bound_age()
    bound_forms()
    bound_connections()
    return demo


def _introduce(private_page: str | None) -> str:
    if private_page is None:
        return INTRODUCTION
    return (
        f"{INTRODUCTION}\n\n[Private: color it on this device]({check_address('COLORIZER_PRIVATE_PAGE', private_page)})"
    )


def launch_options() -> dict[str, Any]:
    """Return the arguments for `demo.launch`, which is where Gradio takes the theme."""
    return {
        "theme": _theme(),
        "css_paths": [Path(__file__).with_name("style.css"), STYLE],
        "max_file_size": MAX_FILE_SIZE,
        "js": FOLLOW_ADDRESS,
        "footer_links": ["api", "settings"],
        "run_history": False,
        "enable_monitoring": False,
        # Those that wait for their turn, and as many that don't.
        "max_threads": 2 * AT_ONCE,
        "state_session_capacity": MAX_SESSIONS,
        "app_kwargs": {
            "exception_handlers": HANDLERS,
            "middleware": [Middleware(BoundedRequests), Middleware(CompressedPage)],
        },
    }


def _theme() -> gr.themes.Base:
    # System fonts: familiar to the visitor, and nothing to download.
    theme = gr.themes.Soft(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="zinc",
        font=[gr.themes.Font(name) for name in ("Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")],
        font_mono=[gr.themes.Font(name) for name in ("Consolas", "Menlo", "DejaVu Sans Mono", "monospace")],
    )
    # The theme's own colors are below the contrast of 4.5 : 1 that WCAG AA requires.
    theme.set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_label_background_fill_dark="*primary_900",
        block_label_text_color="*primary_800",
        block_label_text_color_dark="*primary_100",
        block_title_background_fill="none",
        block_title_background_fill_dark="none",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_title_padding="0",
        link_text_color="*primary_800",
        link_text_color_dark="*primary_200",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_secondary_background_fill_hover_dark="*primary_700",
        # Without a border, fields and buttons are white on white.
        input_border_width="1px",
        input_border_color="*neutral_500",
        input_border_color_dark="*neutral_400",
        button_border_width="1px",
        button_border_width_dark="1px",
        button_secondary_border_color="*neutral_400",
        button_secondary_border_color_dark="*neutral_500",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="*primary_950",
        checkbox_label_text_color_selected="*body_text_color",
        checkbox_background_color_selected="*primary_700",
        checkbox_background_color_selected_dark="*primary_700",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        block_border_width="1px",
        block_border_width_dark="1px",
        block_shadow="none",
        checkbox_label_border_width="1px",
        checkbox_label_border_width_dark="1px",
        checkbox_label_border_color_selected="*primary_700",
        checkbox_label_border_color_selected_dark="*primary_700",
        color_accent="*primary_700",
    )
    # `set` has no argument for this one. Gradio uses every attribute ending in _dark for dark mode.
    theme.color_accent_dark = "*primary_600"
    return theme

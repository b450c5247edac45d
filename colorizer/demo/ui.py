"""The whole page: its tabs, theme and launch options."""

from pathlib import Path
from typing import Any

import gradio as gr

from colorizer.demo.api import build_endpoints
from colorizer.demo.batch.tab import build_many_tab
from colorizer.demo.calls import HANDLERS, CheckedBlocks
from colorizer.demo.catalog import Catalog
from colorizer.demo.compare.tab import build_compare_tab
from colorizer.demo.hint.tab import build_hint_tab
from colorizer.demo.learn.tab import build_learn_tab
from colorizer.demo.models_tab import build_models_tab
from colorizer.demo.video.tab import build_video_tab
from colorizer.demo.vote.hub_sync import SharedVotes
from colorizer.demo.vote.store import VoteStore
from colorizer.demo.vote.tab import build_vote_tab

TITLE = "Colorizer"
INTRODUCTION = """# Colorizer
Colorize black-and-white photos with several neural networks and compare the results side by side.
The colors are guesses: plausible, not necessarily true."""
# Seconds between two cleanups of temporary files, and the age at which a file is deleted.
DELETE_CACHE = (600, 3600)
MAX_FILE_SIZE = "40mb"
# The mouse wheel over a result scrolls the page; with Ctrl, or a pinch, it zooms. Gradio's sliders would always zoom, and
# visitors could not scroll past a wall of them. The wide slider still zooms.
SCROLL = """() => document.addEventListener("wheel", (event) => {
  if (!event.ctrlKey && event.target.closest(".result")) event.stopPropagation();
}, {capture: true, passive: true})"""
# Number of sessions kept in memory, half a megabyte each. Every API call is a session too.
MAX_SESSIONS = 200


def build_demo(
    models: list[str] | None = None, *, votes: Path | None = None, votes_repo: str | None = None
) -> gr.Blocks:
    """Build the app with the package's checkpoints and those in `models`. Launch it with `launch_options()`.

    Networks load on first use. No request is sent, unless there is a `votes_repo`.

    Args:
        models: folders or Hub ids of more checkpoints.
        votes: SQLite file for the votes; default: a file in the user's data folder.
        votes_repo: Hub dataset to share the votes in; votes already there count too.
    """
    catalog = Catalog(models)
    store = VoteStore(votes)
    shared = SharedVotes(store, votes_repo) if votes_repo else None
    if shared is not None:
        shared.start()
    with CheckedBlocks(title=TITLE, analytics_enabled=False, delete_cache=DELETE_CACHE) as demo:
        gr.Markdown(INTRODUCTION)
        with gr.Tab("Compare"):
            approaches = build_compare_tab(catalog)
        with gr.Tab("Hint") as tab:
            build_hint_tab(catalog, tab)
        with gr.Tab("Many photos") as tab:
            build_many_tab(catalog, tab)
        with gr.Tab("Video") as tab:
            build_video_tab(catalog, tab)
        with gr.Tab("Which is better?") as tab:
            build_vote_tab(catalog, store, shared, tab)
        with gr.Tab("Learn"):
            build_learn_tab()
        with gr.Tab("Models"):
            build_models_tab(catalog, approaches)
        build_endpoints(catalog)
    return demo.queue(max_size=64)


def launch_options() -> dict[str, Any]:
    """Return the arguments for `demo.launch`, which is where Gradio takes the theme."""
    return {
        "theme": _theme(),
        "css_paths": Path(__file__).with_name("style.css"),
        "js": SCROLL,
        "max_file_size": MAX_FILE_SIZE,
        "footer_links": ["api", "settings"],
        "run_history": False,
        "state_session_capacity": MAX_SESSIONS,
        "app_kwargs": {"exception_handlers": HANDLERS},
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
        block_title_background_fill_dark="*primary_900",
        block_title_text_color="*primary_800",
        block_title_text_color_dark="*primary_100",
        link_text_color="*primary_800",
        link_text_color_dark="*primary_200",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_secondary_background_fill_hover_dark="*primary_700",
        # Without a border, the button is white on white.
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

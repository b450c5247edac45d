"""The Vote tab: a vote on two anonymous results, and the ranking from all votes."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.components import PHOTO_TYPES, Updates, in_turn, new_folder, uploaded_file
from colorizer.demo.vote.bradley_terry import Count, Standing, rank
from colorizer.demo.vote.hub_sync import SharedVotes
from colorizer.demo.vote.limits import BallotBox
from colorizer.demo.vote.pairs import MAX_PIXELS, show_pair, vote
from colorizer.demo.vote.store import TIE, A, B, Vote, VoteStore
from colorizer.errors import ColorizerError
from colorizer.server.callers import caller_of
from colorizer.server.fair_turns import photo_cost

INTRODUCTION = """Two randomly chosen approaches color the same photo. Which result do you like better?
You will see their names after your vote."""
STORED = "We store only which approach won and when: no photo, no personal data."
LETTERS = ("A", "B")
ALT_TEXTS = tuple(f"Result {letter}; its approach is shown after the vote" for letter in LETTERS)


def build_vote_tab(catalog: Catalog, store: VoteStore, shared: SharedVotes | None, tab: gr.Tab) -> gr.File:
    """Build the tab inside the current Blocks, and return its input for a visitor's own photo.

    It ranks the checkpoints at start, not those that visitors load later.
    """
    names = catalog.names
    box = BallotBox()
    token = gr.State()
    gr.Markdown(INTRODUCTION)
    with gr.Row(visible=False, elem_id="pair") as pair:
        pictures = [
            gr.Image(
                label=letter,
                alt_text=alt_text,
                format="jpeg",
                interactive=False,
                buttons=["fullscreen"],
                min_width=280,
            )
            for letter, alt_text in zip(LETTERS, ALT_TEXTS, strict=True)
        ]
    with gr.Row(visible=False, elem_id="choices") as choices:
        choose_a = gr.Button("A is better", variant="primary", min_width=80)
        choose_none = gr.Button("Tie", min_width=80)
        choose_b = gr.Button("B is better", variant="primary", min_width=80)
    status = gr.Markdown(min_height=32, elem_id="vote-status")
    draw = gr.Button("New pair", variant="primary", size="lg")
    with gr.Accordion("Use your own photo instead of a sample", open=False, elem_classes="folded"):
        photo = gr.File(label="Your photo", file_types=PHOTO_TYPES, height=140, elem_id="vote-photo")
    ranking = gr.HTML(elem_id="ranking")

    def refresh() -> str:
        return ranking_page({name: catalog.entry(name).plain_label for name in names}, store, shared)

    def draw_pair(
        photo: dict[str, Any] | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (Gradio finds its progress bar by this default)
    ) -> Updates:
        def report(num_done: int) -> None:
            progress((num_done, 2), desc="Colorizing", unit="results")

        try:
            source = uploaded_file(photo)
            with in_turn(photo_cost(source, num_saved=0, num_previews=2, preview_pixels=MAX_PIXELS)):
                shown = show_pair(catalog, names, box, _visitor(box, request), source, new_folder(), report)
        except ColorizerError as error:
            return {status: f"⚠ {error}"}
        files = (shown.a, shown.b)
        return {
            token: shown.token,
            pair: gr.Row(visible=True),
            choices: gr.Row(visible=True),
            draw: gr.Button("Skip: new pair", variant="secondary"),
            status: f"{shown.sample}." if shown.sample else "Your photo.",
            **{
                picture: gr.Image(str(file), label=label, alt_text=alt_text)
                for picture, file, label, alt_text in zip(pictures, files, LETTERS, ALT_TEXTS, strict=True)
            },
        }

    def draw_first(photo: dict[str, Any] | None, token_value: str | None, request: gr.Request) -> Updates:
        return {status: gr.skip()} if token_value else draw_pair(photo, request)

    def voter(better: str) -> Callable[..., Updates]:
        def cast(token_value: str | None, request: gr.Request) -> Updates:
            try:
                voted = vote(store, box, _visitor(box, request), token_value, better)
            except ColorizerError as error:
                return {status: f"⚠ {error}"}
            return {
                token: None,
                choices: gr.Row(visible=False),
                draw: gr.Button("New pair", variant="primary"),
                status: revealed(catalog, voted),
                ranking: refresh(),
                **{
                    picture: gr.Image(label=label, alt_text=f"The result of {label}")
                    for picture, name in zip(pictures, (voted.model_a, voted.model_b), strict=True)
                    for label in [catalog.entry(name).plain_label]
                },
            }

        return cast

    tab.select(refresh, None, ranking, api_visibility="private", show_progress="hidden")
    outputs = [token, pair, choices, draw, status, ranking, *pictures]
    drawing = {
        "preprocess": False,  # see uploaded_file
        "show_progress_on": status,
        # One after the other, so that the pair that was asked for last is the one that stays.
        "concurrency_id": "pairs",
        "api_visibility": "private",
    }
    draw.click(draw_pair, photo, outputs, **drawing)
    # The first pair without a click, and another one for another photo.
    tab.select(draw_first, [photo, token], outputs, **drawing)
    photo.change(draw_pair, photo, outputs, **drawing)
    for button, better in ((choose_a, A), (choose_none, TIE), (choose_b, B)):
        button.click(voter(better), token, outputs, show_progress="hidden", api_visibility="private")
    return photo


def revealed(catalog: Catalog, voted: Vote) -> str:
    """Return the approaches and the outcome of a vote, as Markdown."""
    first, second = (_introduced(catalog, name) for name in (voted.model_a, voted.model_b))
    if voted.better == TIE:
        return f"Tie: A was {first}, B was {second}."
    winner, loser = (first, second) if voted.better == A else (second, first)
    return f"You like {winner} better than {loser}."


def ranking_page(labels: Mapping[str, str], store: VoteStore, shared: SharedVotes | None = None) -> str:
    """Return the ranking of the approaches in `labels`, by name, and an explanation as HTML.

    If the votes can't be read, it is the problem; and before there are votes there is no ranking: equal chances for all would
    look like a result.
    """
    names = list(labels)
    notes = [shared.problem] if shared is not None and shared.problem else []
    try:
        counts = store.counts()
    except ColorizerError as error:
        return _paragraph(f"⚠ {error}")
    warnings = [_paragraph(f"⚠ {note}") for note in notes]
    if not any({count.model_a, count.model_b} <= set(names) for count in counts):
        return "\n".join([*warnings, _paragraph(f"No votes yet: a ranking appears after the first. {STORED}")])
    return "\n".join([*warnings, ranking_table(rank(names, counts), labels), *_explain(names, counts)])


def ranking_table(standings: Sequence[Standing], labels: Mapping[str, str]) -> str:
    """Return the ranking as an HTML table with a row per approach, the strongest first, and the intervals drawn."""
    rows = []
    for place, standing in enumerate(standings, 1):
        low, chance, high = (f"{100 * share:.0f}" for share in (standing.low, standing.chance, standing.high))
        style = f"--low: {100 * standing.low:.1f}%; --chance: {100 * standing.chance:.1f}%; --high: {100 * standing.high:.1f}%"
        rows.append(
            f'<tr><td>{place}</td><th scope="row">{escape(labels[standing.name])}</th>'
            f'<td><div class="interval" style="{style}" aria-hidden="true"></div>{chance}% ({low}–{high})</td>'
            f"<td>{standing.num_votes:,}</td></tr>"
        )
    head = "".join(f'<th scope="col">{title}</th>' for title in ("", "Approach", "Chance to win", "Votes"))
    return f"<table><caption>Ranking</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _explain(names: Sequence[str], counts: Sequence[Count]) -> list[str]:
    is_ranked = {(count.model_a, count.model_b): {count.model_a, count.model_b} <= set(names) for count in counts}
    num_votes = sum(count.num_votes for count in counts)
    num_ranked = sum(count.num_votes for count in counts if is_ranked[count.model_a, count.model_b])
    lines = [
        f"{num_ranked:,} {'vote' if num_ranked == 1 else 'votes'}. “Chance to win” is the estimated chance to win against an "
        "average approach (Bradley–Terry model), with its 95% interval. If two intervals overlap a lot, there are too few "
        "votes to tell which approach is better. A tie is half a vote for each; every approach starts with one tie.",
        f"One vote per pair, and a limited number per visitor per hour. {STORED}",
    ]
    if num_ranked < num_votes:
        lines.append(f"{num_votes - num_ranked:,} more on approaches that are not available here now.")
    return [_paragraph(line) for line in lines]


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _introduced(catalog: Catalog, name: str) -> str:
    entry = catalog.entry(name)
    return f"**{entry.plain_label}** ({entry.title}, {entry.year})" if entry.title else f"**{entry.plain_label}**"


def _visitor(box: BallotBox, request: gr.Request) -> str:
    return box.visitor(caller_of(request))

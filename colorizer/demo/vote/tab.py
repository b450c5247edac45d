"""The tab "Which is better?": two results that don't tell whose they are, a vote, and the ranking of all votes."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.components import build_photo, new_folder, uploaded_file
from colorizer.demo.vote.bradley_terry import Count, Standing, rank
from colorizer.demo.vote.hub_sync import SharedVotes
from colorizer.demo.vote.limits import BallotBox, client_address
from colorizer.demo.vote.pairs import show_pair, vote
from colorizer.demo.vote.store import TIE, A, B, Vote, VoteStore
from colorizer.errors import ColorizerError

INTRODUCTION = """Two approaches, drawn at random, color the same photo. Which result do you like better?
Their names show once you have voted."""
LETTERS = ("A", "B")
ALT_TEXTS = tuple(f"Result {letter}; its approach shows after the vote" for letter in LETTERS)


def build_vote_tab(catalog: Catalog, store: VoteStore, shared: SharedVotes | None, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks. Ranked are the checkpoints on offer now, not those that visitors load."""
    names = catalog.names
    box = BallotBox()
    token = gr.State()
    gr.Markdown(INTRODUCTION)
    with gr.Accordion("On a photo of yours instead of samples", open=False, elem_classes="folded"):
        photo = build_photo("Your photo", "The photo to judge the approaches on", 220)
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
    with gr.Row(visible=False) as choices:
        choose_a = gr.Button("A is better", variant="primary", min_width=80)
        choose_none = gr.Button("Both alike", min_width=80)
        choose_b = gr.Button("B is better", variant="primary", min_width=80)
    status = gr.Markdown(min_height=32, elem_id="vote-status")
    draw = gr.Button("Show two results", variant="primary", size="lg")
    ranking = gr.HTML(elem_id="ranking")

    def refresh() -> str:
        return ranking_page(names, store, shared)

    def draw_pair(
        photo: dict[str, Any] | None,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (Gradio finds its progress bar by this default)
    ) -> dict[gr.blocks.Block, Any]:
        def report(num_done: int) -> None:
            progress((num_done, 2), desc="Coloring", unit="results")

        try:
            shown = show_pair(catalog, names, box, _visitor(box, request), uploaded_file(photo), new_folder(), report)
        except ColorizerError as error:
            gr.Warning(str(error), title="Nothing to vote on")
            return {status: f"⚠ {error}"}
        files = (shown.a, shown.b)
        return {
            token: shown.token,
            pair: gr.Row(visible=True),
            choices: gr.Row(visible=True),
            draw: gr.Button("Skip: show two others", variant="secondary"),
            status: f"Sample: {shown.sample}." if shown.sample else "Your photo.",
            **{
                picture: gr.Image(str(file), label=label, alt_text=alt_text)
                for picture, file, label, alt_text in zip(pictures, files, LETTERS, ALT_TEXTS, strict=True)
            },
        }

    def voter(better: str) -> Callable[..., dict[gr.blocks.Block, Any]]:
        def cast(token_value: str | None, request: gr.Request) -> dict[gr.blocks.Block, Any]:
            try:
                kept = vote(store, box, _visitor(box, request), token_value, better)
            except ColorizerError as error:
                return {status: f"⚠ {error}"}
            return {
                token: None,
                choices: gr.Row(visible=False),
                draw: gr.Button("Show two others", variant="primary"),
                status: revealed(catalog, kept),
                ranking: refresh(),
                **{
                    picture: gr.Image(label=name, alt_text=f"The result of {name}")
                    for picture, name in zip(pictures, (kept.model_a, kept.model_b), strict=True)
                },
            }

        return cast

    tab.select(refresh, None, ranking, api_visibility="private", show_progress="hidden")
    outputs = [token, pair, choices, draw, status, ranking, *pictures]
    draw.click(
        draw_pair,
        photo,
        outputs,
        preprocess=False,  # see uploaded_file
        show_progress_on=status,
        concurrency_id="network",
        api_visibility="private",
    )
    for button, better in ((choose_a, A), (choose_none, TIE), (choose_b, B)):
        button.click(voter(better), token, outputs, show_progress="hidden", api_visibility="private")


def revealed(catalog: Catalog, kept: Vote) -> str:
    """Whose the two results were and what was said of them, as Markdown."""
    first, second = (_introduced(catalog, name) for name in (kept.model_a, kept.model_b))
    if kept.better == TIE:
        return f"Both alike: A was {first}, B was {second}."
    winner, loser = (first, second) if kept.better == A else (second, first)
    return f"You like {winner} better than {loser}."


def ranking_page(names: Sequence[str], store: VoteStore, shared: SharedVotes | None = None) -> str:
    """The ranking of `names` by all votes between them, with what it means, as HTML; a problem takes its place."""
    notes = [shared.problem] if shared is not None and shared.problem else []
    try:
        counts = store.counts()
    except ColorizerError as error:
        return _paragraph(f"⚠ {error}")
    standings = rank(names, counts)
    return "\n".join([*(_paragraph(f"⚠ {note}") for note in notes), ranking_table(standings), *_explain(names, counts)])


def ranking_table(standings: Sequence[Standing]) -> str:
    """A row for each approach, the strongest first, as HTML; the interval is drawn and written."""
    rows = []
    for place, standing in enumerate(standings, 1):
        low, chance, high = (f"{100 * share:.0f}" for share in (standing.low, standing.chance, standing.high))
        style = f"--low: {100 * standing.low:.1f}%; --chance: {100 * standing.chance:.1f}%; --high: {100 * standing.high:.1f}%"
        rows.append(
            f'<tr><td>{place}</td><th scope="row">{escape(standing.name)}</th>'
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
        f"{num_ranked:,} {'vote' if num_ranked == 1 else 'votes'}. The chance to win is that against an approach of average "
        "strength, by the Bradley–Terry model of all votes, with its 95% interval; where intervals overlap much, the votes "
        "don't tell yet. “Both alike” is half a vote for each, and each approach begins with one such vote in all.",
        "Each pair takes one vote, each visitor a number of them an hour. Kept is which approach was liked better than which, "
        "and when; not the photo, nor who you are.",
    ]
    if num_ranked < num_votes:
        lines.append(f"{num_votes - num_ranked:,} more were on approaches that are not on offer here now.")
    return [_paragraph(line) for line in lines]


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _introduced(catalog: Catalog, name: str) -> str:
    entry = catalog.entry(name)
    return f"**{name}** ({entry.title}, {entry.year})" if entry.title else f"**{name}**"


def _visitor(box: BallotBox, request: gr.Request) -> str:
    return box.visitor(client_address(request.client.host, request.headers.get("x-forwarded-for")))

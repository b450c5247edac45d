"""The Models tab: a list of the checkpoints, and a form to load more from the Hub."""

from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.errors import ColorizerError
from colorizer.hub.run_records import publishable


def build_models_tab(catalog: Catalog, approaches: gr.CheckboxGroup) -> None:
    """Build the tab inside the current Blocks. A checkpoint loaded here is added to `approaches` and selected."""
    table = gr.Markdown(models_table(catalog), elem_id="models")
    model_id = gr.Textbox(
        label="Model on the Hugging Face Hub",
        info="Model id, with an optional revision: user/name or user/name@revision",
        placeholder="user/name",
    )
    button = gr.Button("Load", variant="primary")
    status = gr.Markdown(min_height=60)

    def add(model: str, chosen: list[str]) -> dict[gr.blocks.Block, Any]:
        try:
            entry = catalog.add_from_hub(model)
        except ColorizerError as error:
            return {status: f"⚠ {error}"}
        value = [*[name for name in chosen if name != entry.name], entry.name]
        return {
            approaches: gr.CheckboxGroup(choices=catalog.choices, value=value),
            table: models_table(catalog),
            model_id: "",
            status: f"{entry.name} is loaded and selected in the Compare tab.",
        }

    gr.on(
        [button.click, model_id.submit],
        add,
        [model_id, approaches],
        [approaches, table, model_id, status],
        show_progress_on=status,
        api_visibility="private",
    )


def models_table(catalog: Catalog) -> str:
    """Return a Markdown table of all checkpoints, and a warning for each one that could not be loaded."""
    lines = ["| Model | Approach | Year | From |", "| --- | --- | --- | --- |"]
    for name in catalog.names:
        entry = catalog.entry(name)
        lines.append(f"| {entry.name} | {entry.title or 'shown once loaded'} | {entry.year or ''} | {entry.origin} |")
    lines += [
        f"\n⚠ {publishable(name)} is not available: {publishable(problem)}"
        for name, problem in catalog.problems.items()
    ]
    return "\n".join(lines)

"""The Models tab: which checkpoints there are, and loading more from the Hub."""

from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.errors import ColorizerError


def build_models_tab(catalog: Catalog, approaches: gr.CheckboxGroup) -> None:
    """Build the tab inside the current Blocks; a checkpoint loaded here is added to `approaches`, ticked."""
    table = gr.Markdown(models_table(catalog), elem_id="models")
    model_id = gr.Textbox(
        label="Model on the Hugging Face Hub",
        info="Its id, with a revision if wanted: user/name or user/name@revision",
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
            status: f"{entry.name} is loaded, and ticked in Compare.",
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
    """Every checkpoint on offer as a Markdown table, and what could not be offered, with the reason."""
    lines = ["| Model | Approach | Year | From |", "| --- | --- | --- | --- |"]
    for name in catalog.names:
        entry = catalog.entry(name)
        lines.append(f"| {entry.name} | {entry.title or 'known once loaded'} | {entry.year or ''} | {entry.origin} |")
    lines += [f"\n⚠ {name} is not offered: {problem}" for name, problem in catalog.problems.items()]
    return "\n".join(lines)

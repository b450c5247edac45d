"""Names and other values on a card are text, whatever they hold."""

import json
from pathlib import Path

from huggingface_hub import ModelCard

from colorizer import create_model, save_checkpoint
from colorizer.hub.cards import render_card
from colorizer.hub.run_records import read_info


def test_names_are_text_on_a_card(tmp_path: Path) -> None:
    folder, name = save_checkpoint(create_model("dense", width=1 / 64), tmp_path / "tiny"), 'a|b\nc "d"'
    models = {other: {"psnr": {"mean": 22.3, "low": 22.1, "high": 22.5}} for other in (name, "gray")}
    (folder / "evaluation.json").write_text(json.dumps({"models": models}))
    (folder / "training.json").write_text(json.dumps({"pretrained": "e\n\n# f"}))
    text = render_card(read_info(folder, name=name))
    assert '\n# a\\|b\\\\nc "d" (dense)\n' in text
    assert '\n| | a\\|b\\\\nc "d" | gray |\n|---|---:|---:|\n' in text
    assert "\n* started from: e\\\\n\\\\n# f\n" in text
    assert 'colorize = pipeline("a|b\\nc \\"d\\"")\n' in text
    assert ModelCard(text).data.model_name == name

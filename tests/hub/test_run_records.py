"""Damaged records of a run: one sentence each, before a card is written."""

import json
import math

import pytest

from colorizer import ColorizerError, create_model, save_checkpoint
from colorizer.hub.cards import write_card


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("training.json", None),
        ("training.json", {"steps": "many"}),
        ("training.json", {"arguments": ["--width", "1"]}),
        ("training.json", {"arguments": {"output_dir": 7}}),
        ("training.json", {"dataset": "photos"}),
        ("training.json", {"seconds": math.nan}),
        ("training.json", {"seconds": math.inf}),
        ("training.json", {"earlier_commands": [[]]}),
        ("training.json", {"hardware": "\ud800"}),
        ("evaluation.json", {"models": {"tiny": 3}}),
        ("evaluation.json", {"models": {"tiny": {"psnr": {}}}}),
        ("evaluation.json", {"models": {"tiny": {"psnr": {"mean": math.nan}}}}),
    ],
)
def test_records_with_values_of_the_wrong_type_are_one_sentence(name, content, tmp_path):
    folder = save_checkpoint(create_model("dense", width=1 / 64), tmp_path / "tiny")
    (folder / name).write_text(json.dumps(content))
    with pytest.raises(ColorizerError, match=name) as caught:
        write_card(folder)
    assert "\n" not in str(caught.value)
    assert not (folder / "README.md").exists()

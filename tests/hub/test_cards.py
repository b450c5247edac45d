import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from PIL import Image

from colorizer import create_model, list_approaches, save_checkpoint
from colorizer.checkpoints import list_checkpoints
from colorizer.errors import CheckpointError, ColorizerError
from colorizer.hub import cards
from colorizer.hub.cards import render_card, write_card
from colorizer.hub.run_records import publishable, read_info
from colorizer.release.package_cards import write_package_cards

MODEL_CARDS = Path(__file__).parents[2] / "model_cards"
TRAINING = {
    "approach": "dense",
    "arguments": {"optimizer": "adam", "learning_rate": 3e-5, "train_batch_size": 64, "output_dir": "runs/tiny"},
    "command": "accelerate launch train_accelerate.py --approach dense --dataset_name photos --output_dir runs/tiny",
    "dataset": {
        "name": "photos",
        "report": "11000 photos; left out: 3 gray, 2 broken: grandma.jpg (gray), b.jpg (broken)",
        "num_photos": 11000,
        "num_validation_photos": 256,
    },
    "hardware": "1 × NVIDIA H100",
    "seconds": 4321.0,
    "photos_seen": 128000,
    "photos_per_second": 29.6,
    "steps": 2000,
    "precision": "bf16",
    "num_processes": 2,
    "versions": {"torch": "2.13.0"},
    "metrics": {"validation_loss": 0.0123, "validation_psnr": 22.25, "seconds_of_something": 1.0},
    "best_step": 1800,
    "pretrained": None,
}
EVALUATION = {
    "dataset": "test.parquet",
    "split": "test",
    "num_photos": 1000,
    "models": {
        "tiny": {"psnr": {"mean": 22.3141, "low": 22.1, "high": 22.5}, "auc": {"mean": 90.1}, "lpips": {"mean": 0.2}},
        "gray": {"psnr": {"mean": 21.3, "low": 21.1, "high": 21.5}},
        "pix2pix": {"psnr": {"mean": 99.0, "low": 98.0, "high": 100.0}},
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return save_checkpoint(create_model("dense", width=1 / 64), tmp_path_factory.mktemp("made") / "tiny")


@pytest.fixture
def checkpoint(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "tiny"))


def record(folder: Path, **records: Any) -> None:
    for name, content in records.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def results(card: ModelCard) -> dict[str, float]:
    return {result.metric_type: result.metric_value for result in card.data.eval_results or []}


def test_card_of_a_run_loads_as_a_model_card(checkpoint: Path) -> None:
    record(checkpoint, training=TRAINING, evaluation=EVALUATION)
    (checkpoint / "curves.png").touch()
    (checkpoint / "samples").mkdir()
    for step in (500, 90, 1000):
        (checkpoint / "samples" / f"step-{step}.png").touch()
    path = write_card(checkpoint)
    assert path == checkpoint / "README.md"
    card = ModelCard.load(path)
    data = card.data
    assert (data.license, data.library_name, data.pipeline_tag) == ("apache-2.0", "colorizer", "image-to-image")
    assert {"colorization", "image-colorization"} <= set(data.tags)
    assert results(card) == {"psnr": 22.3141, "auc": 90.1}
    result = data.eval_results[0]
    assert (result.dataset_name, result.dataset_split, result.task_type) == ("test.parquet", "test", "image-to-image")
    for text in (
        "1 × NVIDIA H100",
        "bf16",
        "1 h 12 min",
        TRAINING["command"],
        "128,000 photos seen",
        "11,000 for training, 256 for validation, left out 3 gray, 2 broken\n",
        "learning rate 3e-05",
        "| | tiny | gray |",
        "22.31 [22.1, 22.5] | 21.3 [21.1, 21.5] |",
        "![Learning curves](curves.png)",
        "](samples/step-1000.png)",
        "Nothing finer".lower(),
        "width 0.01562",
        'pipeline("runs/tiny")',
    ):
        assert text in card.text, text
    assert "grandma" not in card.text
    assert "step-500" not in card.text


def test_card_names_the_teacher_and_whose_weights_were_at_hand(checkpoint: Path) -> None:
    fields = {"pretrained": "../shared/weights/efficientnet-lite0", "classifier": "user/from-the-hub"}
    given = {"teacher": "runs/wise", "teacher_share": 0.75, "model_fields": fields}
    record(checkpoint, training=TRAINING | {"arguments": TRAINING["arguments"] | given})
    text = render_card(read_info(checkpoint))
    assert "* teacher: wise, whose colors make up 75% of the target\n" in text
    assert "* published weights: the encoder started from efficientnet-lite0\n" in text
    record(checkpoint, training=TRAINING)
    assert not re.search(r"^\* (teacher|published)", render_card(read_info(checkpoint)), re.MULTILINE)


def test_card_counts_the_runs_that_it_started_from(checkpoint: Path) -> None:
    record(checkpoint, training=TRAINING | {"earlier_seconds": 900.0, "earlier_photos_seen": 48000})
    text = render_card(read_info(checkpoint))
    assert "* time: 1 h 12 min, after 15 min of earlier runs\n" in text
    assert "128,000 photos seen, 48,000 in earlier runs" in text


def test_card_without_records_claims_nothing(checkpoint: Path) -> None:
    card = ModelCard.load(write_card(checkpoint))
    assert card.data.eval_results is None
    assert "has no record of its training" in card.text
    assert "has not been evaluated" in card.text
    assert "![" not in card.text


def test_card_without_an_evaluation_reports_the_validation(checkpoint: Path) -> None:
    record(checkpoint, training=TRAINING)
    card = ModelCard.load(write_card(checkpoint))
    assert results(card) == {"validation_loss": 0.0123, "psnr": 22.25}
    assert card.data.eval_results[0].dataset_split == "validation"
    assert "has not been evaluated" not in card.text
    assert "* PSNR in dB, higher is better: 22.25" in card.text


@pytest.mark.parametrize("part", sorted(TRAINING))
def test_card_tolerates_a_missing_part(checkpoint: Path, part: str) -> None:
    info = read_info(checkpoint)
    info["training"] = {key: value for key, value in TRAINING.items() if key != part}
    assert "None" not in render_card(info)
    info["training"] = TRAINING | {part: None}
    assert "None" not in render_card(info)


@pytest.mark.parametrize(
    "evaluation",
    [
        {},
        {"models": {}},
        {"models": {"gray": {"psnr": {"mean": 1.0}}}},
        {"models": {"other": {"psnr": {"mean": 1.0}}, "another": {"psnr": {"mean": 2.0}}}},
    ],
)
def test_what_was_measured_of_others_is_not_claimed(checkpoint: Path, evaluation: dict) -> None:
    record(checkpoint, evaluation=evaluation)
    card = ModelCard.load(write_card(checkpoint))
    assert card.data.eval_results is None
    assert "has not been evaluated" in card.text


def test_only_model_of_an_evaluation_needs_no_name(checkpoint: Path) -> None:
    record(checkpoint, evaluation={"models": {"runs/x": {"psnr": {"mean": 20.5}}, "gray": {"psnr": {"mean": 1.0}}}})
    assert results(ModelCard.load(write_card(checkpoint))) == {"psnr": 20.5}


@pytest.mark.parametrize("approach", list_approaches(own=True))
def test_every_approach_has_a_card(approach: str) -> None:
    text = render_card({"config": {"model_type": f"colorizer-{approach}"}})
    model_class = type(create_model(approach, width=1 / 64))
    assert text.startswith("---\n")
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    for fact in (model_class.title, model_class.authors, str(model_class.year), model_class.paper_url):
        assert fact in text
    sections = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert sections == [
        "Use", "Network", "Training", "Measured", "Limits",
        "Training photos and what their terms mean for the weights", "License",
    ]  # fmt: skip


def test_long_fields_of_a_configuration_are_cut() -> None:
    scenes = [f"scene {number}" for number in range(300)]
    card = render_card({"config": {"model_type": "colorizer-joint", "width": 0.25, "scenes": scenes}})
    shown = "scenes scene 0 / scene 1 / scene 2 / scene 3 / scene 4 / scene 5 / … 300 in total"
    assert f"{shown}\n" in card
    assert "defaults of the full network: width 1, scenes none\n" in card
    description = '{"model_type": "' + "x" * 1000
    config = {"model_type": "colorizer-fusion", "classifier_config": description, "classifier_mean": [0.5, 0.5, 0.5]}
    card = render_card({"config": config})
    assert f"classifier_config {description[:60]}…, " in card
    assert "classifier_mean 0.5 / 0.5 / 0.5, " in card
    assert "defaults of the full network: classifier_config none\n" in card


def test_card_elsewhere_points_to_the_pictures(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "curves.png").touch()
    path = write_card(checkpoint, output=tmp_path / "cards" / "mine.md", name="mine", data_terms="Mine, all of them.")
    text = path.read_text(encoding="utf-8")
    assert "](../tiny/curves.png)" in text
    assert 'pipeline("mine")' in text
    assert "Mine, all of them." in text
    assert not (checkpoint / "README.md").exists()


def test_code_samples_run(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = re.findall(r"```python\n(.*?)```", write_card(checkpoint).read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").resize((60, 40)).save("photo.jpg")
    exec(samples[0], {})
    with Image.open("photo-colored.png") as photo:
        assert (photo.size, photo.mode) == ((60, 40), "RGB")
    monkeypatch.chdir(checkpoint)
    names = {"lightness": np.full((2, 1, 32, 32), 50, np.float32)}
    exec(samples[1], names)
    assert names["ab"].shape == (2, 2, 32, 32)


def test_failed_write_keeps_the_card_that_was_there(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write_card(checkpoint).read_text(encoding="utf-8")

    def full_disk(*paths: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cards.os, "replace", full_disk)
    with pytest.raises(ColorizerError, match="No space left on device"):
        write_card(checkpoint, name="other")
    assert (checkpoint / "README.md").read_text(encoding="utf-8") == before
    assert not list(checkpoint.glob(".*"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "config.json is missing"),
        ("config.json", "{", "config.json can't be read"),
        ("config.json", '{"model_type": "bert"}', "is of type 'bert'"),
        ("training.json", "[1]", "training.json is not a JSON object"),
        ("evaluation.json", "x", "evaluation.json can't be read"),
        ("model.safetensors", "x", "model.safetensors is damaged"),
    ],
)
def test_folder_that_is_no_checkpoint(checkpoint: Path, name: str, content: str | None, message: str) -> None:
    if content is None:
        (checkpoint / name).unlink()
    else:
        (checkpoint / name).write_text(content)
    with pytest.raises(CheckpointError, match=message):
        write_card(checkpoint)


def test_publishable_leaves_private_things_at_home() -> None:
    record = {
        "hub_token": "hf_secret",
        "report": {"kept": 3, "names": ["grandma.jpg"]},
        "command": "train --hub_token hf_secret --dataset_name '/home/ada/photos/*.jpg' --output_dir ../runs/a --x=/y/z/",
        "links": ["https://arxiv.org/abs/1603.08511", "user/name", "5 photos/s", "~/photos"],
        "number": 1e-3,
    }
    assert publishable(record) == {
        "report": {"kept": 3},
        "command": "train --hub_token … --dataset_name '*.jpg' --output_dir ../runs/a --x=z",
        "links": ["https://arxiv.org/abs/1603.08511", "user/name", "5 photos/s", "~/photos"],
        "number": 1e-3,
    }


def test_cards_of_the_package(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colorizer.checkpoints.FOLDER", made.parent)
    shutil.copy(MODEL_CARDS / "training_photos.md", tmp_path)
    (path,) = write_package_cards(tmp_path)
    assert path == tmp_path / "tiny.md"
    assert "most of these sources state no license" in path.read_text(encoding="utf-8")


def test_every_checkpoint_of_the_package_has_a_valid_card() -> None:
    for name in list_checkpoints():
        card = ModelCard.load(MODEL_CARDS / f"{name}.md")
        assert card.data.library_name == "colorizer"
        assert f'pipeline("{name}")' in card.text


def test_a_card_that_can_not_be_written_is_reported(tmp_path):
    save_checkpoint(create_model("dense", width=1 / 32), tmp_path / "run")
    (tmp_path / "file").write_text("in the folder's place")
    with pytest.raises(ColorizerError, match="can't be written"):
        cards.write_card(tmp_path / "run", output=tmp_path / "file" / "card.md")

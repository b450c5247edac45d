"""Labels of a dataset as scenes of the network and of its checkpoint."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from colorizer import ColorizerError, load_model, pipeline

JOINT = ["--approach", "joint", "--resolution", "32"]
# Every batch of four has photos without a label, and so does each half of it in two processes.
LABELS = ["river", None, "hill", None] * 4


@pytest.fixture
def relabeled(dataset, tmp_path):
    """Function that writes the landscapes with other labels."""

    def relabel(name: str, labels: list[str | None]) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for split in ("train", "validation"):
            table = pq.read_table(dataset / f"{split}.parquet").drop_columns("label")
            column = pa.array(labels[: len(table)], pa.string())
            pq.write_table(table.append_column("label", column), folder / f"{split}.parquet")
        return folder

    return relabel


def test_a_checkpoint_has_the_scenes_of_its_photos(train, relabeled, tmp_path, capsys):
    trainer = train(*JOINT, "--dataset_name", relabeled("labeled", LABELS))
    assert "labels" not in capsys.readouterr().err
    (record,) = [record for record in trainer.progress.history if "network_scene" in record]
    assert record["network_scene"] > 0
    assert record["network_loss"] == pytest.approx(record["network_mse"] + record["network_scene"] / 300, rel=1e-4)
    model = load_model(tmp_path / "run")
    assert sorted(model.scenes) == ["hill", "river"]
    result = pipeline(model, device="cpu")(Image.new("L", (20, 20), 90), scene="river", return_dict=True)
    assert sorted(result.scenes) == ["hill", "river"]
    assert all(model.scene_features(scene).isfinite().all() for scene in model.scenes)


def test_without_labels_it_trains_on_colors_alone_and_logs_that_once(train, relabeled, tmp_path, capsys):
    trainer = train(*JOINT, "--dataset_name", relabeled("unlabeled", [None] * 16))
    lines = capsys.readouterr().err.splitlines()
    assert sum("labels" in line for line in lines) == 1
    assert not any("network_scene" in record for record in trainer.progress.history)
    assert json.loads((tmp_path / "run/config.json").read_text())["scenes"] == []


def test_a_checkpoint_of_other_scenes_is_refused_as_start(train, relabeled, tmp_path):
    train(*JOINT, "--dataset_name", relabeled("labeled", LABELS))
    others = relabeled("others", ["forest", "beach"] * 8)
    start = [*JOINT, "--pretrained_model_name_or_path", tmp_path / "run", "--output_dir", tmp_path / "next"]
    with pytest.raises(ColorizerError, match=r"scenes .*hill.*, not .*beach"):
        train(*start, "--dataset_name", others)
    # A dataset without labels needs the scenes as an argument.
    unlabeled = relabeled("unlabeled", [None] * 16)
    with pytest.raises(ColorizerError, match=r"'scenes': \('hill', 'river'\)"):
        train(*start, "--dataset_name", unlabeled)
    trainer = train(*start, "--dataset_name", unlabeled, "--scenes", "hill", "river", "--overwrite_output_dir")
    assert trainer.network.scenes == ("hill", "river")
    assert trainer.network.scene_weights.count_nonzero() == 2

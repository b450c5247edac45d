import json
import os
from pathlib import Path

import pytest
from PIL import Image

from colorizer.atomic_write import lock_folder
from colorizer.errors import ColorizerError
from colorizer.evaluation import result_files
from colorizer.evaluation.results import Evaluation, Report, Scores, read_results, to_json


@pytest.fixture
def report() -> Report:
    model = Evaluation(
        {"psnr": 23.5, "fid": 30.0},
        {"psnr": (23.0, 23.75)},
        name="vivid",
        approach="colorful",
        num_parameters=1650000,
        photos_per_second=81.26,
        matched=Scores({"psnr": 21.0}, {"psnr": (20.5, 21.25)}, gain=1.5),
        curve=[{"gain": 1.0, "colorfulness": 20.0, "psnr": 23.5}, {"gain": 1.5, "colorfulness": 42.0, "psnr": 21.0}],
    )
    gray = Evaluation({"psnr": 20.0}, {"psnr": (19.5, 20.25)}, name="gray")
    return Report(
        evaluations=[gray, model],
        dataset="photos",
        split="test",
        num_photos=1000,
        resolution=256,
        true_colorfulness=42.2,
        hardware="CPU",
        notes=["one"],
        labels={"sea": {"num_photos": 3, "models": {"gray": {"psnr": 20.0}}}},
    )


def test_json_holds_every_number_where_cards_look_for_it(report: Report):
    content = json.loads(to_json(report))
    assert (content["dataset"], content["split"], content["num_photos"]) == ("photos", "test", 1000)
    assert content["models"]["vivid"]["psnr"] == {"mean": 23.5, "low": 23.0, "high": 23.75}
    assert content["models"]["vivid"]["fid"] == {"mean": 30.0}
    assert content["networks"] == {
        "vivid": {"approach": "colorful", "num_parameters": 1650000, "photos_per_second": 81.26}
    }
    assert content["matched"] == {
        "vivid": {"gain": 1.5, "metrics": {"psnr": {"mean": 21.0, "low": 20.5, "high": 21.25}}}
    }
    assert [point["gain"] for point in content["curves"]["vivid"]] == [1.0, 1.5]
    assert "size" not in content, "what was not measured is not there"


def test_what_was_written_is_read_again(report: Report, tmp_path: Path):
    (tmp_path / "evaluation.json").write_text(to_json(report), encoding="utf-8")
    assert read_results(tmp_path) == report
    assert read_results(tmp_path / "evaluation.json") == report
    assert report.baselines == ["gray"]


def test_results_of_before_there_were_gains_are_read_too(report: Report, tmp_path: Path):
    content = json.loads(to_json(report))
    old = {key: value for key, value in content.items() if key not in ("notes", "matched", "curves", "labels")}
    (tmp_path / "evaluation.json").write_text(json.dumps(old), encoding="utf-8")
    gray, vivid = read_results(tmp_path).evaluations
    assert (gray.matched, vivid.matched, vivid.means["psnr"]) == (None, None, 23.5)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"models": {"a": {"psnr": 3}}, "networks": {}}', "[" * 100_000, '{"models": 3}']
)
def test_another_file_is_refused(content: str, tmp_path: Path):
    with pytest.raises(ColorizerError, match="can't be read"):
        read_results(tmp_path / "nowhere")
    (tmp_path / "evaluation.json").write_text(content, encoding="utf-8")
    with pytest.raises(ColorizerError, match=r"evaluation\.json.*(evaluate again|Fix or delete it)"):
        read_results(tmp_path)


def test_a_pipe_is_not_waited_for_and_a_file_has_a_largest_size(report: Report, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ColorizerError, match="pipe can't be read: it is not a file"):
        read_results(tmp_path / "pipe")
    with (tmp_path / "evaluation.json").open("w") as file:
        file.write(to_json(report))
        file.truncate(2**26 + 1)
    with pytest.raises(ColorizerError, match=r"evaluation\.json can't be read: it has more than 67,108,864 bytes"):
        read_results(tmp_path)


def test_files_of_two_evaluations_are_not_mixed(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written = []

    def write(path: Path, text: str) -> None:
        with pytest.raises(BlockingIOError), lock_folder(tmp_path, wait=False):
            pass
        written.append(path.name)

    monkeypatch.setattr(result_files, "write_text", write)
    monkeypatch.setattr(result_files, "_sheet", lambda *_: Image.new("RGB", (8, 8)))
    result_files.write_results(report, [], None, [], tmp_path)
    assert written == ["table.md", "table.csv", "evaluation.json"]
    with lock_folder(tmp_path, wait=False):
        assert (tmp_path / "sheet.png").exists()

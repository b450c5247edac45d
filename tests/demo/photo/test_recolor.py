"""Colors that change after the run, without the network."""

import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import load_model, save_checkpoint
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.canvas import Studio
from colorizer.demo.photo.comparison import Comparison, Settings
from colorizer.demo.photo.recolor import adjusted, colors, repaint, rescore, score_of
from colorizer.demo.photo.run import compare
from colorizer.errors import ColorizerError
from colorizer.photos.adjusting import adjust
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.merging import merge_colors
from colorizer.pipelines.hints import Hint

NAMES = ["tiny-colorful", "tiny-dense"]
NEUTRAL = {"saturation": 1.0, "warmth": 0.0, "strength": 1.0}


@pytest.fixture(scope="module")
def catalog(checkpoints: list[str], tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    torch.manual_seed(0)
    model = load_model(checkpoints[0])
    # Untrained, it holds all colors alike, so that no temperature would make a difference.
    for weight in model.parameters():
        if weight.ndim == 4:
            torch.nn.init.kaiming_normal_(weight)
    with torch.no_grad():
        list(model.parameters())[-2].mul_(2 / model(torch.rand(1, 1, 32, 32) * 100).logits.std())
    folder = tmp_path_factory.mktemp("opinionated") / "tiny-colorful"
    save_checkpoint(model, folder)
    return Catalog([str(folder), checkpoints[1]])


@pytest.fixture(scope="module")
def fresh(catalog: Catalog, color_photo: str, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    *_, comparison = compare(
        catalog,
        color_photo,
        NAMES,
        Settings(options={"temperature": 0.38}, num_images=2, seed=5),
        tmp_path_factory.mktemp("run"),
    )
    return comparison


@pytest.fixture
def comparison(fresh: Comparison, tmp_path: Path) -> Comparison:
    """Results of the photo in a folder of this test's own."""
    folder = Path(shutil.copytree(fresh.folder, tmp_path / "run"))
    own = {"folder": folder} | {name: folder / getattr(fresh, name).name for name in ("shown", "gray", "truth")}
    results = tuple(
        replace(result, preview=folder / result.preview.name, predictions=folder / result.predictions.name)
        for result in fresh.results
    )
    return replace(fresh, results=results, **own)


def opened(path: Path | BytesIO) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def change(comparison: Comparison, **numbers: float) -> Comparison:
    """The comparison with all results painted in other colors."""
    changed = adjusted(comparison, **(NEUTRAL | numbers))
    return replace(changed, results=tuple(repaint(changed, result.label) for result in changed.results))


def test_no_network_runs(comparison: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object, **options: object) -> None:
        raise AssertionError("the network ran")

    monkeypatch.setattr(ColorizerModel, "forward", refuse)
    changed = rescore(change(comparison, saturation=0.3, warmth=10, strength=0.8, options={"temperature": 0.9}))
    for before, after in zip(comparison.results, changed.results, strict=True):
        assert not np.array_equal(opened(before.preview), opened(after.preview))
        assert before.scores != after.scores
        assert score_of(changed, after.label) == after.scores


@pytest.mark.parametrize("numbers", [{"saturation": 0.4}, {"warmth": -25}, {"strength": 0.5}])
def test_pictures_are_those_of_the_adjusted_colors(comparison: Comparison, pixels: np.ndarray, numbers: dict) -> None:
    changed = change(comparison, **numbers)
    for (result, ab), after in zip(colors(comparison), changed.results, strict=True):
        assert result.label == after.label
        expected = BytesIO()
        Image.fromarray(merge_colors(pixels, adjust(ab, **numbers))).save(expected, "JPEG", quality=92, subsampling=0)
        assert np.array_equal(opened(after.preview), opened(expected))


def test_going_back_gives_what_there_was(comparison: Comparison) -> None:
    again = change(change(comparison, saturation=2, options={"temperature": 0.8}))
    for before, after in zip(comparison.results, again.results, strict=True):
        assert np.array_equal(opened(before.preview), opened(after.preview))
    assert rescore(again).results[0].scores == pytest.approx(comparison.results[0].scores, abs=1e-4)


@pytest.mark.parametrize("settings", [{}, {"num_images": 2, "seed": 5}, {"num_images": 3, "seed": 0}])
def test_another_temperature_is_what_the_network_answers_at_it(
    catalog: Catalog, color_photo: str, tmp_path: Path, settings: dict
) -> None:
    *_, comparison = compare(catalog, color_photo, NAMES, Settings(options={"temperature": 0.38}, **settings), tmp_path)
    told = replace(comparison, settings=replace(comparison.settings, options={"temperature": 0.8}))
    kept = [ab for result, ab in colors(told) if result.name == "tiny-colorful"]
    asked = catalog.pipeline("tiny-colorful")(color_photo, temperature=0.8, return_dict=True, **settings)
    asked = asked if isinstance(asked, list) else [asked]
    assert len(kept) == len(asked) == settings.get("num_images", 1)
    for mine, theirs in zip(kept, asked, strict=True):
        torch.testing.assert_close(mine, theirs.ab, atol=0.1, rtol=0)
        assert not torch.allclose(mine, next(colors(comparison))[1], atol=0.2)


def test_settings_hold_for_the_next_run_too(
    catalog: Catalog, comparison: Comparison, color_photo: str, tmp_path: Path
) -> None:
    changed = change(comparison, warmth=20, strength=0.7)
    *_, anew = compare(catalog, color_photo, NAMES, changed.settings, tmp_path)
    for after, before in zip(anew.results, changed.results, strict=True):
        assert np.array_equal(opened(after.preview), opened(before.preview))


def test_files_that_are_gone_are_said(comparison: Comparison) -> None:
    shutil.rmtree(comparison.folder)
    for step in (
        lambda: change(comparison, warmth=5),
        lambda: rescore(comparison),
        lambda: score_of(comparison, "tiny-dense"),
    ):
        with pytest.raises(ColorizerError, match="colorize the photo again"):
            step()


def test_numbers_out_of_range_are_named(comparison: Comparison) -> None:
    with pytest.raises(ColorizerError, match="warmth"):
        change(comparison, warmth=1000)


def test_only_the_result_that_is_asked_for_is_painted(comparison: Comparison) -> None:
    before = {path: path.read_bytes() for path in comparison.folder.iterdir()}
    changed = repaint(adjusted(comparison, **(NEUTRAL | {"saturation": 0.2})), "tiny-dense")
    assert set(comparison.folder.iterdir()) - set(before) == {changed.preview}
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(ColorizerError, match="There is no result 'rembrandt'"):
        repaint(comparison, "rembrandt")


def test_gray_photo_has_no_scores_however_it_is_adjusted(catalog: Catalog, gray_photo: str, tmp_path: Path) -> None:
    (comparison,) = compare(catalog, gray_photo, NAMES[:1], Settings(), tmp_path)
    changed = change(comparison, saturation=0.5)
    assert rescore(changed).results[0].scores == score_of(changed, "tiny-colorful") == {}


def test_hints_hold_for_every_result_and_its_scores(comparison: Comparison) -> None:
    hints = (Hint(20, 24, (200, 30, 30)),)
    hinted = replace(comparison, hints=hints, studio=Studio(comparison.catalog), version=1)
    for before, after in zip(colors(comparison), colors(hinted), strict=True):
        assert before[0] is after[0]
        height, width = after[1].shape[1:]
        place = after[1][:, int(24.5 / 48 * height), int(20.5 / 80 * width)]
        assert (place - rgb_to_lab(torch.tensor(hints[0].rgb).view(3, 1, 1) / 255)[1:, 0, 0]).norm() < 3
    assert rescore(hinted).results[0].scores != comparison.results[0].scores
    assert not np.array_equal(opened(repaint(hinted, "tiny-dense").preview), opened(comparison.results[-1].preview))

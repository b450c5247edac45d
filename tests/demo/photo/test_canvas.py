from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import save_checkpoint
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo import canvas as studio_module
from colorizer.demo.photo.canvas import Studio
from colorizer.demo.photo.history import Hinting
from colorizer.errors import ColorizerError, PhotoError
from colorizer.graphs.network import GraphNetwork
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.files.reading import read_photo
from colorizer.photos.lightness import compute_lightness
from tests.pipelines.test_prediction import lively

BLUE, RED = (51, 102, 204), (200, 40, 30)


@pytest.fixture(scope="module")
def catalog(checkpoints: list[str], tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("hinted") / "tiny-hinted"
    save_checkpoint(lively("pix2pix", num_levels=4, resolution=48, hints=True), folder)
    return Catalog([*checkpoints, str(folder)])


@pytest.fixture
def studio(catalog: Catalog) -> Studio:
    return Studio(catalog)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Runs of a network, True for each with hints."""
    seen, run = [], GraphNetwork.__call__

    def listen(self, lightness, *, hints=None, **options):
        seen.append(hints is not None)
        return run(self, lightness, hints=hints, **options)

    monkeypatch.setattr(GraphNetwork, "__call__", listen)
    return seen


@pytest.fixture(scope="module")
def smooth_photo(tmp_path_factory: pytest.TempPathFactory) -> str:
    """300×200, the left half darker than the right."""
    path = tmp_path_factory.mktemp("photos") / "two halves.png"
    Image.fromarray(np.where(np.mgrid[:200, :300][1] < 150, 90, 170).astype(np.uint8)).save(path)
    return str(path)


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_a_hint_colors_its_side_of_an_edge_and_not_the_other(studio: Studio, smooth_photo: str, tmp_path: Path):
    before = studio.open(smooth_photo)
    chosen = before.choose(60, 100)
    rgb = studio.suggest(chosen, "tiny-dense")[6].rgb  # the hue opposite to what is predicted
    after = chosen.color(rgb)
    plain = pixels(studio.save(before, "tiny-dense", tmp_path))
    hinted = pixels(studio.save(after, "tiny-dense", tmp_path))
    assert plain.shape == hinted.shape == (200, 300, 3)
    change = np.abs(hinted - plain).max(2)
    assert change[95:105, 55:65].mean() > 10
    assert change[:, 160:].max() <= 2
    shown = rgb_to_lab(torch.tensor(hinted[100, 60]).view(3, 1, 1) / 255)[1:, 0, 0]
    wanted = rgb_to_lab(torch.tensor(rgb).view(3, 1, 1) / 255)[1:, 0, 0]
    # At the photo's own lightness sRGB may have less chroma.
    assert torch.nn.functional.cosine_similarity(shown, wanted, dim=0) > 0.95
    assert shown.norm() > 0.6 * wanted.norm()


def test_a_click_runs_no_network_that_takes_no_hints(studio: Studio, smooth_photo: str, tmp_path: Path, runs: list):
    hinting = studio.open(smooth_photo)
    for x in (40, 80, 120):
        hinting = hinting.choose(x, 50).color(BLUE)
        studio.color(smooth_photo, "tiny-colorful", hinting.hints)
        studio.suggest(hinting, "tiny-colorful")
    studio.save(hinting, "tiny-colorful", tmp_path)
    assert runs == [False]
    dense = studio.color(smooth_photo, "tiny-dense", hinting.hints)
    assert runs == [False, False]
    # Nor where the colors without hints are known already.
    other = studio.color(smooth_photo, "tiny-dense", hinting.hints, predicted=torch.zeros(2, 32, 32))
    assert runs == [False, False]
    assert not torch.equal(dense, other)


def test_a_network_trained_with_hints_is_given_them(studio: Studio, smooth_photo: str, runs: list):
    hinting = studio.open(smooth_photo)
    before = studio.color(smooth_photo, "tiny-hinted", ())
    hints = hinting.choose(60, 100).color(BLUE).hints
    ab = studio.color(smooth_photo, "tiny-hinted", hints)
    assert runs == [False, True]
    canvas = studio._canvas(smooth_photo)
    prediction = canvas.predict(studio.catalog, "tiny-hinted", canvas.own_hints(hints))
    assert not torch.equal(before, prediction.ab)
    # What the network leaves of the color is spread.
    blue = rgb_to_lab(torch.tensor(BLUE).view(3, 1, 1) / 255)[1:, 0, 0]
    spread, predicted = (
        colors[:, int(100.5 / 200 * colors.shape[1]), int(60.5 / 300 * colors.shape[2])]
        for colors in (ab, prediction.ab)
    )
    assert (spread - blue).norm() < 3 < (predicted - blue).norm()
    studio.color(smooth_photo, "tiny-hinted", hints, predicted=before)
    assert runs == [False, True]


def test_colors_are_suggested_for_the_chosen_place(studio: Studio, smooth_photo: str):
    hinting = studio.open(smooth_photo)
    assert studio.suggest(hinting, "tiny-dense") == ()
    hinting = hinting.choose(299, 199)
    assert studio.suggest(hinting, "tiny-dense")[0].reason == "predicted"
    assert studio.suggest(hinting, "tiny-colorful")[0].reason.endswith("%")


def test_what_is_saved_is_whole_and_says_whose_guess_it_is(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(studio_module, "CANVAS_PIXELS", 5_000)
    exif = Image.Exif()
    exif[0x013B] = "Ada"
    photo = tmp_path / "large.jpg"
    Image.new("L", (200, 100), 120).convert("RGB").save(photo, exif=exif, icc_profile=b"profile")
    hinting = studio.open(str(photo)).choose(100, 50).color(BLUE)
    assert studio._canvas(str(photo)).photo.size == (100, 50)
    path = studio.save(hinting, "tiny-dense", tmp_path)
    assert path.name == "large-tiny-dense-hints.png"
    with Image.open(path) as image:
        assert image.size == (200, 100)
        assert image.getexif()[0x013B] == "Ada"
        assert "tiny-dense" in image.info["Description"]


def test_photos_are_kept_within_bounds(studio: Studio, tmp_path: Path, runs: list, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(studio_module, "MAX_PHOTOS", 2)
    monkeypatch.setattr(studio_module, "MAX_PREDICTIONS", 1)
    photos = [str(tmp_path / f"{number}.png") for number in range(3)]
    for photo in photos:
        Image.new("RGB", (40, 30)).save(photo)
        studio.color(photo, "tiny-dense", ())
    studio.color(photos[2], "tiny-dense", ())
    assert len(runs) == 3
    studio.color(photos[0], "tiny-dense", ())
    studio.color(photos[0], "tiny-colorful", ())
    studio.color(photos[0], "tiny-dense", ())
    assert len(runs) == 6
    assert len(studio._canvases) == 2


def test_what_is_no_photo_is_said(studio: Studio, color_photo: str, broken_photo: str, tmp_path: Path):
    with pytest.raises(PhotoError, match="Choose a photo first"):
        studio.open(None)
    with pytest.raises(PhotoError, match=r"^broken\.jpg"):
        studio.open(broken_photo)
    with pytest.raises(PhotoError, match=r"no file gone\.png"):
        studio.save(Hinting(str(tmp_path / "gone.png"), (4, 4)), "tiny-dense", tmp_path)
    with pytest.raises(ColorizerError, match="no model 'rembrandt'"):
        studio.color(color_photo, "rembrandt", ())


def test_the_photo_keeps_its_lightness(studio: Studio, smooth_photo: str, tmp_path: Path):
    path = studio.save(studio.open(smooth_photo).choose(60, 100).color(BLUE), "tiny-dense", tmp_path)
    before, after = (compute_lightness(read_photo(photo), (200, 300)) for photo in (smooth_photo, path))
    assert (before - after).abs().max() < 0.6

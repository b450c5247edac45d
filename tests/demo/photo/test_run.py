import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer import create_model
from colorizer.demo import previews as demo_pictures
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.comparison import Comparison, Settings
from colorizer.demo.photo.downloads import gallery
from colorizer.demo.photo.run import colorize, compare
from colorizer.demo.photo.score_table import score_table
from colorizer.errors import ColorizerError, PhotoError
from colorizer.evaluation.photo_scores import score
from colorizer.photos.files.reading import read_photo
from colorizer.photos.merging import gray_pixels
from colorizer.photos.photo import Photo

NAMES = ["tiny-colorful", "tiny-dense"]


@pytest.fixture(scope="module")
def catalog(checkpoints: list[str], damaged_checkpoint: str) -> Catalog:
    return Catalog([*checkpoints, damaged_checkpoint])


def last(catalog: Catalog, photo: str, folder: Path, names: list[str] = NAMES, **settings: float | None) -> Comparison:
    *_, comparison = compare(catalog, photo, names, Settings(**settings), folder)
    return comparison


def test_results_arrive_one_after_another(catalog: Catalog, color_photo: str, tmp_path: Path) -> None:
    reports = []
    steps = list(compare(catalog, color_photo, NAMES, Settings(), tmp_path, lambda *report: reports.append(report)))
    assert [[result.name for result in step.results] for step in steps] == [NAMES[:1], NAMES]
    assert [step.is_done for step in steps] == [False, True]
    assert reports == [(0, 2, NAMES[0]), (1, 2, NAMES[1])]
    for result in steps[-1].results:
        assert result.seconds > 0
        for path in (steps[-1].gray, steps[-1].truth, result.preview):
            with Image.open(path) as image:
                assert image.format == "JPEG"
                assert image.size == (80, 48)


def test_photo_is_decoded_once(
    catalog: Catalog, color_photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    read = read_photo

    def count(source: object, **options: object) -> Photo:
        if not isinstance(source, Photo):  # that one is decoded already
            reads.append(source)
        return read(source, **options)

    for reader in ("colorizer.demo.previews", "colorizer.pipelines.image_colorization"):
        monkeypatch.setattr(f"{reader}.read_photo", count)
    last(catalog, color_photo, tmp_path)
    assert reads == [color_photo]


def test_gray_photo_has_no_scores(catalog: Catalog, gray_photo: str, tmp_path: Path) -> None:
    comparison = last(catalog, gray_photo, tmp_path)
    assert all(not result.scores for result in comparison.results)
    assert comparison.truth_colorfulness is None
    heading, *rows = score_table(comparison)
    assert heading == ["Approach", "Name in code", "Year", "Seconds"]
    assert [row[1] for row in rows] == NAMES


def test_color_photo_has_scores_and_the_best_is_marked(catalog: Catalog, color_photo: str, tmp_path: Path) -> None:
    comparison = last(catalog, color_photo, tmp_path)
    heading, *rows = score_table(comparison)
    psnrs = [result.scores["psnr"] for result in comparison.results]
    better = psnrs.index(max(psnrs))
    assert rows[better][heading.index("PSNR ↑")] == f"{max(psnrs):.1f} ★"
    assert rows[1 - better][heading.index("PSNR ↑")] == f"{min(psnrs):.1f}"
    assert [row[:3] for row in rows] == [
        ["Zhang, vivid (tiny-colorful)", "tiny-colorful", "2016"],
        ["First try (tiny-dense)", "tiny-dense", "2018"],
    ]


def test_result_that_equals_the_photo_scores_best_of_all(pixels: np.ndarray) -> None:
    same, without_color = score(pixels, pixels), score(gray_pixels(pixels), pixels)
    assert same["psnr"] > without_color["psnr"]
    assert same["ssim"] == pytest.approx(1)
    assert same["ciede2000"] == pytest.approx(0, abs=1e-3)
    assert without_color["ciede2000"] > 5
    assert without_color["colorfulness"] == pytest.approx(0, abs=0.5)


def test_failing_model_leaves_the_others_alone(catalog: Catalog, color_photo: str, tmp_path: Path) -> None:
    comparison = last(catalog, color_photo, tmp_path, ["damaged", "tiny-dense"])
    assert comparison.is_done
    assert "model.safetensors" in comparison.results[0].problem
    assert comparison.results[1].preview.exists()
    assert [row[1] for row in score_table(comparison)[1:]] == ["tiny-dense"]
    assert [caption for _, caption in gallery(comparison)] == [f"tiny-dense, {comparison.results[1].seconds:.2f} s"]


def test_gallery_of_failures_only_is_an_error(catalog: Catalog, color_photo: str, tmp_path: Path) -> None:
    with pytest.raises(ColorizerError, match=r"model\.safetensors"):
        gallery(last(catalog, color_photo, tmp_path, ["damaged"]))


def test_names_that_are_not_there_are_refused_at_once(catalog: Catalog, color_photo: str, tmp_path: Path) -> None:
    tracemalloc.start()
    start = time.monotonic()
    for names in ([f"unknown-{number}" for number in range(40_000)], ["tiny-dense"] * 40_000, "tiny-dense", [{}]):
        with pytest.raises(ColorizerError, match="tiny-dense") as caught:
            last(catalog, color_photo, tmp_path, names)
        assert len(str(caught.value)) < 1000
    with pytest.raises(ColorizerError, match="no model 'rembrandt'"):
        last(catalog, color_photo, tmp_path, ["tiny-dense", "rembrandt"])
    with pytest.raises(ColorizerError, match="no model 'aaa") as caught:
        last(catalog, color_photo, tmp_path, ["a" * 10**6])
    assert len(str(caught.value)) < 1000
    # The longest is the list of names above.
    assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    tracemalloc.stop()
    assert time.monotonic() - start < 2
    assert not list(tmp_path.iterdir())


def test_results_that_are_too_large_together_are_refused_before_any_is_made(
    catalog: Catalog, color_photo: str, tmp_path: Path
) -> None:
    steps = compare(catalog, color_photo, NAMES, Settings(), tmp_path, max_total_pixels=2 * 80 * 48 - 1)
    with pytest.raises(ColorizerError, match="2 results"):
        next(steps)
    assert not list(tmp_path.iterdir())
    assert next(compare(catalog, color_photo, NAMES, Settings(), tmp_path, max_total_pixels=2 * 80 * 48)).results


def test_large_photo_is_shown_smaller(
    catalog: Catalog, color_photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_pictures, "PREVIEW_PIXELS", 960)
    (comparison,) = compare(catalog, color_photo, ["tiny-dense"], Settings(), tmp_path)
    paths = (comparison.gray, comparison.truth, comparison.results[0].preview)
    assert [Image.open(path).size for path in paths] == [(40, 24)] * 3
    assert comparison.size == (80, 48)


def test_transparent_photo_stays_so_in_its_previews(
    catalog: Catalog, pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_pictures, "PREVIEW_PIXELS", 960)
    alpha = np.full(pixels.shape[:2], 255, np.uint8)
    alpha[:24] = 0
    path = tmp_path / "hole.png"
    Image.fromarray(np.dstack([pixels, alpha])).save(path)
    (comparison,) = compare(catalog, str(path), ["tiny-dense"], Settings(warmth=20), tmp_path)
    for preview in (comparison.gray, comparison.truth, comparison.results[0].preview):
        shown = np.asarray(Image.open(preview))
        assert shown.shape == (24, 40, 4)
        assert (shown[:8, :, 3] == 0).all()
        assert (shown[16:, :, 3] == 255).all()


def test_several_answers_of_those_that_have_them(catalog: Catalog, color_photo: str, tmp_path: Path) -> None:
    comparison = last(catalog, color_photo, tmp_path, num_images=3, seed=1)
    labels = [*(f"tiny-colorful, variant {number}" for number in (1, 2, 3)), "tiny-dense"]
    assert [result.label for result in comparison.results] == labels
    assert len({result.preview.read_bytes() for result in comparison.results}) == 4
    names = [f"Zhang, vivid (tiny-colorful), variant {number}" for number in (1, 2, 3)]
    assert [row[0] for row in score_table(comparison)[1:]] == [*names, "First try (tiny-dense)"]
    other = tmp_path / "other"
    other.mkdir()
    reseeded = last(catalog, color_photo, other, num_images=3, seed=2)
    pictures = [[result.preview.read_bytes() for result in run.results] for run in (comparison, reseeded)]
    assert not set(pictures[0][:3]) & set(pictures[1][:3])
    assert pictures[0][3] == pictures[1][3]
    with pytest.raises(ColorizerError, match="at most 4"):
        Settings(num_images=5)


def test_what_is_done_stays_when_a_run_is_ended(catalog: Catalog, color_photo: str, tmp_path: Path) -> None:
    steps = compare(catalog, color_photo, NAMES, Settings(), tmp_path)
    first = next(steps)
    steps.close()
    assert not first.is_done
    assert first.results[0].preview.exists()
    assert [result.name for result in first.results] == NAMES[:1]


def test_settings_reach_the_approaches_that_have_them(catalog: Catalog, color_photo: str, tmp_path: Path) -> None:
    settings = Settings(saturation=0.5, options={"temperature": 0.9}, resolution=64, num_images=2, seed=3)
    colorful, dense = (catalog.pipeline(name).model for name in NAMES)
    assert settings.for_model(colorful).keywords == {
        "saturation": 0.5,
        "temperature": 0.9,
        "resolution": 64,
        "num_images": 2,
        "seed": 3,
    }
    assert settings.for_model(dense).keywords == {"saturation": 0.5}
    assert Settings().for_model(colorful).keywords == {"saturation": 1.0}
    assert last(catalog, color_photo, tmp_path, options={"temperature": 0.9}, resolution=64).is_done


def test_one_approach_alone_refuses_what_it_does_not_have(catalog: Catalog, color_photo: str, tmp_path: Path) -> None:
    with pytest.raises(ColorizerError, match="temperature"):
        colorize(catalog, color_photo, "tiny-dense", Settings(options={"temperature": 0.5}), tmp_path)
    with pytest.raises(ColorizerError, match="resolution 32, not 64"):
        colorize(catalog, color_photo, "tiny-dense", Settings(resolution=64), tmp_path)
    with pytest.raises(ColorizerError, match="at most 1024"):
        Settings(resolution=4096)


def test_a_network_that_is_cheap_at_its_own_resolution_alone_is_refused_above(catalog: Catalog) -> None:
    model = create_model("colorful", width=4, resolution=64)
    assert Settings(resolution=64).for_model(model).resolution == 64
    for _ in range(2):
        with pytest.raises(ColorizerError, match="too much time or memory"):
            Settings(resolution=1024).for_model(model)
    small = catalog.pipeline("tiny-colorful").model
    assert Settings(resolution=1024).for_model(small).resolution == 1024


def test_saturation_zero_is_gray(catalog: Catalog, color_photo: str, pixels: np.ndarray, tmp_path: Path) -> None:
    path = colorize(catalog, color_photo, "tiny-colorful", Settings(saturation=0), tmp_path)
    difference = np.asarray(Image.open(path).convert("RGB")).astype(int) - gray_pixels(pixels)
    assert np.abs(difference).max() <= 1


def test_nothing_chosen(catalog: Catalog, color_photo: str, tmp_path: Path) -> None:
    with pytest.raises(ColorizerError, match="at least one approach"):
        last(catalog, color_photo, tmp_path, [])
    with pytest.raises(PhotoError, match="Choose a photo first"):
        last(catalog, "", tmp_path)


def test_broken_photo_is_named(catalog: Catalog, broken_photo: str, tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"^broken\.jpg"):
        last(catalog, broken_photo, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [(20, 70_000), (70_000, 20), (1, 1_000_000)])
def test_a_photo_longer_than_a_preview_can_be_is_colored(
    catalog: Catalog, size: tuple[int, int], tmp_path: Path
) -> None:
    path = tmp_path / "long.png"
    Image.new("RGB", size, (90, 120, 60)).save(path)
    comparison = last(catalog, str(path), tmp_path, ["tiny-dense"])
    assert comparison.size == size
    for preview in (comparison.gray, comparison.results[0].preview):
        with Image.open(preview) as image:
            assert max(image.size) == 65_500

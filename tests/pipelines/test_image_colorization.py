import io
from collections.abc import Iterator

import numpy as np
import pytest
import torch
import transformers
from datasets import Dataset, Features
from datasets import Image as ImageColumn
from PIL import Image
from skimage import data

from colorizer import CheckpointError, ColorizerError, PhotoError, create_model, pipeline, save_checkpoint
from colorizer.checkpoints import checkpoint_folder
from colorizer.hub.loading import load_model, model_digest
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.files.reading import read_photo
from colorizer.photos.lightness import compute_lightness
from colorizer.pipelines.image_colorization import ColorizationPipeline, ColorizationResult
from colorizer.pipelines.options import working_size


@pytest.fixture(scope="module")
def colorful(tmp_path_factory) -> str:
    torch.manual_seed(0)
    model = create_model("colorful", width=1 / 16, resolution=32)
    # At random all bins are as likely everywhere: with statistics of its own and louder logits it tells places apart.
    for _ in range(50):
        model.train()(torch.rand(4, 1, 32, 32) * 100)
    with torch.no_grad():
        [*model.parameters()][-2].mul_(20)
    return str(save_checkpoint(model, tmp_path_factory.mktemp("checkpoints") / "tiny-colorful"))


@pytest.fixture(scope="module")
def colorize(colorful) -> ColorizationPipeline:
    return pipeline(colorful, device="cpu")


@pytest.fixture(scope="module")
def photos() -> list[Image.Image]:
    """Photos of several shapes, so that a batch contains some that can't be stacked."""
    coffee = Image.fromarray(data.coffee())
    return [coffee.resize(size) for size in ((60, 40), (40, 60), (61, 40), (50, 50), (60, 40))]


def test_one_photo_gives_one_of_its_own_size_and_lightness(colorize, photos):
    colored = colorize(photos[0])
    assert isinstance(colored, Image.Image)
    assert colored.size == photos[0].size
    before, after = (compute_lightness(np.asarray(photo), (40, 60)) for photo in (photos[0], colored))
    assert (before - after).abs().max() < 1.5
    assert colored.info["model"] == "tiny-colorful"


def test_whatever_holds_a_photo_is_taken(colorize, photos, tmp_path):
    path = tmp_path / "photo.png"
    photos[0].save(path)
    expected = np.asarray(colorize(photos[0]))
    for source in (str(path), path, path.read_bytes(), io.BytesIO(path.read_bytes()), np.asarray(photos[0])):
        np.testing.assert_array_equal(np.asarray(colorize(source)), expected)
    np.testing.assert_array_equal(np.asarray(colorize(read_photo(path))), expected)


def test_what_a_photo_becomes_does_not_depend_on_its_company(colorize, photos):
    alone = [np.asarray(colorize(photo)).astype(int) for photo in photos]
    for batch_size in (1, 2, 8):
        together = colorize(photos, batch_size=batch_size)
        assert isinstance(together, list)
        for expected, photo in zip(alone, together, strict=True):
            assert np.abs(np.asarray(photo) - expected).max() <= 1


def test_a_generator_is_streamed_and_read_no_further_than_it_has_to_be(colorize, photos):
    taken = []

    def source() -> Iterator[Image.Image]:
        for index in range(40):
            taken.append(index)
            yield photos[index % len(photos)]

    stream = colorize(source(), batch_size=2)
    assert next(stream).size == photos[0].size
    assert len(taken) <= 6
    assert [photo.size for photo in stream] == [photos[index % len(photos)].size for index in range(1, 40)]


def test_return_dict_gives_everything(colorize, photos):
    result = colorize(photos[0], return_dict=True)
    assert isinstance(result, ColorizationResult)
    height, width = working_size(photos[0].size, colorize.model)
    assert result.ab.shape == (2, height, width)
    assert result.logits.shape == (313, height // 4, width // 4)
    assert result.seconds > 0
    assert result.ab.std() > 1
    assert result.photo.size == photos[0].size
    # What was read once is not decoded again.
    assert colorize(result.photo, return_dict=True).photo is result.photo


def test_options_change_the_colors(colorful, colorize, photos):
    plain = colorize(photos[0], return_dict=True)
    assert np.ptp(np.asarray(colorize(photos[0], saturation=0.0)), axis=-1).max() <= 1
    assert colorize(photos[0], resolution=64, return_dict=True).ab.shape[1] > plain.ab.shape[1]
    warm = colorize(photos[0], temperature=3.0, return_dict=True)
    assert warm.ab.std((1, 2)).sum() < plain.ab.std((1, 2)).sum()
    by_default = pipeline(colorful, device="cpu", temperature=3.0)(photos[0], return_dict=True)
    assert torch.equal(by_default.ab, warm.ab)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"saturation": -1}, "saturation"),
        ({"saturation": float("nan")}, "saturation"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"resolution": 0}, "resolution"),
        ({"resolution": 10**6}, "resolution"),
        ({"batch_size": 0}, "batch_size"),
        ({"style": "sepia"}, "colorful does not take the option style: it has temperature"),
    ],
)
def test_options_that_do_not_fit_are_refused(colorize, photos, options, message):
    with pytest.raises(ColorizerError, match=message):
        colorize(photos[0], **options)


def test_an_approach_names_the_options_it_has(photos):
    dense = pipeline(create_model("dense", width=1 / 32), device="cpu")
    with pytest.raises(ColorizerError, match="dense does not take the option temperature: it has none of its own"):
        dense(photos[0], temperature=0.5)
    with pytest.raises(ColorizerError, match=r"dense .*resolution 32, not 64"):
        dense(photos[0], resolution=64)


def test_photos_that_can_not_be_read_are_named(colorize, photos, tmp_path):
    (tmp_path / "notes.jpg").write_text("no photo")
    for source in (tmp_path / "notes.jpg", [photos[0], tmp_path / "notes.jpg"]):
        with pytest.raises(PhotoError, match=r"notes\.jpg"):
            colorize(source)
    with pytest.raises(ColorizerError, match="list of photos is empty"):
        colorize([])


def test_colors_that_are_not_finite_are_never_shown(photos):
    model = create_model("dense", width=1 / 32)
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(ColorizerError, match="not finite"):
        pipeline(model, device="cpu")(photos[0])


def test_models_devices_and_precisions_that_are_none_are_refused(colorful):
    with pytest.raises(CheckpointError, match="There is no checkpoint 'no-such'"):
        pipeline("no-such")
    with pytest.raises(ColorizerError, match="int is not a model"):
        pipeline(3)
    for options in ({"device": "cuda:99"}, {"device": "toaster"}, {"dtype": "float7"}, {"batch_size": -1}):
        with pytest.raises(ColorizerError):
            pipeline(colorful, **options)


def test_a_cpu_computes_in_float32_unless_told_otherwise(colorful, photos):
    assert pipeline(colorful, device="cpu", backend="torch").model.dtype == torch.float32
    # ONNX Runtime has its own weights; those that it doesn't use take half of the memory.
    assert pipeline(colorful, device="cpu").model.dtype == torch.float16
    assert pipeline(colorful, device="cpu", dtype=torch.bfloat16).model.dtype == torch.bfloat16
    assert pipeline(colorful, device="cpu", dtype="bfloat16")(photos[0]).size == photos[0].size


def test_transformers_own_pipeline_knows_the_task(colorful, colorize, photos):
    theirs = transformers.pipeline("image-colorization", model=colorful, device="cpu")
    assert isinstance(theirs, ColorizationPipeline)
    difference = np.asarray(theirs(photos[0])).astype(int) - np.asarray(colorize(photos[0]))
    assert np.abs(difference).max() <= 1


def test_transformers_own_pipeline_has_a_default(tmp_path):
    theirs = transformers.pipeline("image-colorization", device="cpu")
    assert model_digest(theirs.model) == model_digest(load_model("default"))
    theirs.save_pretrained(tmp_path / "saved")
    assert str(checkpoint_folder("default")) not in (tmp_path / "saved" / "config.json").read_text()


def test_a_column_of_a_dataset_is_taken(colorize, photos):
    rows = Dataset.from_dict({"image": photos}, Features({"image": ImageColumn()}))
    expected = [np.asarray(colorize(photo)) for photo in photos]
    for column in (rows["image"], rows.to_iterable_dataset()["image"], tuple(photos)):
        for colored, pixels in zip(colorize(column, batch_size=2), expected, strict=True):
            np.testing.assert_array_equal(np.asarray(colored), pixels)
    assert isinstance(colorize(rows["image"]), list)
    hints = [[], [(1, 1, (255, 0, 0))], [], [], []]
    hinted = colorize(rows["image"], hints=hints)
    assert [bool((np.asarray(one) != two).any()) for one, two in zip(hinted, expected, strict=True)] == [
        bool(hint) for hint in hints
    ]


def test_photos_in_color_are_left_alone_when_asked(colorize, photos):
    gray = photos[1].convert("L").convert("RGB")
    kept, colored, hinted = colorize(
        [photos[0], gray, photos[4]], keep_color=True, batch_size=2, hints=[(1, 1, (255, 0, 0))]
    )
    np.testing.assert_array_equal(np.asarray(kept), np.asarray(photos[0]))
    np.testing.assert_array_equal(np.asarray(hinted), np.asarray(photos[4]))
    assert "model" not in kept.info
    assert colored.info["model"] == "tiny-colorful"
    assert (np.asarray(colorize(gray, keep_color=True)) == np.asarray(colorize(gray))).all()
    assert (np.asarray(colorize(photos[0], keep_color=False)) != np.asarray(photos[0])).any()
    result = colorize(photos[0], keep_color=True, return_dict=True, num_images=2)
    assert len(result) == 2
    assert result[0].logits is None
    own = rgb_to_lab(torch.from_numpy(np.array(photos[0])).permute(2, 0, 1) / 255)[1:]
    assert (result[0].ab.mean((1, 2)) - own.mean((1, 2))).abs().max() < 0.5


@pytest.mark.parametrize(
    ("size", "aspect"), [((300, 200), 1.5), ((200, 300), 2 / 3), ((1, 10_000), 1 / 8), ((5, 5), 1)]
)
def test_the_working_size_keeps_aspect_and_area(colorize, size, aspect):
    height, width = working_size(size, colorize.model, 256)
    assert height % colorize.model.size_multiple == width % colorize.model.size_multiple == 0
    assert width / height == pytest.approx(aspect, rel=0.1)
    assert width * height == pytest.approx(256**2, rel=0.1)


def test_without_a_name_it_is_the_best_of_the_package():
    assert pipeline(device="cpu").name == "default"

"""A tenth approach with a space, an objective and options of its own gets everything from its one file."""

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from skimage import data

from colorizer import ColorizerError, approaches, create_model, list_approaches, load_model, pipeline, save_checkpoint
from colorizer.approaches.base.option import Option
from colorizer.cli.parser import main
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.comparison import Settings
from colorizer.demo.photo.recolor import adjusted, repaint
from colorizer.demo.photo.run import compare
from colorizer.training import parse_runs, train_runs
from tests.approaches import tenth, test_contract, test_contract_checkpoints
from tests.approaches.adding import added_approach
from tests.training.conftest import landscape

CONTRACT = [
    function
    for name, function in (vars(test_contract) | vars(test_contract_checkpoints)).items()
    if name.startswith("test_") and "approach" in inspect.signature(function).parameters
]


@pytest.fixture(scope="module", autouse=True)
def added() -> Iterator[None]:
    with added_approach("tenth", "Tenth", tenth):
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for split, numbers in (("train", range(12)), ("validation", range(12, 16)), ("test", range(16, 20))):
        (folder / split).mkdir()
        for number in numbers:
            landscape(number).save(folder / split / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short training run."""
    folder = tmp_path_factory.mktemp("runs") / "tenth"
    words = {"approach": "tenth", "dataset_name": photos, "output_dir": folder, "width": 0.5, "resolution": 32}
    words |= {"channels": 32, "max_train_steps": 60, "train_batch_size": 6, "learning_rate": 0.01, "ema_decay": 0.8}
    return train_runs(
        parse_runs([*(word for pair in words.items() for word in (f"--{pair[0]}", str(pair[1]))), "--cpu"])
    )


@pytest.fixture
def gray() -> Image.Image:
    return Image.fromarray(data.camera()[:96, :128])


def levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("function", CONTRACT, ids=lambda function: function.__name__)
def test_it_keeps_the_contract(function: Callable[..., None], tmp_path: Path):
    needed = {"approach": "tenth", "tmp_path": tmp_path}
    function(**{name: needed[name] for name in inspect.signature(function).parameters})


def test_it_learns_and_tells_so_on_its_card(run: Path):
    history = [record for record in json.loads((run / "history.json").read_text()) if "validation_loss" in record]
    assert history[-1]["validation_loss"] < np.log(37)
    card = (run / "README.md").read_text(encoding="utf-8")
    assert tenth.Tenth.title in card
    assert "`fade`" in card
    assert "`temperature`" in card
    assert "channels 32" in card


def test_its_options_work_in_python(run: Path, gray: Image.Image):
    colorize = pipeline(str(run), device="cpu")
    plain = levels(colorize(gray))
    assert np.ptp(plain, axis=2).max() > 10
    assert np.ptp(levels(colorize(gray, fade=1.0)), axis=2).max() <= 1
    assert not np.array_equal(plain, levels(colorize(gray, temperature=0.1)))
    for options, message in (
        ({"fade": 1.5}, r"fade must be a number from 0 to 1"),
        ({"temperature": 9}, r"temperature must be a number from 0\.1 to 4"),
        ({"scene": "beach"}, r"tenth does not take the option scene: it has temperature, fade"),
    ):
        with pytest.raises(ColorizerError, match=message):
            colorize(gray, **options)
    first, second = colorize(gray, num_images=2, seed=0)
    assert not np.array_equal(levels(first), levels(second))
    result = colorize(gray, return_dict=True)
    assert result.logits.shape[0] == 37
    assert 0 <= result.uncertainty.min() <= result.uncertainty.max() <= 1


def test_a_configuration_field_is_the_options_default(run: Path, gray: Image.Image, tmp_path: Path):
    model = load_model(run)
    model.config.fade = 1.0
    save_checkpoint(model, tmp_path)
    assert load_model(tmp_path).options["fade"].default == 1.0
    assert np.ptp(levels(pipeline(str(tmp_path), device="cpu")(gray)), axis=2).max() <= 1


def test_its_options_work_in_the_shell(run: Path, gray: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture):
    gray.save(tmp_path / "gray.png")
    command = ["colorize", str(tmp_path / "gray.png"), "--model", str(run)]
    for folder, given in (("plain", []), ("faded", ["--option", "fade=1"]), ("sharp", ["--temperature", "0.1"])):
        assert main([*command, "-o", str(tmp_path / folder), *given]) == 0
    plain, faded, sharp = (levels(Image.open(tmp_path / name / "gray.png")) for name in ("plain", "faded", "sharp"))
    assert np.ptp(faded, axis=2).max() <= 1 < np.ptp(plain, axis=2).max()
    assert not np.array_equal(plain, sharp)
    capsys.readouterr()
    wrong = {"fade=2": "from 0 to 1", "fade=much": "from 0 to 1", "shine=1": "temperature, fade", "fade": "NAME=VALUE"}
    for given, message in wrong.items():
        try:
            code = main([*command, "-o", str(tmp_path / "wrong"), "--option", given])
        except SystemExit as left:
            code = left.code
        assert code == 2
        assert message in capsys.readouterr().err
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert any("tenth" in line and "fade" in line for line in listed.splitlines())


def test_it_is_evaluated(run: Path, photos: Path, tmp_path: Path):
    command = ["evaluate", "--model", str(run), "--dataset", str(photos), "--resolution", "32", "-o", str(tmp_path)]
    assert main(command) == 0
    models = json.loads((tmp_path / "evaluation.json").read_text())["models"]
    assert models["tenth"]["psnr"]["mean"] > models["gray"]["psnr"]["mean"]


def test_the_app_compares_it_and_has_controls_for_its_options(run: Path, gray: Image.Image, tmp_path: Path):
    gray.save(tmp_path / "gray.png")
    catalog = Catalog([str(run)])
    assert {"temperature", "scene", "fade"} <= set(catalog.options)
    folders = [tmp_path / "plain", tmp_path / "faded"]
    for folder in folders:
        folder.mkdir()
    photo, settings = str(tmp_path / "gray.png"), (Settings(), Settings(options={"fade": 1.0}))
    plain, faded = (
        next(compare(catalog, photo, ["tenth"], own, folder)) for own, folder in zip(settings, folders, strict=True)
    )
    before, after = (levels(Image.open(one.results[0].preview)) for one in (plain, faded))
    assert np.ptp(after, axis=2).max() < np.ptp(before, axis=2).max()
    neutral = {"saturation": 1.0, "warmth": 0.0, "strength": 1.0}
    sharp = repaint(adjusted(plain, **neutral, options={"temperature": 0.1}), "tenth")
    assert not np.array_equal(levels(Image.open(sharp.preview)), before)


def broken_module(source: str) -> ModuleType:
    module = ModuleType("colorizer.approaches.broken")
    module.__dict__["tenth"] = tenth
    exec(source, module.__dict__)
    return module


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Broken(tenth.Tenth): pass", "model_type is 'colorizer-tenth' and must be 'colorizer-broken'"),
        ("class Broken(tenth.ColorizerModel): pass", "title is missing; plain_name is missing; plain_text is missing"),
        ("class Other: pass", "has no attribute 'Broken'"),
        (
            "class BrokenConfig(tenth.TenthConfig):\n    model_type = 'colorizer-broken'\n"
            "class Broken(tenth.Tenth):\n    config_class = BrokenConfig\n"
            "    network_options = (tenth.Option('resolution', 'x'),)",
            "'resolution' has another meaning",
        ),
        *(
            (
                "class BrokenConfig(tenth.TenthConfig):\n    model_type = 'colorizer-broken'\n"
                f"class Broken(tenth.Tenth):\n    config_class = BrokenConfig\n    network_options = ({option},)",
                message,
            )
            for option, message in (
                ("tenth.Option('temperature', 'x', 0.5)", "two options called 'temperature'"),
                ("tenth.Option('source', 'x', 0.5)", "'source' has another meaning"),
                ("tenth.Option('a b', 'x', 0.5)", "not an identifier"),
                ("tenth.Option('glow', 'x')", "'glow' needs a default"),
                ("tenth.Option('glow', 'x', 0.5, 1, 1)", "range of its option 'glow' is empty"),
            )
        ),
    ],
)
def test_a_class_that_breaks_the_contract_is_refused_before_training(source: str, message: str):
    with added_approach("broken", "Broken", broken_module(source)):
        with pytest.raises(ColorizerError, match=message):
            parse_runs(["--approach", "broken", "--dataset_name", "photos", "--output_dir", "run"])
        # The others go on without it.
        assert "broken" not in list_approaches()
        assert "tenth" in list_approaches()


def test_a_network_without_post_init_is_refused():
    source = (
        "class BrokenConfig(tenth.TenthConfig):\n    model_type = 'colorizer-broken'\n"
        "class Broken(tenth.Tenth):\n    config_class = BrokenConfig\n    def post_init(self): pass\n"
    )
    with added_approach("broken", "Broken", broken_module(source)), pytest.raises(ColorizerError, match="post_init"):
        create_model("broken")


def test_a_file_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setitem(approaches.APPROACHES, "unwritten", "Unwritten")
    approaches.register()
    assert "colorizer/approaches/unwritten.py" in caplog.text
    assert "dense" in list_approaches()
    assert "unwritten" not in list_approaches()
    with pytest.raises(ColorizerError, match=r"unwritten\.py can't be used: ModuleNotFoundError"):
        approaches.get_model_class("unwritten")


def test_options_check_their_values():
    number, name = Option("strength", "", 0.5, 0, 2), Option("mood", "", choices=("calm", "wild"))
    assert (number.parse("1.5"), name.parse("calm")) == (1.5, "calm")
    for option, value in ((number, 3), (number, "1"), (name, "sad")):
        with pytest.raises(ColorizerError, match=option.name):
            option.check(value, "mine")
    name.check(None, "mine")

import inspect
import json
from pathlib import Path

import pytest

from colorizer.approaches import get_model_class, list_approaches
from colorizer.checkpoints import EVALUATION, checkpoint_folder, list_checkpoints
from colorizer.demo.approaches import lessons as lessons_module
from colorizer.demo.approaches.lessons import (
    Lesson,
    lessons,
    measured,
    measured_curves,
    photo_terms,
    protocol,
    results_picture,
)
from colorizer.demo.approaches.tab import COLORS
from colorizer.demo.catalog import Catalog

OWN = list_approaches(own=True)


@pytest.fixture(scope="module")
def by_name() -> dict[str, Lesson]:
    return {lesson.name: lesson for lesson in lessons()}


def test_there_is_a_lesson_for_each_approach(by_name: dict[str, Lesson]) -> None:
    assert sorted(by_name) == sorted(OWN)
    years = [get_model_class(approach).year for approach in by_name]
    assert years == sorted(years)


@pytest.mark.parametrize("approach", OWN)
def test_lesson_says_what_the_approach_is(by_name: dict[str, Lesson], approach: str) -> None:
    model_class, lesson = get_model_class(approach), by_name[approach]
    assert lesson.heading.startswith(f"{model_class.plain_name}: {model_class.title}")
    for word in (
        model_class.authors,
        f"{model_class.year}",
        f"]({model_class.paper_url})",
        inspect.getdoc(model_class),
    ):
        assert word in lesson.text
    assert f"**Color space:** {type(model_class.space).__name__}. " in lesson.text
    assert "**Objective:** " in lesson.text
    assert "million weights" in lesson.text
    assert ("none comes with the package" in lesson.text) == (not lesson.checkpoints)


def test_objectives_are_said_in_words_and_numbers(by_name: dict[str, Lesson]) -> None:
    model_class = get_model_class("pix2pix")
    config = model_class.config_class()
    assert f"(l1 = {config.l1:g}, gan = {config.gan:g}, width = 1)" in by_name["pix2pix"].text
    assert "Mean absolute error, in float32. Then: Adversarial." in by_name["resnet_unet"].text
    assert "rebalance = True" in by_name["colorful"].text
    assert f"l = {model_class.space.l:g}, offset = {model_class.space.offset:g}" in by_name["pix2pix"].text


def test_every_checkpoint_of_the_package_is_told_by_its_approach(by_name: dict[str, Lesson]) -> None:
    told = {trained.name: (lesson.name, trained) for lesson in by_name.values() for trained in lesson.checkpoints}
    assert sorted(told) == sorted(list_checkpoints())
    for name, (approach, trained) in told.items():
        folder = checkpoint_folder(name)
        training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        assert training["approach"] == approach
        assert f"{training['steps']:,}" in trained.text
        assert training["command"] in trained.text
        assert [title for title in trained.text.splitlines() if title.startswith("####")] == [
            "#### Network",
            "#### Training",
            "#### Measured",
        ]
        assert "](" not in trained.text
        assert "Learning curves" not in trained.text
        assert [path for _, path in trained.pictures] == [folder / "curves.png", folder / "samples.webp"]
        assert all(path.is_file() for _, path in trained.pictures)


def test_measured_table_is_that_of_the_package() -> None:
    evaluation, text = json.loads(EVALUATION.read_text(encoding="utf-8")), measured()
    for name, metrics in evaluation["models"].items():
        assert f"| {name} | {metrics['psnr']['mean']:.2f} |" in text
    assert f"{evaluation['num_photos']:,} photos" in text
    assert f"{evaluation['true_colorfulness']:.1f}" in text
    curves = measured_curves(Catalog())
    assert len({len(column) for column in curves.values()}) == 1
    assert set(curves["Approach"]) == {entry.plain_name for entry in Catalog().entries}


def test_a_clone_has_cards_and_the_package_alone_does_without(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by_name: dict[str, Lesson]
) -> None:
    assert results_picture().name == "results.jpg"
    assert "license" in photo_terms()
    monkeypatch.setattr(lessons_module, "CARDS", tmp_path / "model_cards")
    assert results_picture() is None
    assert photo_terms() == ""
    assert protocol() == []
    assert lessons() == list(by_name.values())
    monkeypatch.setattr(lessons_module, "EVALUATION", tmp_path / "evaluation.json")
    assert measured() == ""


def test_each_curve_has_a_color_of_its_own() -> None:
    assert len(set(COLORS)) == len(COLORS) >= len(set(measured_curves(Catalog())["Approach"]))


def test_the_page_on_the_protocol_is_in_sections_with_pictures() -> None:
    sections = protocol()
    page = (lessons_module.CARDS / "protocol.md").read_text()
    pictures = [picture for section in sections for picture in section.pictures]
    assert len(pictures) == page.count("![")
    assert all(path.is_file() and caption for caption, path in pictures)
    texts = "\n\n".join(section.text for section in sections)
    assert "![" not in texts
    assert "](../" not in texts
    assert [line for line in texts.splitlines() if line.startswith(("|", "#### "))] == [
        line.replace("## ", "#### ") for line in page.splitlines() if line.startswith(("|", "## "))
    ]

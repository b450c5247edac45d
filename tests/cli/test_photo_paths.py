import os
import random
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from colorizer.atomic_write import make_folder
from colorizer.cli import jobs
from colorizer.cli.jobs import Job, check_not_input
from colorizer.cli.photo_paths import file_name, find_photos
from colorizer.errors import ColorizerError


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with photos, also in a subfolder, and with other files."""
    folder = tmp_path / "album"
    (folder / "below").mkdir(parents=True)
    for name in ("b.jpg", "A.PNG", "photo[1].jpg", ".hidden.jpg", "below/deep.jpg"):
        with (folder / name).open("wb") as file:
            Image.new("RGB", (4, 4)).save(file, "JPEG")
    (folder / "notes.txt").write_text("not a photo")
    return folder


def plan(arguments: list[str], folder: Path, models: list[str], suffix: str, **options: int) -> list[Job]:
    return jobs.plan(find_photos(arguments, results=folder).photos, folder, models, suffix, **options)


def names(sources: Iterable[str]) -> list[str]:
    return [Path(source).name for source in sources]


def test_a_folder_means_its_photos_and_not_those_below(album: Path):
    assert names(find_photos([str(album)]).photos) == ["A.PNG", "b.jpg", "photo[1].jpg"]


def results(jobs: list[Job], out: Path) -> list[str]:
    return [path.relative_to(out).as_posix() for job in jobs for path in job.outputs.values()]


def test_a_folder_is_colored_with_its_subfolders(album: Path, tmp_path: Path):
    out = tmp_path / "out"
    (album / "below" / "again").mkdir()
    (album / ".thumbnails").mkdir()
    for name in ("below/b.jpg", "below/again/b.jpg", "below/again/b.png", ".thumbnails/b.jpg"):
        (album / name).write_bytes((album / "b.jpg").read_bytes())
    planned = plan([str(album)], out, ["colorful"], "png")
    top, below = ["A.png", "b.png", "photo[1].png"], ["below/b.png", "below/deep.png"]
    assert results(planned, out) == [*top, *below, "below/again/b-jpg.png", "below/again/b-png.png"]
    assert results(plan([str(album / "below")], out, ["colorful"], "png"), out)[:2] == ["b.png", "deep.png"]
    both = plan([str(album / "b.jpg"), str(album)], out, ["colorful", "dense"], "png")
    assert len(both) == len(planned)


def test_results_inside_the_album_are_no_photos_of_it(album: Path):
    out = album / "colored"
    (out / "below").mkdir(parents=True)
    for name in ("colored/b.jpg", "colored/below/deep.jpg"):
        (album / name).write_bytes((album / "b.jpg").read_bytes())
    assert results(plan([str(album)], out, ["colorful"], "jpg"), out) == [
        "A.jpg",
        "b.jpg",
        "photo[1].jpg",
        "below/deep.jpg",
    ]


def test_a_link_to_a_folder_above_is_not_gone_round_for_ever(album: Path, tmp_path: Path):
    (tmp_path / "elsewhere").mkdir()
    (album / "b.jpg").rename(tmp_path / "elsewhere" / "far.jpg")
    (album / "below" / "up").symlink_to(album)
    (album / "below" / "linked").symlink_to(tmp_path / "elsewhere")
    out = tmp_path / "out"
    expected = ["A.png", "photo[1].png", "below/deep.png", "below/linked/far.png"]
    assert results(plan([str(album)], out, ["colorful"], "png"), out) == expected


def test_patterns_are_expanded_and_a_photo_is_there_once(album: Path, monkeypatch: pytest.MonkeyPatch):
    assert names(find_photos([f"{album}/**/*.jpg"]).photos) == ["b.jpg", "deep.jpg", "photo[1].jpg"]
    monkeypatch.chdir(album)
    assert list(find_photos(["b.jpg", "./b.jpg", str(album / "b.jpg"), "*.jpg"]).photos) == ["b.jpg", "photo[1].jpg"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(album: Path):
    assert names(find_photos([str(album / "photo[1].jpg")]).photos) == ["photo[1].jpg"]


def test_what_is_missing_is_left_for_reading_to_report(album: Path):
    assert list(find_photos(["missing.jpg", "long" * 2000]).photos) == ["missing.jpg", "long" * 2000]
    with pytest.raises(ColorizerError, match=r"No file matches 'nothing\*\.jpg'"):
        find_photos(["nothing*.jpg"])
    (album / "empty").mkdir()
    with pytest.raises(ColorizerError, match="holds no photos"):
        find_photos([str(album / "empty")])
    (album / "empty" / "below").mkdir()
    with pytest.raises(ColorizerError, match="holds no photos that can be read, nor do its subfolders"):
        plan([str(album / "empty")], album / "out", ["colorful"], "png")


def test_addresses_stay_what_they_are():
    url = "https://example.org/photos/old%20town.jpg?size=large"
    assert list(find_photos([url]).photos) == [url]
    assert file_name(url) == Path("old town.jpg")
    assert plan([url], Path("out"), ["colorful"], "png")[0].outputs == {"colorful": Path("out/old town.png")}


def test_several_answers_have_files_of_their_own(album: Path, tmp_path: Path):
    (job,) = plan([str(album / "b.jpg")], tmp_path, ["colorful", "mine"], "png", num_images=3)
    assert job.files("mine") == [tmp_path / f"b-mine-{number}.png" for number in (1, 2, 3)]
    for name in ("c.jpg", "c-1.png"):
        (album / name).write_bytes((album / "b.jpg").read_bytes())
    with pytest.raises(ColorizerError, match="itself would be overwritten"):
        plan([str(album / "c.jpg"), str(album / "c-1.png")], album, ["colorful"], "png", num_images=2)


def test_one_model_gives_the_photos_name_and_several_add_theirs(album: Path, tmp_path: Path):
    out = tmp_path / "out"
    (job,) = plan([str(album / "b.jpg")], out, ["colorful"], "webp")
    assert job.outputs == {"colorful": out / "b.webp"}
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    (job,) = plan([str(album / "b.jpg")], out, ["colorful", "user/name", str(run)], "png")
    assert [path.name for path in job.outputs.values()] == ["b-colorful.png", "b-user-name.png", "b-mine.png"]


def test_photos_of_one_name_keep_their_suffix(tmp_path: Path):
    sources = [str(tmp_path / name) for name in ("IMG_1.jpg", "img_1.PNG", "other.jpg")]
    planned = plan(sources, tmp_path / "out", ["colorful"], "png")
    assert [job.outputs["colorful"].name for job in planned] == ["IMG_1-jpg.png", "img_1-PNG.png", "other.png"]


@pytest.mark.parametrize(
    ("sources", "models", "expected"),
    [
        (["A.png", "a.PNG"], ["m"], ["A-png.png", "a-PNG-2.png"]),
        (["x/a.jpg", "y/a.jpg"], ["m"], ["a-jpg.png", "a-jpg-2.png"]),
        (["é.png", "e\u0301.png"], ["m"], ["é-png.png", "e\u0301-png-2.png"]),
        (["a.png", "a-x.png"], ["x-y", "y"], ["a-x-y.png", "a-y.png", "a-x-2-x-y.png", "a-x-2-y.png"]),
        (["a.png"], ["a b", "a-b", "A.b", "a:b"], ["a-a-b.png", "a-a-b-2.png", "a-A.b.png", "a-a-b-3.png"]),
        (["http://x.org/?1", "http://y.org/?2"], ["m"], ["photo.png", "photo-2.png"]),
        (["a.png", "a.jpg", "a-jpg.png"], ["m"], ["a-png.png", "a-jpg.png", "a-jpg-2.png"]),
    ],
)
def test_no_two_results_have_one_name(sources: list[str], models: list[str], expected: list[str], tmp_path: Path):
    out = tmp_path / "out"
    assert results(plan(sources, out, models, "png"), out) == expected


def test_numbers_of_colorings_are_no_names_of_other_photos(tmp_path: Path):
    planned = plan(["a.png", "a-1.png", "a-1-2.png"], tmp_path, ["m"], "png", num_images=2)
    files = [file.name for job in planned for file in job.files("m")]
    assert len(set(files)) == 6


def test_names_of_any_photos_and_models_differ(tmp_path: Path):
    dice = random.Random(0)
    stems = ("a", "A", "a-x", "a-2", "é", "e\u0301", "a-1", "a-x-y")
    for _ in range(100):
        sources = {f"{number}/{dice.choice(stems)}.{dice.choice(('png', 'PNG', 'jpg'))}" for number in range(9)}
        models = list(dict.fromkeys(dice.choices(("y", "x-y", "x y", "X/y", "2", "1"), k=dice.randint(1, 4))))
        planned = plan(sorted(sources), tmp_path, models, "png", num_images=dice.randint(1, 3))
        files = [str(file) for job in planned for model in job.outputs for file in job.files(model)]
        assert len({unicodedata.normalize("NFC", file).casefold() for file in files}) == len(files)


def test_thousands_of_photos_of_one_name_are_named_one_after_the_other(tmp_path: Path):
    planned = plan([f"{number}/a.jpg" for number in range(5000)], tmp_path, ["m"], "png")
    assert planned[-1].outputs["m"].name == "a-jpg-5000.png"


def test_what_a_folder_holds_besides_photos_is_listed(album: Path, tmp_path: Path):
    (album / "below" / "drawing.svg").write_bytes(b"raw")
    (album / "folder.png").mkdir()
    (album / "gone.png").symlink_to("nowhere")
    assert find_photos([str(album)], results=tmp_path / "out").left_out == ["notes.txt", "below/drawing.svg"]
    found = find_photos([str(album)])
    assert found.left_out == ["below/", "folder.png/", "notes.txt"]
    assert str(album / "gone.png") in found.photos, "it is reported when it is read"
    (album / "below" / "deep.jpg").unlink()
    with pytest.raises(ColorizerError, match=r"holds no photos .*It holds drawing\.svg"):
        find_photos([str(album / "below")])


def test_a_folder_that_can_not_be_opened_does_not_stop_the_others(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scandir, closed = os.scandir, {str(album / "below"), str(tmp_path / "closed")}

    def refuse(path: str):
        if os.fspath(path) in closed:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    found = find_photos([str(tmp_path / "closed"), str(album)], results=tmp_path / "out")
    assert names(found.photos) == ["A.PNG", "b.jpg", "photo[1].jpg"]
    assert found.problems == [f"{path} can't be opened: Permission denied." for path in sorted(closed, reverse=True)]


def test_an_address_names_a_file_whatever_is_written_in_it():
    assert file_name("http://x.org/a%00b%0ac.png") == Path("a-b-c.png")
    assert file_name("http://x.org/%2e%2e%2f%2e%2e%2fetc%2fpasswd") == Path("passwd")


def test_no_photo_is_overwritten(album: Path, tmp_path: Path):
    with pytest.raises(ColorizerError, match="itself would be overwritten"):
        plan([str(album / "b.jpg")], album, ["colorful"], "jpg")
    os.link(album / "b.jpg", tmp_path / "other name.jpg")
    with pytest.raises(ColorizerError, match="itself would be overwritten"):
        check_not_input([tmp_path / "other name.jpg"], [str(album / "b.jpg")])
    with pytest.raises(ColorizerError, match="taken for photos next time"):
        plan([str(album)], album, ["colorful"], "png")
    plan([str(album / "b.jpg")], album, ["colorful"], "png")


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path):
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ColorizerError, match="can't be made"):
        make_folder(tmp_path / "file" / "below")


def test_an_address_that_is_none_has_a_name():
    assert str(file_name("http://[")) == "["
    assert str(file_name("https://example.org/a%0a/b%1b[2J.png")) == "b-[2J.png"

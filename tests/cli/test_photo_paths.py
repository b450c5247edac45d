import os
from pathlib import Path

import pytest
from PIL import Image

from colorizer.atomic_write import make_folder
from colorizer.cli.photo_paths import Job, check_not_input, file_name, find_photos, plan
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


def names(sources: list[str]) -> list[str]:
    return [Path(source).name for source in sources]


def test_a_folder_means_its_photos_and_not_those_below(album: Path):
    assert names(find_photos([str(album)])) == ["A.PNG", "b.jpg", "photo[1].jpg"]


def results(jobs: list[Job], out: Path) -> list[str]:
    return [path.relative_to(out).as_posix() for job in jobs for path in job.outputs.values()]


def test_a_folder_is_colored_with_its_subfolders(album: Path, tmp_path: Path):
    out = tmp_path / "out"
    (album / "below" / "again").mkdir()
    (album / ".thumbnails").mkdir()
    for name in ("below/b.jpg", "below/again/b.jpg", "below/again/b.png", ".thumbnails/b.jpg"):
        (album / name).write_bytes((album / "b.jpg").read_bytes())
    jobs = plan([str(album)], out, ["colorful"], "png")
    top, below = ["A.png", "b.png", "photo[1].png"], ["below/b.png", "below/deep.png"]
    assert results(jobs, out) == [*top, *below, "below/again/b-jpg.png", "below/again/b-png.png"]
    assert results(plan([str(album / "below")], out, ["colorful"], "png"), out)[:2] == ["b.png", "deep.png"]
    both = plan([str(album / "b.jpg"), str(album)], out, ["colorful", "dense"], "png")
    assert len(both) == len(jobs)


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
    assert names(find_photos([f"{album}/**/*.jpg"])) == ["b.jpg", "deep.jpg", "photo[1].jpg"]
    monkeypatch.chdir(album)
    assert find_photos(["b.jpg", "./b.jpg", str(album / "b.jpg"), "*.jpg"]) == ["b.jpg", "photo[1].jpg"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(album: Path):
    assert names(find_photos([str(album / "photo[1].jpg")])) == ["photo[1].jpg"]


def test_what_is_missing_is_left_for_reading_to_report(album: Path):
    assert find_photos(["missing.jpg"]) == ["missing.jpg"]
    with pytest.raises(ColorizerError, match=r"No file matches nothing\*\.jpg"):
        find_photos(["nothing*.jpg"])
    (album / "empty").mkdir()
    with pytest.raises(ColorizerError, match="holds no photos"):
        find_photos([str(album / "empty")])
    (album / "empty" / "below").mkdir()
    with pytest.raises(ColorizerError, match="holds no photos, nor do its subfolders"):
        plan([str(album / "empty")], album / "out", ["colorful"], "png")
    with pytest.raises(ColorizerError, match="can't be opened"):
        find_photos(["long" * 2000])


def test_addresses_stay_what_they_are():
    url = "https://example.org/photos/old%20town.jpg?size=large"
    assert find_photos([url]) == [url]
    assert file_name(url) == Path("old town.jpg")
    assert plan([url], Path("out"), ["colorful"], "png")[0].outputs == {"colorful": Path("out/old town.png")}


def test_several_answers_have_files_of_their_own(album: Path, tmp_path: Path):
    (job,) = plan([str(album / "b.jpg")], tmp_path, ["colorful", "mine"], "png", num_images=3)
    assert job.files("mine") == [tmp_path / f"b-mine-{number}.png" for number in (1, 2, 3)]
    for number in (1, 3):
        (tmp_path / f"b-mine-{number}.png").touch()
    assert not job.is_done("mine")
    (tmp_path / "b-mine-2.png").touch()
    assert job.is_done("mine")
    assert not job.is_done("colorful")
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
    jobs = plan(sources, tmp_path / "out", ["colorful"], "png")
    assert [job.outputs["colorful"].name for job in jobs] == ["IMG_1-jpg.png", "img_1-PNG.png", "other.png"]
    with pytest.raises(ColorizerError, match=r"would both become x-jpg\.png"):
        plan(["a/x.jpg", "b/x.jpg"], tmp_path / "out", ["colorful"], "png")


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

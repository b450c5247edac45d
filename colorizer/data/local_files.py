"""Local photos and parquet files, with their splits by name."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from colorizer.errors import DatasetError, quote
from colorizer.photos.files.formats import MEDIA_TYPES

_SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
# training_set, "Test Images", and trainA beside trainB, as in the datasets of CycleGAN.
_SPLIT = re.compile(rf"({'|'.join(_SPLITS)})([ _-]?(set|data|images|photos|a|b))?", re.IGNORECASE)
# In seg_train beside seg_test, or train2017 beside val2017.
_WORD = re.compile(rf"(?<![a-z])({'|'.join(sorted(_SPLITS, key=len, reverse=True))})(?![a-z])", re.IGNORECASE)
_MAX_ID = 256  # characters of a Hub id and a configuration's name
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?(:[\w.-]+)?")


def split_name(split: str) -> str:
    """Return our name for a split: "val", "validation" and "validation_set" are the same."""
    usual = _SPLIT.fullmatch(split)
    return _SPLITS[usual[1].lower()] if usual else split


def local_path(source: str | Path) -> Path | None:
    """Return the source as a path if it is one, or None if it can only be a Hub id."""
    # Unlike pathlib's, these take a name that is too long for any file, and the home of nobody.
    path = Path(os.path.expanduser(source))
    if os.path.exists(path):
        return path
    text = str(source)
    is_id = _HUB_ID.fullmatch(text) and len(text) <= _MAX_ID
    looks_local = isinstance(source, Path) or text.startswith((".", "/", "~")) or not is_id
    if looks_local or text.endswith(".parquet"):
        raise DatasetError(
            f"no file or folder {quote(text)}: give a folder of photos or parquet files, a saved dataset "
            "or a Hub dataset as user/name"
        )
    return None


def readable(name: str) -> str:
    r"""Return a file's name as text that can be stored and printed: bytes that are not UTF-8 become \xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def find_files(path: Path) -> tuple[str, dict[str, list[Path]]]:
    """Find the kind of files at a path, "parquet" or "imagefolder", and the files by split, sorted.

    Raises:
        DatasetError: neither photos nor parquet files, or folders of splits beside others.
    """
    if path.is_file():
        if path.suffix.lower() != ".parquet":
            raise DatasetError(f"{str(path)!r} is not a parquet file; for photos, give their folder")
        return "parquet", {_file_split(Path(path.name)) or "train": [path]}
    files = sorted(_walk(path))
    parquet = [file for file in files if file.suffix.lower() == ".parquet"]
    if parquet:
        named = [(_file_split(file.relative_to(path)), file) for file in parquet]
        if not any(split for split, _ in named):
            return "parquet", {"train": parquet}
        return "parquet", _grouped((split, file) for split, file in named if split)
    photos = [file for file in files if file.suffix.lower() in MEDIA_TYPES]
    if not photos:
        raise DatasetError(f"the folder {str(path)!r} has neither photos nor parquet files")
    # Top-level folders are splits only if all have names of splits: "train" may also be the subject of a photo.
    tops = {file.relative_to(path).parts[0] for file in photos}
    splits = {top for top in tops if _SPLIT.fullmatch(top) and (path / top).is_dir()}
    if splits == tops:
        return "imagefolder", _grouped((split_name(file.relative_to(path).parts[0]), file) for file in photos)
    if {split_name(top) for top in splits} - {"train"}:
        others = ", ".join(quote(top) for top in sorted(tops - splits)[:5])
        kind = "which are splits" if len(splits) > 1 else "which is a split"
        raise DatasetError(
            f"the folder {str(path)!r} has photos in {' and '.join(sorted(splits))}, {kind}, and in {others}: "
            "move the others into one of the splits, or out of the folder"
        )
    worded = {top: _without_split(top) for top in tops if (path / top).is_dir()}
    if len(worded) == len(tops) > 1 and None not in worded.values() and len({rest for _, rest in worded.values()}) == 1:
        return "imagefolder", _grouped((worded[file.relative_to(path).parts[0]][0], file) for file in photos)
    _check_below(path, photos)
    return "imagefolder", {"train": photos}


def fingerprint_of(files: list[Path]) -> str:
    """Return a digest that changes with the places, sizes and times of files."""
    # A broken link has no target. Its photo is left out, and reported.
    found = [(file.resolve(), file.stat() if file.exists() else file.lstat()) for file in files]
    described = [(str(path), status.st_size, status.st_mtime_ns) for path, status in found]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()


def _check_below(path: Path, photos: list[Path]) -> None:
    """Raise DatasetError if folders beside one another have names of different splits, whose photos would be mixed."""
    found: dict[tuple[Path, str], dict[str, Path]] = {}
    for folder in sorted({folder for photo in photos for folder in photo.relative_to(path).parents}):
        if worded := _without_split(folder.name):
            found.setdefault((folder.parent, worded[1]), {})[worded[0]] = folder
    for folders in found.values():
        if len(folders) > 1:
            names = " and ".join(quote(os.fspath(folder)) for folder in folders.values())
            raise DatasetError(
                f"the folder {str(path)!r} has photos in {names}, which look like splits: give one of them alone, or the "
                "folder that has train, validation and test right in it"
            )


def _without_split(name: str) -> tuple[str, str] | None:
    """Return the split that a word in a name stands for, and the rest of the name; None if there is no such word."""
    word = _WORD.search(name)
    return word and (_SPLITS[word[1].lower()], f"{name[: word.start()]}*{name[word.end() :]}".lower())


def _walk(path: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders; hidden ones are left out."""
    seen: set[tuple[int, int]] = set()
    for folder, subfolders, names in os.walk(path, followlinks=True):
        status = os.stat(folder)
        # A link may lead to a folder above it, whose photos would come again and again.
        if (status.st_dev, status.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        # Real folders before links to them, so that photos keep their folders' names as labels.
        subfolders[:] = sorted(
            (name for name in subfolders if not name.startswith(".")),
            key=lambda name: (os.path.islink(os.path.join(folder, name)), name),
        )
        yield from (Path(folder) / name for name in names if not name.startswith("."))


def _file_split(file: Path) -> str | None:
    """Return the split of a parquet file by its name, or else by the nearest folder with the name of one."""
    for name in reversed(file.parts):
        if _SPLIT.fullmatch(name):
            return split_name(name)
        if worded := _without_split(name):
            return worded[0]
    return None


def _grouped(named: Iterable[tuple[str, Path]]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for split, file in named:
        groups.setdefault(split, []).append(file)
    return groups

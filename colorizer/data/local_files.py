"""Local photos and parquet files, with their splits by name."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from colorizer.errors import DatasetError, quote

SPLITS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""Usual names of splits, mapped to ours."""

_MAX_ID = 256  # characters of a Hub id and a configuration's name
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?(:[\w.-]+)?")


def split_name(split: str) -> str:
    """Return our name for a split: "val" and "validation" are the same."""
    return SPLITS.get(split.lower(), split)


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


def find_files(path: Path) -> tuple[str, dict[str, list[Path]]]:
    """Find the kind of files at a path, "parquet" or "imagefolder", and the files by split, sorted.

    Raises:
        DatasetError: neither photos nor parquet files.
    """
    if path.is_file():
        if path.suffix.lower() != ".parquet":
            raise DatasetError(f"{str(path)!r} is not a parquet file; for photos, give their folder")
        return "parquet", {_file_split(path) or "train": [path]}
    files = sorted(
        Path(folder) / name
        for folder, _, names in os.walk(path, followlinks=True)
        for name in names
        if not any(part.startswith(".") for part in (Path(folder).relative_to(path) / name).parts)
    )
    parquet = [file for file in files if file.suffix.lower() == ".parquet"]
    if parquet:
        named = [(_file_split(file), file) for file in parquet]
        if not any(split for split, _ in named):
            return "parquet", {"train": parquet}
        return "parquet", _grouped((split, file) for split, file in named if split)
    suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    photos = [file for file in files if file.suffix.lower() in suffixes]
    if not photos:
        raise DatasetError(f"the folder {str(path)!r} has neither photos nor parquet files")
    # Top-level folders are splits only if all have names of splits: "train" may also be the subject of a photo.
    tops = {file.relative_to(path).parts[0] for file in photos}
    if all(top.lower() in SPLITS and (path / top).is_dir() for top in tops):
        return "imagefolder", _grouped((split_name(file.relative_to(path).parts[0]), file) for file in photos)
    return "imagefolder", {"train": photos}


def _file_split(file: Path) -> str | None:
    return SPLITS.get(re.split(r"[-_.]", file.name.lower())[0])


def _grouped(named: Iterable[tuple[str, Path]]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for split, file in named:
        groups.setdefault(split, []).append(file)
    return groups

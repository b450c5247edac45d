"""Files that a dataset's own files name. A dataset may come from anyone, and may name none outside of its folder."""

import itertools
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import datasets
from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name

from colorizer.errors import DatasetError, quote


def find_named(path: str, roots: Sequence[Path]) -> Path | None:
    """Return the file that a row names, by a path of its own or from a folder in `roots`; None unless it is in one of them."""
    with suppress(OSError, ValueError):  # a name that no file can have
        for root in roots:
            file = (root / path).resolve()
            if file.is_relative_to(root.resolve()):
                return file
    return None


def hub_roots(source: str) -> tuple[Path, ...]:
    """Return the folders that files of a Hub dataset, user/name or user/name:configuration, are downloaded and unpacked to."""
    own = repo_folder_name(repo_id=source.partition(":")[0], repo_type="dataset")
    return Path(constants.HF_HUB_CACHE, own), Path(datasets.config.HF_DATASETS_CACHE).expanduser() / "downloads"


def check_hub_files(source: str, data_files: Mapping[object, Iterable[str]]) -> None:
    """Raise DatasetError if a Hub dataset consists, by its card, of files of this machine. `data_files` are by split."""
    for name in map(str, itertools.chain.from_iterable(data_files.values())):
        # In an archive: zip://a.parquet::hf://datasets/user/name@main/a.zip
        if not re.match(r"(hf|https?)://", name.rpartition("::")[2]):
            raise DatasetError(f"the dataset {source!r} names {quote(name)}, which is not a file of its own")


def is_saved(path: Path) -> bool:
    """Return whether `save_to_disk` of `datasets` has written a folder."""
    return path.is_dir() and any(os.path.isfile(path / name) for name in ("dataset_dict.json", "state.json"))


def check_saved(path: Path) -> None:
    """Raise DatasetError if a dataset written by `save_to_disk` has parts outside of its folder; OSError, ValueError."""
    folders = [path]
    if os.path.isfile(path / "dataset_dict.json"):
        splits = json.loads((path / "dataset_dict.json").read_text("utf-8"))["splits"]
        folders = [_part(path, path, name) for name in splits]
    for folder in folders:
        if os.path.isfile(folder / "state.json"):
            for file in json.loads((folder / "state.json").read_text("utf-8"))["_data_files"]:
                _part(path, folder, file["filename"])


def _part(path: Path, folder: Path, name: str) -> Path:
    if not (folder / name).resolve().is_relative_to(path.resolve()):
        raise DatasetError(f"the dataset {str(path)!r} names {quote(name)}, which is not in its folder")
    return folder / name

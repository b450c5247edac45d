"""Where photos come from: folders, parquet files, saved `datasets` folders and the Hub, all opened by `datasets`, none decoded by it."""

import glob
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import datasets
import pyarrow
from datasets.exceptions import DatasetNotFoundError
from PIL import Image

from colorizer.errors import DatasetError, HubError

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
"""The names under which splits go, and ours."""

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?(:[\w.-]+)?")


@dataclass(frozen=True)
class Source:
    """An opened dataset: rows with `image` = {"bytes", "path"} and, if there is a label column, `label`.

    `fingerprint` changes when a source's files do. `classes` are the labels' names where the dataset declares them.
    """

    name: str
    rows: "datasets.Dataset | datasets.IterableDataset"
    fingerprint: str
    has_labels: bool
    classes: tuple[str, ...] | None


def split_name(split: str) -> str:
    """Our name for a split: "val" and "validation" are one."""
    return SPLITS.get(split.lower(), split)


def list_splits(source: str | Path, *, revision: str | None = None, token: str | bool | None = None) -> list[str]:
    """The splits that a source has, by our names ("train", "validation", "test", or the dataset's own).

    Raises:
        DatasetError: the source does not exist or holds nothing.
        HubError: the Hub can't be reached.
    """
    path = _local_path(source)
    if path is None:
        return sorted({split_name(s) for s in _hub_splits(*_hub_id(str(source)), revision, token)})
    if _is_saved(path):
        return sorted({split_name(s) for s in _load_saved(path)})
    return sorted(_local_files(path)[1])


def open_source(
    source: str | Path,
    *,
    split: str,
    revision: str | None,
    token: str | bool | None,
    streaming: bool,
    image_column: str,
    label_column: str | None,
) -> Source:
    """Open `source` for reading.

    Raises:
        DatasetError: no such source, split or column, or nothing in it; the message lists what there is.
        HubError: the Hub can't be reached.
    """
    path = _local_path(source)
    if path is None:
        rows, fingerprint = _open_hub(str(source), split, revision, token, streaming)
    elif _is_saved(path):
        splits = {split_name(s): rows for s, rows in _load_saved(path).items()}
        rows = splits[_choose(split, splits, str(source))]
        # Streaming gives a saved dataset its shuffle buffer too, so that both kinds of a stream are the same.
        fingerprint = rows._fingerprint
        rows = rows.to_iterable_dataset(num_shards=min(64, len(rows) or 1)) if streaming else rows
    else:
        kind, splits = _local_files(path)
        # One file given by name is what is meant by the default split.
        chosen = next(iter(splits)) if path.is_file() and split == "train" else _choose(split, splits, str(source))
        rows, fingerprint = _open_files(kind, path, chosen, splits[chosen])
    return _with_columns(str(source), rows, fingerprint, image_column, label_column)


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what `datasets` and the libraries below it raise over the source `name` into our errors."""
    try:
        yield
    except DatasetError:
        raise
    except DatasetNotFoundError as error:
        raise DatasetError(
            f"no dataset {name!r}: it is neither a file or folder here nor a dataset on the Hub that you may read"
        ) from error
    except datasets.exceptions.DatasetsError as error:
        raise DatasetError(f"can't read the dataset {name!r}: {_first_line(error)}") from error
    except (pyarrow.ArrowException, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DatasetError(f"the dataset {name!r} is damaged: {_first_line(error)}") from error
    except (OSError, RuntimeError) as error:
        if _is_network(error):
            raise HubError(
                f"the Hub did not give the dataset {name!r} ({_first_line(error)}): try again, or use local files"
            ) from error
        raise DatasetError(f"can't read the dataset {name!r}: {_first_line(error)}") from error
    except ValueError as error:
        raise DatasetError(f"can't read the dataset {name!r}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _is_network(error: BaseException) -> bool:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    network = {
        "ConnectionError",
        "OfflineModeIsEnabled",
        "HfHubHTTPError",
        "HTTPError",
        "TimeoutException",
        "TransportError",
    }
    return bool(kinds & network) or isinstance(error, TimeoutError)


def _local_path(source: str | Path) -> Path | None:
    """The source as a path if it is one, None if it can only be a Hub id."""
    path = Path(source).expanduser()
    if path.exists():
        return path
    text = str(source)
    looks_local = isinstance(source, Path) or text.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(text)
    if looks_local or text.endswith(".parquet"):
        raise DatasetError(
            f"no file or folder {text!r}: give a folder of photos, parquet files, a saved dataset or a Hub id (user/name)"
        )
    return None


def _choose(split: str, splits: dict, name: str) -> str:
    for candidate in (split, split_name(split)):
        if candidate in splits:
            return candidate
    raise DatasetError(f"the dataset {name!r} has no split {split!r}; it has: {', '.join(sorted(splits))}")


def _is_saved(path: Path) -> bool:
    return path.is_dir() and any((path / name).is_file() for name in ("dataset_dict.json", "state.json"))


def _load_saved(path: Path) -> dict[str, "datasets.Dataset"]:
    with reading(str(path)):
        saved = datasets.load_from_disk(str(path))
    return dict(saved) if isinstance(saved, datasets.DatasetDict) else {str(saved.split or "train"): saved}


def _local_files(path: Path) -> tuple[str, dict[str, list[Path]]]:
    """The kind of a file or folder ("parquet" or "imagefolder") and its files by split."""
    if path.is_file():
        if path.suffix.lower() != ".parquet":
            raise DatasetError(f"{str(path)!r} is not a parquet file; a single photo is no dataset: give its folder")
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
        return "parquet", _group((split, file) for split, file in named if split)
    suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    photos = [file for file in files if file.suffix.lower() in suffixes]
    if not photos:
        raise DatasetError(f"the folder {str(path)!r} holds neither photos nor parquet files")
    # Folders at the top are splits only if all are named as such: "train" may also be what a photo shows.
    tops = {file.relative_to(path).parts[0] for file in photos}
    if all(top.lower() in SPLITS and (path / top).is_dir() for top in tops):
        return "imagefolder", _group((split_name(file.relative_to(path).parts[0]), file) for file in photos)
    return "imagefolder", {"train": photos}


def _file_split(file: Path) -> str | None:
    return SPLITS.get(re.split(r"[-_.]", file.name.lower())[0])


def _group(named: Iterator[tuple[str, Path]]) -> dict[str, list[Path]]:
    groups: dict[str, list[Path]] = {}
    for split, file in named:
        groups.setdefault(split, []).append(file)
    return groups


def _open_files(kind: str, path: Path, split: str, files: list[Path]) -> tuple["datasets.IterableDataset", str]:
    described = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    fingerprint = hashlib.sha256(json.dumps(described).encode()).hexdigest()
    if kind == "parquet":
        with reading(str(path)):
            # Streamed from the files themselves: the photos are decoded once, so a copy in Arrow form would serve nobody.
            names = [glob.escape(str(file.resolve())) for file in files]
            return datasets.load_dataset("parquet", data_files={split: names}, split=split, streaming=True), fingerprint
    # From the list, not by load_dataset("imagefolder"): that takes a photo called test-1.jpg for a split of its own.
    columns: dict = {"image": [str(file) for file in files]}
    parents = sorted({file.parent.name for file in files})
    features = {"image": datasets.Image(decode=False)}
    if len(parents) > 1 and not any(file.parent == path for file in files):
        columns["label"] = [file.parent.name for file in files]
        features["label"] = datasets.ClassLabel(names=parents)
    rows = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
    return rows.to_iterable_dataset(num_shards=min(64, len(files))), fingerprint


def _hub_id(source: str) -> tuple[str, str | None]:
    repo_id, _, config = source.partition(":")
    return repo_id, config or None


def _hub_splits(repo_id: str, config: str | None, revision: str | None, token: str | bool | None) -> list[str]:
    with reading(repo_id):
        configs = datasets.get_dataset_config_names(repo_id, revision=revision, token=token)
        if config is None and len(configs) > 1 and "default" not in configs:
            raise DatasetError(
                f"the dataset {repo_id!r} has several configurations: choose one as {repo_id}:NAME out of {', '.join(configs)}"
            )
        if config is not None and config not in configs:
            raise DatasetError(f"the dataset {repo_id!r} has no configuration {config!r}; it has: {', '.join(configs)}")
        return datasets.get_dataset_split_names(repo_id, config, revision=revision, token=token)


def _open_hub(
    source: str, split: str, revision: str | None, token: str | bool | None, streaming: bool
) -> tuple["datasets.Dataset | datasets.IterableDataset", str]:
    repo_id, config = _hub_id(source)
    splits = {split_name(s): s for s in _hub_splits(repo_id, config, revision, token)}
    chosen = splits[_choose(split, splits, source)]
    with reading(source):
        rows = datasets.load_dataset(repo_id, config, split=chosen, revision=revision, token=token, streaming=streaming)
    checksums = sorted(map(str, (rows.info.download_checksums or {}).items()))
    identity = json.dumps(
        [source, chosen, revision, str(rows.info.version), checksums, getattr(rows, "_fingerprint", None)]
    )
    return rows, hashlib.sha256(identity.encode()).hexdigest()


def _with_columns(name: str, rows, fingerprint: str, image_column: str, label_column: str | None) -> Source:
    with reading(name):
        features = rows.features or rows._resolve_features().features
    columns = list(features or {})
    if image_column not in columns:
        raise DatasetError(f"the dataset {name!r} has no column {image_column!r}; it has: {', '.join(columns)}")
    if not isinstance(features[image_column], datasets.Image) and not _is_image_struct(features[image_column]):
        raise DatasetError(f"column {image_column!r} of {name!r} holds no images but {features[image_column]}")
    has_labels = label_column is not None and label_column in columns
    kept = [image_column, label_column] if has_labels else [image_column]
    classes = None
    if has_labels and isinstance(features[label_column], datasets.ClassLabel):
        classes = tuple(features[label_column].names)
    with reading(name):
        rows = rows.select_columns(kept).cast_column(image_column, datasets.Image(decode=False))
        renamed = {image_column: "image", **({label_column: "label"} if has_labels else {})}
        rows = rows.rename_columns({old: new for old, new in renamed.items() if old != new})
    return Source(name, rows, fingerprint, has_labels, classes)


def _is_image_struct(feature: object) -> bool:
    binary = datasets.Value("binary")
    return feature == binary or (isinstance(feature, dict) and feature.get("bytes") == binary)

"""Sources of photos: folders, parquet files, datasets saved by `datasets`, the Hub; opened here, not decoded."""

import glob
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import datasets
import numpy as np
import pyarrow
import pyarrow.parquet
from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError, DatasetsError
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from colorizer.data.local_files import find_files, fingerprint_of, local_path, readable, split_name
from colorizer.data.named_files import check_hub_files, check_saved, hub_roots, is_saved
from colorizer.errors import DatasetError, HubError, quote

DEFAULT_LABEL_COLUMN = "label"
"""Optional; any other label column is required."""

HUB_TIMEOUT = 20  # seconds, to find out whether there is a dataset


@dataclass(frozen=True)
class Source:
    """An opened dataset: rows with `image` = {"bytes", "path"} and, if there is a label column, `label`.

    `fingerprint` changes when the files do. `num_rows` is None if it is unknown before reading. `classes` are the names of
    the labels if the dataset declares them. `read_column` returns a column by the file's own name of it, without the photos.
    `roots` are the folders that its rows may name files of; None for any, since the user chose the files.
    """

    name: str
    rows: "datasets.Dataset | datasets.IterableDataset"
    fingerprint: str
    num_rows: int | None
    label_column: str | None
    classes: tuple[str, ...] | None
    read_column: Callable[[str], list] | None = None
    roots: tuple[Path, ...] | None = None

    def drawn(self, seed: int) -> list[int]:
        """Return the numbers of all rows in random order, set by the seed, in turn from each label."""
        order = np.random.default_rng(seed).permutation(self.num_rows)
        if self.label_column is None or self.read_column is None:
            return order.tolist()
        labels = self.read_column(self.label_column)
        counts: Counter = Counter()
        turns = []
        for row in order.tolist():
            turns.append((counts[labels[row]], len(turns), row))
            counts[labels[row]] += 1
        return [row for _, _, row in sorted(turns)]

    def only(self, chosen: Iterable[int]) -> "Source":
        """Return the source with these rows alone, in their own order."""
        places = sorted(chosen)
        if isinstance(self.rows, datasets.Dataset):
            return replace(self, rows=self.rows.select(places), num_rows=len(places))
        wanted = frozenset(places)
        rows = self.rows.filter(lambda _, place: place in wanted, with_indices=True)
        return replace(self, rows=rows, num_rows=len(places))


def list_splits(source: str | Path, *, revision: str | None = None, token: str | bool | None = None) -> list[str]:
    """List the splits of a source, by our names ("train", "validation", "test", or the dataset's own).

    Raises:
        DatasetError: the source does not exist or is empty.
        HubError: the Hub can't be reached.
    """
    path = local_path(source)
    if path is None:
        return sorted(_hub_builder(str(source), revision, token)[1])
    if is_saved(path):
        return sorted({split_name(s) for s in _load_saved(path)})
    return sorted(find_files(path)[1])


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
        DatasetError: no such source, split or column, or an empty source; the message lists what is available.
        HubError: the Hub can't be reached.
    """
    path, num_rows, read_column = local_path(source), None, None
    roots = hub_roots(str(source)) if path is None else (path if path.is_dir() else path.parent,)
    if path is None:
        rows, fingerprint = _open_hub(str(source), split, revision, token, streaming)
    elif is_saved(path):
        splits = {split_name(s): rows for s, rows in _load_saved(path).items()}
        rows = splits[_choose(split, splits, str(source))]
        fingerprint, num_rows, read_column = rows._fingerprint, len(rows), rows.__getitem__
        # Several shards, so that a stream can distribute them over processes.
        rows = rows.to_iterable_dataset(num_shards=min(64, len(rows) or 1)) if streaming else rows
    else:
        kind, splits = find_files(path)
        # A single file given by name serves as the default split.
        chosen = next(iter(splits)) if path.is_file() and split == "train" else _choose(split, splits, str(source))
        if kind == "parquet":
            rows, num_rows, read_column = _open_parquet(path, chosen, splits[chosen])
        else:
            rows, roots = _open_photos(path, splits[chosen]), None
            num_rows, read_column = len(rows), rows.__getitem__
        fingerprint = fingerprint_of(splits[chosen])
        if streaming and kind != "parquet":
            rows = rows.to_iterable_dataset(num_shards=min(64, num_rows))
    if num_rows == 0:
        raise DatasetError(f"the dataset {str(source)!r} is empty")
    opened = _with_columns(str(source), rows, fingerprint, num_rows, image_column, label_column)
    return replace(opened, read_column=read_column, roots=roots)


@contextmanager
def translate_errors(name: str) -> Iterator[None]:
    """Turn errors of `datasets` and the libraries below it about the source `name` into our errors."""
    try:
        yield
    except (DatasetError, HubError):
        raise
    except DatasetNotFoundError as error:
        raise DatasetError(
            f"no dataset {name!r}: it is neither a local file or folder nor a Hub dataset that you can access "
            f"({_message_of(error)})"
        ) from error
    except Exception as error:
        if _is_network(error):
            raise HubError(
                f"there is no local file or folder {quote(name)}, and from the Hub no dataset of this name could be loaded: "
                f"check the name, or try again ({_message_of(error)})"
            ) from error
        # The last three: of damaged records of a saved dataset.
        kinds = (pyarrow.ArrowException, OSError, RuntimeError, ValueError, DatasetsError)
        if isinstance(error, (*kinds, AttributeError, LookupError, TypeError)):
            raise DatasetError(f"can't read the dataset {name!r}: {_message_of(error)}") from error
        raise


def _message_of(error: BaseException) -> str:
    if isinstance(error, DatasetGenerationError) and error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__


def _is_network(error: BaseException | None) -> bool:
    """Return True if the error, or one that led to it, means that the Hub was unreachable or closed the connection."""
    network = {"ConnectionError", "OfflineModeIsEnabled", "HTTPError", "LocalEntryNotFoundError", "TransportError"}
    while error is not None:
        if isinstance(error, TimeoutError) or network & {kind.__name__ for kind in type(error).__mro__}:
            return True
        error = error.__cause__ or error.__context__
    return False


def _choose(split: str, splits: dict, name: str) -> str:
    for candidate in (split, split_name(split)):
        if candidate in splits:
            return candidate
    raise DatasetError(f"the dataset {name!r} has no split {split!r}; it has: {', '.join(sorted(splits))}")


def _load_saved(path: Path) -> dict[str, "datasets.Dataset"]:
    with translate_errors(str(path)):
        check_saved(path)
        saved = datasets.load_from_disk(str(path))
    return dict(saved) if isinstance(saved, datasets.DatasetDict) else {str(saved.split or "train"): saved}


def _open_parquet(
    path: Path, split: str, files: list[Path]
) -> tuple["datasets.IterableDataset", int, Callable[[str], list]]:
    num_rows = 0
    for file in files:
        with translate_errors(str(file)):
            if not file.is_file():  # a pipe would be waited for
                raise DatasetError(f"{str(file)!r} is not a file")
            num_rows += pyarrow.parquet.read_metadata(file).num_rows
    with translate_errors(str(path)):
        # Streamed from the files: the photos are decoded only once, so an Arrow copy would be useless.
        names = [glob.escape(str(file.resolve())) for file in files]
        rows = datasets.load_dataset("parquet", data_files={split: names}, split=split, streaming=True)

    def read_column(name: str) -> list:
        with translate_errors(str(path)):
            tables = (pyarrow.parquet.read_table(file, columns=[name]) for file in files)
            return [value for table in tables for value in table[name].to_pylist()]

    return rows, num_rows, read_column


def _open_photos(path: Path, files: list[Path]) -> "datasets.Dataset":
    # From the list, not by load_dataset("imagefolder"), which would treat a photo named test-1.jpg as a split of its own.
    # As URIs, since a file's name can be any bytes, and Arrow's text is UTF-8.
    columns: dict = {"image": [file.absolute().as_uri() for file in files]}
    features = {"image": datasets.Image(decode=False)}
    parents = [readable(file.parent.name) for file in files]
    if len(set(parents)) > 1 and not any(file.parent == path for file in files):
        columns["label"] = parents
        features["label"] = datasets.ClassLabel(names=sorted(set(parents)))
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def _hub_builder(
    source: str, revision: str | None, token: str | bool | None
) -> tuple["datasets.DatasetBuilder", dict[str, str]]:
    """Return the builder of a Hub dataset, and its own names of the splits by ours."""
    repo_id, _, config = source.partition(":")
    with translate_errors(source):
        if not Path(datasets.config.HF_DATASETS_CACHE, repo_id.replace("/", "___")).exists():
            _reach_hub(repo_id, revision, token)
        builder = datasets.load_dataset_builder(repo_id, config or None, revision=revision, token=token)
        check_hub_files(source, builder.config.data_files or {})
    splits = map(str, builder.info.splits or builder.config.data_files or {})
    return builder, {split_name(split): split for split in splits}


@lru_cache
def _reach_hub(repo_id: str, revision: str | None, token: str | bool | None) -> None:
    """Raise an error of the network unless the Hub answers, whatever it says: `datasets` would try for half a minute.

    Asked once per dataset, since the splits are listed and each is opened.
    """
    with suppress(HfHubHTTPError):
        HfApi(token=token).dataset_info(repo_id, revision=revision, timeout=HUB_TIMEOUT)


def _open_hub(
    source: str, split: str, revision: str | None, token: str | bool | None, streaming: bool
) -> tuple["datasets.Dataset | datasets.IterableDataset", str]:
    builder, splits = _hub_builder(source, revision, token)
    chosen = splits[_choose(split, splits, source)]
    with translate_errors(source):
        if streaming:
            rows = builder.as_streaming_dataset(split=chosen)
        else:
            builder.download_and_prepare()
            rows = builder.as_dataset(split=chosen)
    # The builder's hash is the repository's commit.
    return rows, json.dumps([source, chosen, revision, builder.hash])


def _with_columns(
    name: str,
    rows: "datasets.Dataset | datasets.IterableDataset",
    fingerprint: str,
    num_rows: int | None,
    image_column: str,
    label_column: str | None,
) -> Source:
    with translate_errors(name):
        features = rows.features or rows._resolve_features().features
    columns = ", ".join(features)
    if image_column not in features:
        raise DatasetError(f"the dataset {name!r} has no image column {image_column!r}; it has: {columns}")
    if not _holds_images(features[image_column]):
        raise DatasetError(f"column {image_column!r} of {name!r} has {features[image_column]}, not images")
    has_labels = label_column in features
    if not has_labels and label_column not in (None, DEFAULT_LABEL_COLUMN):
        raise DatasetError(f"the dataset {name!r} has no label column {label_column!r}; it has: {columns}")
    if has_labels and not _holds_labels(features[label_column]):
        raise DatasetError(
            f"column {label_column!r} of {name!r} has {features[label_column]}, not class labels: "
            "choose another label column, or read the photos without labels"
        )
    classes = getattr(features[label_column], "names", None) if has_labels else None
    renamed = {image_column: "image", **({label_column: "label"} if has_labels else {})}
    with translate_errors(name):
        rows = rows.select_columns(list(renamed)).cast_column(image_column, datasets.Image(decode=False))
        rows = rows.rename_columns({old: new for old, new in renamed.items() if old != new})
    classes = None if classes is None else tuple(classes)
    return Source(name, rows, fingerprint, num_rows, label_column if has_labels else None, classes)


def _holds_images(feature: object) -> bool:
    binary = datasets.Value("binary")
    is_struct = isinstance(feature, dict) and feature.get("bytes") == binary
    return isinstance(feature, datasets.Image) or feature == binary or is_struct


def _holds_labels(feature: object) -> bool:
    kinds = ("int", "uint", "string", "large_string", "bool", "null")
    is_value = isinstance(feature, datasets.Value) and feature.dtype.rstrip("0123456789") in kinds
    return isinstance(feature, datasets.ClassLabel) or is_value

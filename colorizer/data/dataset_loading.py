"""Loading of a dataset of photos: decoded once and cached, or streamed."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import datasets
import numpy as np
from PIL import __version__ as pillow_version
from tqdm.auto import tqdm

from colorizer.data.decoded_store import Decoded, StoreWriter, locked, read_store
from colorizer.data.decoding import DatasetReport, Rejected, decode_rows
from colorizer.data.local_files import local_path, split_name
from colorizer.data.photo_dataset import SHUFFLE_BUFFER, PhotoDataset, PhotoStream
from colorizer.data.sources import Source, open_source
from colorizer.errors import DatasetError

# Increased whenever decoding changes pixels or keeps other photos, so that older stores are not reused.
STORE_VERSION = 5


def load_photos(
    source: str | Path,
    *,
    split: str = "train",
    resolution: int,
    revision: str | None = None,
    streaming: bool = False,
    cache_in_memory: bool = False,
    cache_dir: str | Path | None = None,
    max_photos: int | None = None,
    seed: int = 0,
    min_colorfulness: float = 0.0,
    min_label_photos: int = 1,
    labels: bool = True,
    classes: Sequence[str] | None = None,
    image_column: str = "image",
    label_column: str = "label",
    num_workers: int = 0,
    token: str | bool | None = None,
) -> PhotoDataset | PhotoStream:
    """Load photos as a PhotoDataset, decoded unless an earlier run has done so, or with `streaming` as a PhotoStream.

    Args:
        source: a folder of photos (its subfolders' names are the labels if there are several), a parquet file or a
            folder of them, a folder written by save_to_disk of `datasets`, or a Hub dataset as user/name or
            user/name:configuration.
        split: "val" and "validation" are the same. Folders and parquet files have splits by name (train/…, val-0.parquet).
        resolution: side of the square kept of each photo.
        revision, token: version of a Hub dataset, and access token of a private one.
        streaming: decode photos on the fly, in every epoch, and cache none.
        cache_in_memory: cache the photos in memory, on the GPU if they fit; otherwise they are memory-mapped.
        cache_dir: cache of decoded photos between runs; default: HF_DATASETS_CACHE/colorizer.
        max_photos: keep this many usable photos (streaming: rows), drawn at random in turn from each label. Of a Hub
            dataset and a stream, they are drawn as they arrive, from a thousand at a time, so that not all is downloaded.
        seed: sets which photos are drawn.
        min_colorfulness: leave out photos with a lower colorfulness (Hasler and Süsstrunk 2003; 15 is slightly colorful).
        min_label_photos: treat a label with fewer photos as none, since nothing can be learned from it.
        labels: read the labels, if there are any.
        classes: number the labels by this list, such as another split's `classes`, instead of by the names found here;
            other labels become -1.
        num_workers: decoding threads; 0 means one per core.

    Raises:
        DatasetError: no such source, split or column, or no usable photo in it; the message lists what is available.
        HubError: the Hub can't be reached.
    """
    if resolution < 8:
        raise DatasetError(f"resolution must be at least 8, not {resolution}")
    if max_photos is not None and max_photos < 1:
        raise DatasetError(f"max_photos must be at least 1, not {max_photos}")
    if streaming and min_label_photos > 1:
        raise DatasetError(
            "min_label_photos can't be used with streaming: the photos of a label can't be counted in advance"
        )
    opened = open_source(
        source,
        split=split,
        revision=revision,
        token=token,
        # Streaming gets some photos of a large Hub dataset without downloading all of it.
        streaming=streaming or (max_photos is not None and local_path(source) is None),
        image_column=image_column,
        label_column=label_column if labels else None,
    )
    if streaming:
        taken = opened if max_photos is None else replace(opened, rows=_shuffled(opened, seed).take(max_photos))
        return PhotoStream(
            taken,
            resolution=resolution,
            classes=classes,
            min_colorfulness=min_colorfulness,
            num_workers=num_workers,
        )
    limit = None if max_photos is None else [max_photos, seed]
    settings = [STORE_VERSION, pillow_version, opened.fingerprint, split_name(split), resolution, limit]
    columns = [min_colorfulness, image_column, label_column if labels else None]
    key = hashlib.sha256(json.dumps([settings, columns]).encode()).hexdigest()[:32]
    folder = Path(cache_dir or cache_folder()).expanduser() / key
    decoded = read_store(folder, check_all=cache_in_memory)
    if decoded is None:
        with locked(folder):
            # Another process of this run may have built it in the meantime.
            decoded = read_store(folder)
            if decoded is None:
                _build(opened, folder, resolution, limit, min_colorfulness, num_workers)
                decoded = read_store(folder)
    if decoded is None:
        raise DatasetError(f"decoded photos can't be read back from {str(folder)!r}: is the disk damaged?")
    if classes is None and min_label_photos > 1:
        counts = np.bincount(decoded.labels[decoded.labels >= 0], minlength=len(decoded.classes))
        classes = [name for name, count in zip(decoded.classes, counts, strict=True) if count >= min_label_photos]
    if classes is not None:
        decoded = _renumbered(decoded, classes)
    return PhotoDataset(decoded, cache_in_memory=cache_in_memory)


def cache_folder() -> Path:
    """Return the default cache folder for decoded photos and results computed from them."""
    return Path(datasets.config.HF_DATASETS_CACHE).expanduser() / "colorizer"


def _renumbered(decoded: Decoded, classes: Sequence[str]) -> Decoded:
    places = {name: number for number, name in enumerate(classes)}
    # The last place is for -1, photos without a label.
    numbers = np.array([places.get(name, -1) for name in decoded.classes] + [-1], dtype=np.int64)
    return replace(decoded, labels=numbers[decoded.labels], classes=tuple(classes))


def _shuffled(source: Source, seed: int) -> datasets.IterableDataset:
    return source.rows.shuffle(seed=seed, buffer_size=SHUFFLE_BUFFER)


def _drawn(source: Source, limit: list[int] | None, report: DatasetReport) -> Iterator[Source]:
    """Yield the source, or parts of it until the report counts as many photos as the limit (number, seed) allows."""
    if limit is None:
        yield source
        return
    max_photos, seed = limit
    if source.num_rows is None:
        yield replace(source, rows=_shuffled(source, seed))
        return
    order = source.drawn(seed)
    while order and report.kept < max_photos:
        missing = max_photos - report.kept
        yield source.only(order[:missing])
        order = order[missing:]


def _build(
    source: Source, folder: Path, resolution: int, limit: list[int] | None, min_colorfulness: float, num_workers: int
) -> None:
    report, labels = DatasetReport(), []
    writer = StoreWriter(folder, resolution)
    try:
        for part in _drawn(source, limit, report):
            rows = decode_rows(part, resolution, min_colorfulness=min_colorfulness, num_workers=num_workers)
            # disable=None: no progress bar without a terminal.
            for name, pixels, label in tqdm(rows, "Decoding photos", part.num_rows, unit=" photos", disable=None):
                if isinstance(pixels, Rejected):
                    report.reject(name, pixels)
                    continue
                writer.add(pixels)
                labels.append(label)
                report.kept += 1
                if limit and report.kept == limit[0]:
                    break
        if not report.kept:
            raise DatasetError(f"no usable photo in {source.name!r}: {report}")
        classes, numbers = _number_labels(labels, source.classes)
        writer.finish(numbers, classes, report)
    finally:
        writer.close()


def _number_labels(
    labels: list[int | str | None], classes: tuple[str, ...] | None
) -> tuple[tuple[str, ...], list[int]]:
    # Labels without declared names are numbered in sorted order; -1 stands for none.
    if classes is not None:
        return classes, [-1 if label is None else int(label) for label in labels]
    found = sorted({label for label in labels if label is not None})
    numbers = {label: number for number, label in enumerate(found)}
    return tuple(map(str, found)), [-1 if label is None else numbers[label] for label in labels]

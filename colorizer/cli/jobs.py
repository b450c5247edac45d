"""Photos to color, the files of their results, and which of these are there already."""

import itertools
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from colorizer.cli.photo_paths import file_name
from colorizer.errors import ColorizerError
from colorizer.hub.model_names import model_names
from colorizer.photos.files.addresses import is_address, public_name
from colorizer.photos.files.reading import count_pages
from colorizer.photos.marks import Mark, State, digest, file_digest, read_mark, state_of


@dataclass(frozen=True, eq=False)
class Job:
    """A photo to color, its path or URL, and the output file of each model; several colorings add a number to its name.

    `page` is the number of a page of a TIFF or PDF with several. `found` is what `states` found in place of each file.
    """

    source: str
    outputs: Mapping[str, Path]
    num_images: int = 1
    page: int | None = None
    found: dict[Path, tuple[int, int] | None] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Name of the photo in messages."""
        name = public_name(self.source)
        return name if self.page is None else f"{name}, page {self.page}"

    def files(self, model: str) -> list[Path]:
        """Return the files of a model's colorings."""
        path = self.outputs[model]
        if self.num_images == 1:
            return [path]
        return [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, self.num_images + 1)]

    @cached_property
    def digest(self) -> str:
        """Digest of the photo's content, or of its address: what is there is only known by downloading it."""
        if os.path.isfile(self.source):  # a pipe would be waited for
            with suppress(OSError, ValueError):  # it can't be read either, which is reported then
                return file_digest(self.source)
        return digest(self.source)

    def mark(self, settings: str) -> Mark:
        """Return the mark of results with these settings of a model."""
        return Mark(self.digest, settings)

    def states(self, model: str, settings: str) -> set[State]:
        """Return what is there in place of a model's results.

        Raises:
            ColorizerError: something else than a result of this photo.
        """
        states = set()
        for file in self.files(model):
            self.found[file] = _identity(file)
            state = state_of(file, self.mark(settings), read_mark)
            if state is State.FOREIGN:
                raise ColorizerError(
                    f"{file} is there already, and was not made from this photo as it is now: choose another folder with "
                    "-o, or replace it with --overwrite."
                )
            states.add(state)
        return states

    def check_unchanged(self, file: Path, settings: str) -> None:
        """Raise ColorizerError if another run has written something else to `file` since `states` looked."""
        if _identity(file) != self.found[file] and state_of(file, self.mark(settings), read_mark) is not State.DONE:
            raise ColorizerError(
                f"{file} was written by another run in the meantime, and is left as it is: choose another folder with -o, or "
                "color the photo again."
            )


def plan(
    photos: Mapping[str, Path], folder: Path, models: Sequence[str], suffix: str, *, num_images: int = 1
) -> list[Job]:
    """Name the files of the photos' results, so that no two have one name.

    Subfolders of a folder are kept. Photos that differ in the suffix alone (IMG_1.jpg, IMG_1.png) keep it in the result's
    name: IMG_1-jpg.png. Several pages add their numbers. What is then still the same gets a number.

    Raises:
        ColorizerError: a model is given twice, or a result would overwrite a photo.
    """
    ends = _endings(model_names(models))
    stems = Counter(_key(place / file_name(source).stem) for source, place in photos.items())
    jobs: list[Job] = []
    taken: set[str] = set()
    numbers: Counter[Path] = Counter()  # tried last for each name
    for source, place in photos.items():
        name = file_name(source)
        is_alone = stems[_key(place / name.stem)] == 1 or not name.suffix
        num_pages = 1 if is_address(source) else count_pages(source)
        pages = [None] if num_pages == 1 else range(1, num_pages + 1)
        base = place / (name.stem if is_alone else f"{name.stem}-{name.suffix[1:]}")
        while True:
            numbers[base] += 1
            start = base if numbers[base] == 1 else f"{base}-{numbers[base]}"
            new = [
                Job(
                    source,
                    {model: folder / _file(start, page, end, suffix) for model, end in ends.items()},
                    num_images,
                    page,
                )
                for page in pages
            ]
            keys = {_key(file) for job in new for model in ends for file in job.files(model)}
            if not keys & taken:
                break
        taken |= keys
        jobs += new
    check_not_input([file for job in jobs for model in ends for file in job.files(model)], list(photos))
    return jobs


def _file(start: Path | str, page: int | None, end: str, suffix: str) -> str:
    return f"{start}{end}.{suffix}" if page is None else f"{start}-{page}{end}.{suffix}"


def _endings(names: Sequence[str]) -> dict[str, str]:
    """Return what each model adds to the name of a result: nothing if there is only one."""
    if len(names) == 1:
        return {names[0]: ""}
    ends: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        # A Hub id and a path have slashes.
        plain = "-" + re.sub(r"[^\w.-]+", "-", name).strip("-")
        numbered = (f"{plain}-{number}" for number in itertools.count(2))
        ends[name] = next(end for end in (plain, *itertools.islice(numbered, len(names))) if _key(end) not in taken)
        taken.add(_key(ends[name]))
    return ends


def _key(path: str | Path) -> str:
    """Return what is equal for names that some file systems don't distinguish: IMG.png and img.png, é and e with an accent."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def check_not_input(outputs: Sequence[Path], sources: Sequence[str]) -> None:
    """Refuse outputs that would overwrite one of the photos, under any of its names.

    Raises:
        ColorizerError: the message names the photo.
    """
    photos = {_identity(source): source for source in sources if os.path.exists(source)}
    for output in outputs:
        if os.path.exists(output) and (source := photos.get(_identity(output))):
            raise ColorizerError(
                f"The photo {public_name(source)} itself would be overwritten: choose another place with -o."
            )


def _identity(path: str | Path) -> tuple[int, int] | None:
    """Return what tells a file from all others; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino

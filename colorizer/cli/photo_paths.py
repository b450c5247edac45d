"""Photos named on the command line, and the files of their results."""

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from PIL import Image

from colorizer.errors import ColorizerError
from colorizer.hub.model_names import model_names
from colorizer.photos.reading import FORMATS


@dataclass(frozen=True, eq=False)
class Job:
    """A photo to color, its path or URL, and the output file of each model; several colorings add a number to its name."""

    source: str
    outputs: Mapping[str, Path]
    num_images: int = 1

    def files(self, model: str) -> list[Path]:
        """Return the files of a model's colorings."""
        path = self.outputs[model]
        if self.num_images == 1:
            return [path]
        return [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, self.num_images + 1)]

    def is_done(self, model: str) -> bool:
        """True if all of a model's files exist."""
        return all(os.path.exists(file) for file in self.files(model))


def plan(
    arguments: Sequence[str], folder: Path, models: Sequence[str], suffix: str, *, num_images: int = 1
) -> list[Job]:
    """Find the photos and name the files of their results.

    Subfolders of a folder are kept. Photos that differ in the suffix alone (IMG_1.jpg, IMG_1.png) keep it in the result's
    name: IMG_1-jpg.png.

    Raises:
        ColorizerError: there are no photos, two have the same result, or a result would overwrite a photo.
    """
    for argument in arguments:
        if os.path.isdir(folder) and os.path.isdir(argument) and os.path.samefile(argument, folder):
            raise ColorizerError(
                f"-o is the folder of the photos, {argument}: results would be taken for photos next time."
            )
    places = _find(arguments, lambda argument: _deep_matches(argument, except_for=folder))
    names = model_names(models)
    # A Hub id and a path have slashes.
    ends = ["-" + re.sub(r"[^\w.-]+", "-", name).strip("-") if len(names) > 1 else "" for name in names]
    # Some file systems don't distinguish IMG.png from img.png.
    keys = {source: str(place / file_name(source).stem).casefold() for source, place in places.items()}
    num_keys = Counter(keys.values())
    jobs: dict[str, Job] = {}
    for source, place in places.items():
        name = file_name(source)
        base = place / (name.stem if num_keys[keys[source]] == 1 else f"{name.stem}-{name.suffix[1:]}")
        if other := jobs.get(str(base).casefold()):
            raise ColorizerError(
                f"{other.source} and {source} would both become {base}.{suffix}: color them into two folders."
            )
        outputs = {model: folder / f"{base}{end}.{suffix}" for model, end in zip(names, ends, strict=True)}
        jobs[str(base).casefold()] = Job(source, outputs, num_images)
    outputs = [file for job in jobs.values() for model in job.outputs for file in job.files(model)]
    check_not_input(outputs, list(places))
    return list(jobs.values())


def find_photos(arguments: Sequence[str]) -> list[str]:
    """Return the paths and URLs of photos, each once; folders and patterns are replaced by their photos.

    Raises:
        ColorizerError: a folder has no photos, or a pattern matches nothing.
    """
    return list(_find(arguments, _matches))


def _find(arguments: Sequence[str], matches: Callable[[str], Mapping[str, Path]]) -> dict[str, Path]:
    """Return each photo with the subfolder of the argument that it is in."""
    found: dict[str, str] = {}
    places: dict[str, Path] = {}
    for argument in arguments:
        try:
            for match, place in ({argument: Path()} if is_url(argument) else matches(argument)).items():
                if found.setdefault(match if is_url(match) else os.path.realpath(match), match) == match:
                    places.setdefault(match, place)
        except OSError as error:
            # The file or subfolder that can't be read, if the argument is a folder.
            raise ColorizerError(f"{error.filename or argument} can't be opened: {error.strerror}.") from error
    return places


def _matches(argument: str) -> dict[str, Path]:
    path = Path(os.path.expanduser(argument))
    if path.is_dir():
        files = [str(file) for file in sorted(path.iterdir()) if _is_photo(file)]
        if not files:
            raise ColorizerError(f"The folder {argument} holds no photos (its subfolders are not searched).")
    elif not path.exists() and glob.has_magic(argument):
        files = sorted(match for match in glob.glob(str(path), recursive=True) if os.path.isfile(match))
        if not files:
            raise ColorizerError(f"No file matches {argument}.")
    else:
        files = [str(path)]
    return dict.fromkeys(files, Path())


def _deep_matches(argument: str, except_for: Path) -> dict[str, Path]:
    """Match as `_matches` does, with the photos of subfolders except those in `except_for`, where results are saved."""
    path = Path(os.path.expanduser(argument))
    if not path.is_dir():
        return _matches(argument)
    files: dict[str, Path] = {}
    # A link may lead to a folder above it, without end.
    seen = {os.path.realpath(except_for)}
    for folder, subfolders, names in os.walk(path, onerror=_raise, followlinks=True):
        seen.add(os.path.realpath(folder))
        subfolders[:] = sorted(
            name
            for name in subfolders
            if not name.startswith(".") and os.path.realpath(os.path.join(folder, name)) not in seen
        )
        place = Path(folder).relative_to(path)
        photos = (Path(folder) / name for name in sorted(names))
        files |= {str(photo): place for photo in photos if _is_photo(photo)}
    if not files:
        raise ColorizerError(f"The folder {argument} holds no photos, nor do its subfolders.")
    return files


def _is_photo(file: Path) -> bool:
    suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS}
    return file.suffix.lower() in suffixes and not file.name.startswith(".") and file.is_file()


def _raise(error: OSError) -> None:
    raise error


def is_url(source: str) -> bool:
    """True for a photo on the web."""
    return source.startswith(("http://", "https://"))


def file_name(source: str) -> Path:
    """Return the photo's file name, without its folders or web address."""
    return Path(Path(unquote(urlsplit(source).path) if is_url(source) else source).name or "photo")


def check_not_input(outputs: Sequence[Path], sources: Sequence[str]) -> None:
    """Refuse outputs that would overwrite one of the photos, under any of its names.

    Raises:
        ColorizerError: the message names the photo.
    """
    photos = {_identity(source): source for source in sources if os.path.exists(source)}
    for output in outputs:
        if os.path.exists(output) and (source := photos.get(_identity(output))):
            raise ColorizerError(f"The photo {source} itself would be overwritten: choose another place with -o.")


def _identity(path: str | Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino

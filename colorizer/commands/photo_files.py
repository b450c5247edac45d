"""From what is named on the command line to photos, and from photos to the files of their results."""

import glob
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from PIL import Image

from colorizer import images
from colorizer.errors import ColorizerError
from colorizer.evaluation.names import model_names


@dataclass(frozen=True, eq=False)
class Job:
    """A photo to color: where it is, and the file of each model's result; of several answers, what their names begin with."""

    source: str
    outputs: Mapping[str, Path]
    num_images: int = 1

    def files(self, model: str) -> list[Path]:
        """The files of a model's answers."""
        path = self.outputs[model]
        if self.num_images == 1:
            return [path]
        return [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, self.num_images + 1)]

    def is_done(self, model: str) -> bool:
        """Whether they are all there."""
        return all(file.exists() for file in self.files(model))


def plan(
    arguments: Sequence[str], folder: Path, models: Sequence[str], suffix: str, *, num_images: int = 1
) -> list[Job]:
    """Which photo becomes which files.

    Photos of one name but different suffixes (IMG_1.jpg, IMG_1.png) keep the suffix in the result's name: IMG_1-jpg.png.

    Raises:
        ColorizerError: no photos, two photos for one result, or a result in the place of a photo.
    """
    sources = find_photos(arguments)
    for argument in arguments:
        if folder.is_dir() and Path(argument).is_dir() and Path(argument).samefile(folder):
            raise ColorizerError(
                f"-o is the folder of the photos, {argument}: results would be taken for photos next time."
            )
    names = model_names(models)
    # A Hub id and a path have slashes.
    ends = ["-" + re.sub(r"[^\w.-]+", "-", name).strip("-") if len(names) > 1 else "" for name in names]
    # Some file systems take IMG.png and img.png for one.
    num_stems = Counter(file_name(source).stem.casefold() for source in sources)
    jobs: dict[str, Job] = {}
    for source in sources:
        name = file_name(source)
        base = name.stem if num_stems[name.stem.casefold()] == 1 else f"{name.stem}-{name.suffix[1:]}"
        if other := jobs.get(base.casefold()):
            raise ColorizerError(
                f"{other.source} and {source} would both become {base}.{suffix}: color them into two folders."
            )
        outputs = {model: folder / f"{base}{end}.{suffix}" for model, end in zip(names, ends, strict=True)}
        jobs[base.casefold()] = Job(source, outputs, num_images)
    check_not_input([file for job in jobs.values() for model in job.outputs for file in job.files(model)], sources)
    return list(jobs.values())


def find_photos(arguments: Sequence[str]) -> list[str]:
    """Paths and URLs of the photos meant: folders and patterns are replaced by their photos, each photo is there once.

    Raises ColorizerError for a folder without photos and a pattern that nothing matches.
    """
    found: dict[str, str] = {}
    for argument in arguments:
        try:
            for match in [argument] if is_url(argument) else _matches(argument):
                found.setdefault(match if is_url(match) else os.path.realpath(match), match)
        except OSError as error:
            raise ColorizerError(f"{argument} can't be opened: {error.strerror}.") from error
    return list(found.values())


def _matches(argument: str) -> list[str]:
    path = Path(os.path.expanduser(argument))
    if path.is_dir():
        suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in images.FORMATS}
        files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in suffixes and file.is_file()]
        files = [str(file) for file in files if not file.name.startswith(".")]
        if not files:
            raise ColorizerError(f"The folder {argument} holds no photos (its subfolders are not searched).")
        return files
    if not path.exists() and glob.has_magic(argument):
        files = sorted(match for match in glob.glob(str(path), recursive=True) if os.path.isfile(match))
        if not files:
            raise ColorizerError(f"No file matches {argument}.")
        return files
    return [str(path)]


def is_url(source: str) -> bool:
    """Whether the photo is on the web and not a file here."""
    return source.startswith(("http://", "https://"))


def file_name(source: str) -> Path:
    """The photo's own name, without the folders or the address before it."""
    return Path(Path(unquote(urlsplit(source).path) if is_url(source) else source).name or "photo")


def check_not_input(outputs: Sequence[Path], sources: Sequence[str]) -> None:
    """Raise ColorizerError if writing one of the outputs would overwrite one of the photos, by whatever name."""
    photos = {_identity(source): source for source in sources if os.path.exists(source)}
    for output in outputs:
        if output.exists() and (source := photos.get(_identity(output))):
            raise ColorizerError(f"The photo {source} itself would be overwritten: choose another place with -o.")


def _identity(path: str | Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def make_folder(folder: Path) -> None:
    """Make the folder with those above it; ColorizerError if that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ColorizerError(f"The folder {folder} can't be made: {error}.") from error

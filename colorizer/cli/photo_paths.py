"""Photos named on the command line: files, folders, patterns and web addresses."""

import glob
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from colorizer.cli.failures import say
from colorizer.errors import ColorizerError, quote
from colorizer.photos.files.addresses import is_address
from colorizer.photos.files.formats import MEDIA_TYPES
from colorizer.photos.marks import read_mark


@dataclass
class Found:
    """Photos that the arguments name, and all else that they name.

    photos: the path or URL of each photo, once, with the subfolder of the argument that it is in.
    left_out: files of the folders that are not photos in a supported format, by their path in the folder.
    problems: a sentence per argument or subfolder that can't be opened.
    """

    photos: dict[str, Path] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def report(self, failed: set[str]) -> None:
        """Print what is not among the photos, and add the problems to `failed`."""
        if self.left_out:
            say(f"Not photos in a supported format, and left out: {', '.join(self.left_out)}.")
        for problem in self.problems:
            say(problem)
        failed |= set(self.problems)


def find_photos(arguments: Sequence[str], *, results: Path | None = None) -> Found:
    """Find the photos; folders and patterns are replaced by their photos.

    With `results`, the folder in which results are saved, subfolders are searched as well, except for that one.

    Raises:
        ColorizerError: a folder has no photos, a pattern matches nothing, or results are saved in a folder of photos.
    """
    found, seen = Found(), set()
    for argument in arguments:
        path = os.path.expanduser(argument)
        if is_address(argument):
            files = {argument: Path()}
        elif os.path.isdir(path):
            files = _search(path, argument, results, found)
        elif not os.path.lexists(path) and glob.has_magic(argument):
            matches = sorted(glob.glob(path, recursive=True))
            files = {match: Path() for match in matches if os.path.isfile(match) and not _is_result(match, results)}
            if not files:
                raise ColorizerError(f"No file matches {quote(argument)}.")
        else:
            files = {str(Path(path)): Path()}
        for file, place in files.items():
            identity = file if is_address(file) else os.path.realpath(file)
            if identity not in seen:
                seen.add(identity)
                found.photos[file] = place
    return found


def file_name(source: str) -> Path:
    """Return the photo's file name, without its folders or web address."""
    if is_address(source):
        # Anyone can write an address: what it names must be a name.
        with suppress(ValueError):  # it is no valid address, which is reported when it is read
            source = urlsplit(source).path
        source = re.sub(r"[\x00-\x1f\x7f]", "-", unquote(source))
    return Path(Path(source).name or "photo")


def _search(path: str, argument: str, results: Path | None, found: Found) -> dict[str, Path]:
    """Return a folder's photos, and add to `found` what is left out and what can't be opened."""
    if results is not None and os.path.isdir(results) and os.path.samefile(path, results):
        raise ColorizerError(
            f"-o is the folder of the photos, {argument}: results would be taken for photos next time."
        )
    photos: dict[str, Path] = {}
    left_out: list[str] = []
    problems: list[str] = []

    def report(error: OSError) -> None:
        problems.append(f"{error.filename or argument} can't be opened: {error.strerror}.")

    # A link may lead to a folder above it, without end.
    seen = {os.path.realpath(results)} if results is not None else set()
    for folder, subfolders, names in os.walk(path, onerror=report, followlinks=True):
        seen.add(os.path.realpath(folder))
        visible = [name for name in sorted(subfolders) if not name.startswith(".")]
        subfolders.clear()
        if results is None:
            left_out += [f"{name}/" for name in visible]
        else:
            subfolders += [name for name in visible if os.path.realpath(os.path.join(folder, name)) not in seen]
        place = Path(folder).relative_to(path)
        for name in sorted(name for name in names if not name.startswith(".")):
            file = os.path.join(folder, name)
            if _is_photo(file):
                photos[str(Path(file))] = place
            else:
                left_out.append(str(place / name))
    if not photos and not problems:
        where = "(its subfolders are not searched)" if results is None else "nor do its subfolders"
        held = f" It holds {quote_names(left_out)}." if left_out else ""
        raise ColorizerError(f"The folder {argument} holds no photos that can be read, {where}.{held}")
    found.left_out += left_out
    found.problems += problems
    return photos


def _is_result(file: str, folder: Path | None) -> bool:
    """Return whether a file is a result of an earlier run in the folder of the results or below it."""
    is_below = folder is not None and Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder))
    return is_below and read_mark(file) is not None


def quote_names(names: Sequence[str], *, limit: int = 10) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{', '.join(names[:limit])}{more}"


def _is_photo(file: str) -> bool:
    # By name alone: what can't be opened, such as a broken link, is reported when it is read.
    return Path(file).suffix.lower() in MEDIA_TYPES

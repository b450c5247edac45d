"""Colorize many photos into one ZIP. No Gradio here, so tests need no browser."""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from colorizer.atomic_write import put_in_place, temporary
from colorizer.demo.batch import zip_uploads
from colorizer.demo.batch.zip_uploads import find_uploads, read_upload
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.comparison import Settings
from colorizer.demo.photo.run import color_photo
from colorizer.demo.previews import plain
from colorizer.errors import ColorizerError, PhotoError, quote
from colorizer.photos.files.saving import save_image, save_photo
from colorizer.photos.profiles import as_seen
from colorizer.server.fair_turns import MAX_PIXELS

MAX_TOTAL_PIXELS = 400_000_000
FORMATS = ("jpg", "png", "webp")
LIMITS_TEXT = (
    f"At most {zip_uploads.MAX_PHOTOS} photos at a time, {MAX_PIXELS // 10**6} megapixels each and "
    f"{MAX_TOTAL_PIXELS // 10**6} in total."
)
REPORT = "report.txt"
PREVIEW_SIDE = 320
MAX_PREVIEWS = 24
_TOO_MUCH = f"Limit reached: {MAX_TOTAL_PIXELS // 10**6} megapixels are allowed at a time."


@dataclass(frozen=True)
class AlbumStep:
    """Progress of an album.

    previews: (file, name) of small pictures of the first results.
    problems: (name, reason) of photos that were not colored.
    path: the ZIP, once all is done; None if no photo was colored.
    """

    done: int
    total: int
    num_colored: int = 0
    previews: tuple[tuple[Path, str], ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    path: Path | None = None

    @property
    def is_done(self) -> bool:
        return self.done == self.total

    @property
    def text(self) -> str:
        """Progress as Markdown."""
        if not self.is_done:
            return f"{self.done} of {self.total} photos done."
        lines = [f"{self.num_colored} of {self.total} photos colored."]
        if self.problems:
            lines += [f"Not colored (also listed in {REPORT} in the ZIP):" if self.path else "Not colored:", ""]
            lines += [f"* `{name}`: {problem}" for name, problem in self.problems]
        return "\n".join(lines)


def color_album(
    catalog: Catalog, files: Sequence[Path], name: str, settings: Settings, file_format: str, folder: Path
) -> Iterator[AlbumStep]:
    """Colorize uploaded photos and ZIPs of photos with one checkpoint. Yields a step before each photo and at the end.

    The results go into a ZIP in `folder`, with their subfolders and a report. A photo that can't be read is listed there, and
    the others continue. An unfinished ZIP is deleted when the iterator is closed.

    Raises:
        ColorizerError: an unknown checkpoint or format, no photos, too many photos, or a damaged ZIP.
    """
    if file_format not in FORMATS:
        raise ColorizerError(f"There is no format {quote(file_format)}; choose from {', '.join(FORMATS)}.")
    found = find_uploads(files)
    yield AlbumStep(0, len(found))
    pipe = catalog.pipeline(name)
    path = folder / f"colored-{plain(name)}.zip"
    photo_file = folder / f"photo.{file_format}"
    previews: list[tuple[Path, str]] = []
    problems: list[tuple[str, str]] = []
    notes: list[tuple[str, str]] = []
    taken: set[str] = set()
    pixels_left = MAX_TOTAL_PIXELS
    try:
        with temporary(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for done, upload in enumerate(found, start=1):
                try:
                    if pixels_left < 0:
                        raise PhotoError(_TOO_MUCH)
                    photo = read_upload(upload, MAX_PIXELS)
                    pixels_left -= photo.pixels.shape[0] * photo.pixels.shape[1]
                    if pixels_left < 0:
                        raise PhotoError(_TOO_MUCH)
                    colored = color_photo(pipe, photo, settings)
                    save_photo(colored, photo_file, model=name)
                    result = _free_name(upload.name, file_format, taken)
                    archive.write(photo_file, str(result))
                    notes += [(upload.label, note) for note in photo.notes]
                    if len(previews) < MAX_PREVIEWS:
                        previews.append((_save_preview(colored, folder / f"preview-{done}.jpg"), str(result)))
                except ColorizerError as error:
                    reason = str(error).replace(str(photo_file), "the result")
                    problems.append((upload.label, reason.replace("The photo ", "It ", 1)))
                if done < len(found):
                    yield AlbumStep(done, len(found), len(taken), tuple(previews), tuple(problems))
            archive.writestr(REPORT, _report(name, len(taken), len(found), problems, notes))
            archive.close()
            if taken:
                put_in_place(part, path, flush=False)
    except OSError as error:
        raise ColorizerError(f"The ZIP can't be written: {error.strerror}.") from error
    finally:
        photo_file.unlink(missing_ok=True)
    yield AlbumStep(len(found), len(found), len(taken), tuple(previews), tuple(problems), path if taken else None)


def _free_name(name: PurePosixPath, file_format: str, taken: set[str]) -> PurePosixPath:
    """Return a free file name for the result of the photo `name`, and add it to `taken`."""
    # On some file systems, IMG.png and img.png are the same file.
    endings = ["", f"-{name.suffix[1:]}", *(f"-{number}" for number in range(2, zip_uploads.MAX_PHOTOS + 2))]
    candidates = (name.with_name(f"{name.stem}{ending}.{file_format}") for ending in endings)
    free = next(candidate for candidate in candidates if str(candidate).casefold() not in taken)
    taken.add(str(free).casefold())
    return free


def _save_preview(image: Image.Image, path: Path) -> Path:
    image = Image.fromarray(as_seen(image))
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), reducing_gap=2)
    save_image(image, path, flush=False, quality=85)
    return path


def _report(
    model: str, num_colored: int, total: int, problems: Sequence[tuple[str, str]], notes: Sequence[tuple[str, str]]
) -> str:
    lines = [f"{num_colored} of {total} photos were colored by {model}, with colorizer.", "The colors are guesses."]
    for title, entries in (("Not colored", problems), ("Notes", notes)):
        if entries:
            lines += ["", f"{title}:", *(f"  {name}: {text}" for name, text in entries)]
    return "\n".join(lines) + "\n"

"""Full-size result files. No Gradio here."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from torch import Tensor

from colorizer.atomic_write import write_file
from colorizer.demo.photo.comparison import Comparison, Result, check_total_pixels
from colorizer.demo.photo.recolor import apply_colors, color_of, colors, load_photo, rescore
from colorizer.demo.photo.score_table import HEADINGS, plain_label
from colorizer.demo.previews import file_stem, read_visitor_photo
from colorizer.errors import ColorizerError, quote
from colorizer.evaluation.photo_scores import format_scores, reduce
from colorizer.photos.files.saving import save_image, save_photo, to_pil
from colorizer.photos.merging import gray_pixels
from colorizer.photos.photo import Photo

FORMATS = {"PNG": ".png", "JPEG": ".jpg", "WebP": ".webp"}
# Limit for all photos of one ZIP or gallery: PNG takes up to a second per million pixels, and many share the machine.
MAX_ZIP_PIXELS = 150_000_000


def save_result(comparison: Comparison, label: str, file_format: str = "PNG") -> Path:
    """Write one result, adjusted as shown, at the photo's size, with its EXIF data and color profile.

    Raises ColorizerError for an unknown result or format, a photo too large for the format, or if the run's files are gone.
    """
    wanted, ending = comparison.result(label), _ending(file_format)
    return _save(comparison, wanted, color_of(comparison, wanted), _photo(comparison), ending)


def save_all(
    comparison: Comparison,
    file_format: str = "PNG",
    report: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> Path:
    """Write all results, as `save_result` does, and a contact sheet into one ZIP.

    `report(done, total, label)` is called before each file. Raises ColorizerError as `save_result` does, if there are no
    results, and if they have more than `MAX_ZIP_PIXELS` in total.
    """
    results = comparison.colored
    if not results:
        raise ColorizerError("There are no results to download.")
    check_total_pixels(len(results), comparison.size, MAX_ZIP_PIXELS)
    photo, ending = _photo(comparison), _ending(file_format)
    path = comparison.folder / f"{file_stem(photo.name, 'colorized')}.zip"
    # The images are already compressed.
    with write_file(path, flush=False) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for done, (result, ab) in enumerate(colors(comparison)):
            report(done, len(results) + 1, result.label)
            file = _save(comparison, result, ab, photo, ending)
            archive.write(file, file.name)
        report(len(results), len(results) + 1, "the contact sheet")
        sheet = comparison.folder / f"{file_stem(photo.name, 'contact-sheet')}.png"
        save_image(contact_sheet(comparison, photo.name), sheet, flush=False)
        archive.write(sheet, sheet.name)
    return path


def contact_sheet(comparison: Comparison, title: str) -> Image.Image:
    """Return a sheet of the gray photo, all results and, for a color photo, its true colors, with times and scores."""
    # Imported here, since matplotlib is slow to import and the page should not wait for it.
    from colorizer.evaluation.photo_comparison import PhotoComparison, sheet

    scored, photo = rescore(comparison), load_photo(comparison.shown)
    pictures = [reduce(gray_pixels(photo))]
    pictures += [reduce(apply_colors(photo, ab, comparison.settings)) for _, ab in colors(comparison)]
    pictures += [] if comparison.truth is None else [reduce(photo.pixels)]
    captions = ["", *(_sheet_caption(result) for result in scored.colored), ""]
    width, height = comparison.size
    row = PhotoComparison(
        f"{title} · {width}×{height}", [*pictures, *([None] if comparison.truth is None else [])], captions
    )
    return sheet([row], [plain_label(comparison, result) for result in scored.colored])


def gallery(comparison: Comparison) -> list[tuple[str, str]]:
    """Return pairs (file, caption) of all results without a problem. Raises ColorizerError if there are none."""
    if not comparison.colored:
        raise ColorizerError("; ".join(f"{result.name}: {result.problem}" for result in comparison.results))
    photo = _photo(comparison)
    return [
        (str(_save(comparison, result, ab, photo, ".png")), f"{result.label}, {result.seconds:.2f} s")
        for result, ab in colors(comparison)
    ]


def _photo(comparison: Comparison) -> Photo:
    # Uploads are deleted after some time.
    if not Path(comparison.source).exists():
        raise ColorizerError("The photo has expired: upload it again and colorize it.")
    return read_visitor_photo(comparison.source)


def _save(comparison: Comparison, result: Result, ab: Tensor, photo: Photo, ending: str) -> Path:
    image = to_pil(photo, apply_colors(photo, ab, comparison.settings))
    path = comparison.folder / f"{file_stem(photo.name, result.label)}{ending}"
    try:
        return save_photo(image, path, model=result.name)
    except ColorizerError as error:
        raise ColorizerError(str(error).replace(str(path), path.name)) from error


def _ending(file_format: str) -> str:
    if file_format not in FORMATS:
        raise ColorizerError(f"There is no format {quote(file_format)}; choose from {', '.join(FORMATS)}.")
    return FORMATS[file_format]


def _sheet_caption(result: Result) -> str:
    values = [f"{HEADINGS[name].split()[0]} {value}" for name, value in format_scores(result.scores).items()]
    return "\n".join([f"{result.seconds:.2f} s", ", ".join(values[:2]), ", ".join(values[2:])]).strip()

"""`compare`: color photos by several models on one contact sheet."""

import argparse
from functools import partial

from colorizer.atomic_write import is_taken, make_folder
from colorizer.checkpoints import list_checkpoints
from colorizer.cli.failures import finish, reported, say_notes
from colorizer.cli.shared_arguments import add_max_pixels, add_models, add_options, add_photos, check_photos, path
from colorizer.errors import ColorizerError, quote

PURPOSE = "color photos by several models on one contact sheet"
NOTES = """\
The sheet has a row per photo: gray, each model's result with its time, and the
original if it has color. Captions give PSNR, SSIM, ΔE2000 and colorfulness,
measured at no more than 512 pixels.

examples:
  python -m colorizer compare old.jpg new.jpg -o sheet.png
  python -m colorizer compare album/ -o sheet.png --model colorful runs/mine
"""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_photos(parser)
    parser.add_argument(
        "-o", "--output", type=path, required=True, metavar="FILE", help="image to write, such as sheet.png"
    )
    add_models(parser, help="one or several models, see `list` (default: every checkpoint of the package)")
    add_options(parser)
    add_max_pixels(parser)
    parser.add_argument("--overwrite", action="store_true", help="overwrite an existing file that is not a sheet")


def run(arguments: argparse.Namespace) -> int:
    """Color photos by several models on one contact sheet."""
    from tqdm.auto import tqdm

    from colorizer.cli.given_options import given_options, load_pipelines
    from colorizer.cli.jobs import check_not_input
    from colorizer.cli.overlap import read_ahead
    from colorizer.cli.photo_paths import file_name, find_photos
    from colorizer.evaluation.photo_comparison import compare, sheet
    from colorizer.photos.files.reading import MAX_PIXELS, read_photo
    from colorizer.photos.files.saving import save_photo
    from colorizer.photos.marks import Mark, digest, read_mark

    check_photos(arguments)
    output = arguments.output
    # `save_photo` takes no other suffixes; checked before the work that would be lost.
    if output.suffix.lower() not in SUFFIXES:
        raise ColorizerError(
            f"{quote(str(output))} must end in one of {', '.join(SUFFIXES)}: name it such as sheet.png."
        )
    models = arguments.model or list_checkpoints()
    if not models:
        raise ColorizerError("The package has no checkpoint: give a model with --model.")
    found = find_photos(arguments.photos)
    check_not_input([output], list(found.photos))
    mark = Mark(digest("sheet"), digest("compare"))
    make_folder(output.parent)

    def check_output() -> None:
        if is_taken(output) and read_mark(output) != mark and not arguments.overwrite:
            raise ColorizerError(
                f"{output} is there already, and is not a sheet of `compare`: choose another name, or replace it with "
                "--overwrite."
            )

    check_output()
    pipelines = load_pipelines(models, arguments.device)
    options = given_options(arguments, pipelines)
    comparisons, failed = [], set()
    found.report(failed)
    ahead = read_ahead(found.photos, partial(read_photo, max_pixels=arguments.max_pixels or MAX_PIXELS))
    for source, reading in tqdm(ahead, total=len(found.photos), unit="photo", disable=None):
        with reported(source, failed):
            photo = reading.result()
            say_notes(photo)
            comparisons.append(compare(photo, pipelines, title=file_name(source).name, **options))
    if comparisons:
        picture = sheet(comparisons, list(pipelines))
        save_photo(picture, output, model=", ".join(pipelines), mark=mark, check=check_output)
        print(f"Written to {output}")
    return finish(len(failed), len(found.photos) + len(found.problems))

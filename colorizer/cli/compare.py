"""`compare`: photos colored by several models, on one picture."""

import argparse

from tqdm.auto import tqdm

from colorizer.atomic_write import make_folder
from colorizer.checkpoints import list_checkpoints
from colorizer.cli.failures import finish, reported
from colorizer.cli.given_options import given_options, load_pipelines
from colorizer.cli.photo_paths import check_not_input, file_name, find_photos
from colorizer.errors import ColorizerError
from colorizer.evaluation.photo_comparison import compare, sheet
from colorizer.photos.reading import read_photo
from colorizer.photos.saving import save_photo

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def run(arguments: argparse.Namespace) -> int:
    """Color photos by several models on one contact sheet."""
    sources = find_photos(arguments.photos)
    # Before the work that would be lost: `save_photo` takes no other suffixes.
    if arguments.output.suffix.lower() not in SUFFIXES:
        raise ColorizerError(f"{arguments.output} must end in one of {', '.join(SUFFIXES)}: name it such as sheet.png.")
    models = arguments.model or list_checkpoints()
    if not models:
        raise ColorizerError("No checkpoint comes with the package: name one with --model.")
    check_not_input([arguments.output], sources)
    make_folder(arguments.output.parent)
    pipelines = load_pipelines(models, arguments.device)
    options = given_options(arguments, pipelines)
    comparisons, failed = [], set()
    for source in tqdm(sources, unit="photo", disable=None):
        with reported(source, failed):
            photo = read_photo(source)
        if source not in failed:
            comparisons.append(compare(photo, pipelines, title=file_name(source).name, **options))
    if comparisons:
        save_photo(sheet(comparisons, list(pipelines)), arguments.output, model=", ".join(pipelines))
        print(f"Written to {arguments.output}")
    return finish(len(failed), len(sources))

"""`compare`: photos colored by several models, on one picture."""

import argparse

from PIL import Image
from tqdm.auto import tqdm

from colorizer import images
from colorizer.checkpoints import list_checkpoints
from colorizer.commands.exit_codes import finish, reported
from colorizer.commands.models import given_options, load_pipelines
from colorizer.commands.photo_files import check_not_input, file_name, find_photos, make_folder
from colorizer.errors import ColorizerError
from colorizer.evaluation.comparison import compare, sheet


def run(arguments: argparse.Namespace) -> int:
    """Color photos by several models on one contact sheet."""
    sources = find_photos(arguments.photos)
    if arguments.output.suffix.lower() not in Image.registered_extensions():
        raise ColorizerError(f"{arguments.output} has no suffix of a picture: name it such as sheet.png.")
    check_not_input([arguments.output], sources)
    make_folder(arguments.output.parent)
    pipelines = load_pipelines(arguments.model or list_checkpoints(), arguments.device)
    options = given_options(arguments, pipelines)
    comparisons, failed = [], set()
    for source in tqdm(sources, unit="photo", disable=None):
        with reported(source, failed):
            photo = images.read(source)
        if source not in failed:
            comparisons.append(compare(photo, pipelines, title=file_name(source).name, **options))
    if comparisons:
        try:
            sheet(comparisons, list(pipelines)).save(arguments.output)
        except OSError as error:
            raise ColorizerError(f"{arguments.output} can't be written: {error}.") from error
        print(f"Written to {arguments.output}")
    return finish(len(failed), len(sources))

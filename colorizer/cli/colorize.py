"""`colorize`: color photos and save them at full size."""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorizer.atomic_write import make_folder
from colorizer.cli.failures import OK, finish, reported, say, say_notes
from colorizer.cli.shared_arguments import (
    add_max_pixels,
    add_models,
    add_options,
    add_photos,
    check_photos,
    count,
    hint,
    path,
)
from colorizer.errors import ColorizerError, check_count

if TYPE_CHECKING:
    from concurrent.futures import Future

    from PIL.Image import Image

    from colorizer.cli.jobs import Job
    from colorizer.photos.photo import Photo
    from colorizer.pipelines.image_colorization import ColorizationPipeline

PURPOSE = "color photos and save them at full size"
NOTES = """\
PHOTO is a photo, a folder (with its subfolders), a pattern such as
"scans/*.tif", or an http(s) address. Results keep the photo's size and
lightness. PHOTO.jpg becomes FOLDER/PHOTO.png, or FOLDER/PHOTO-MODEL.png with
several models; with --num_images the names end in a number: PHOTO-1, PHOTO-2,
…, and so do those of the pages of a TIFF or PDF. Subfolders are kept. Results
of the same photo, model and options are skipped, so running the command again
resumes it; those of another model or other options are replaced, and any
other file is left as it is. Under `accelerate launch` or `torchrun` the
photos are split among the processes.

examples:
  python -m colorizer colorize old.jpg -o colored
  python -m colorizer colorize album/ -o colored --model colorful pix2pix
  python -m colorizer colorize album/ -o colored --model colorful \\
      --saturation 1.2 --temperature 0.38 --format jpg --overwrite
  python -m colorizer colorize old.jpg -o colored --model colorful \\
      --num_images 4 --seed 1
  python -m colorizer colorize old.jpg -o colored --model runs/hinted \\
      --hint "120,45,#3366cc" --hint "10,200,#338833"
  python -m colorizer colorize "scans/*.tif" -o colored --model runs/mine
  accelerate launch -m colorizer colorize album/ -o colored
  torchrun --nproc_per_node 2 -m colorizer colorize album/ -o colored
"""
LOSSY = ("jpg", "webp")
FORMATS = ("png", "jpg", "webp", "tiff")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_photos(parser)
    parser.add_argument(
        "-o", "--output", type=path, required=True, metavar="FOLDER", help="folder in which results are saved"
    )
    add_models(parser, help="one or several models, see `list` (default: the best, `default`)")
    add_options(parser)
    parser.add_argument(
        "--hint",
        type=hint,
        action="append",
        metavar="X,Y,#RRGGBB",
        help="color of one pixel of the photo, spread along its edges; can be given several times",
    )
    parser.add_argument(
        "--num_images",
        type=count,
        metavar="N",
        help="number of different colorings, for models that predict a color distribution (default: 1, the model's own)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the sampled colorings (default: 0)")
    parser.add_argument("--format", choices=FORMATS, default="png", help="file format of the results (default: png)")
    parser.add_argument(
        "--quality", type=count, metavar="N", help="quality of jpg and webp files, 1 to 100 (default: 95)"
    )
    parser.add_argument(
        "--keep_color", action="store_true", help="leave out photos that are in color already, instead of coloring them"
    )
    add_max_pixels(parser)
    parser.add_argument(
        "--batch_size", type=count, default=4, metavar="N", help="photos per batch, all held in memory (default: 4)"
    )
    parser.add_argument("--overwrite", action="store_true", help="overwrite existing results")


def run(arguments: argparse.Namespace) -> int:
    """Color photos, each decoded once for all models, and save every result as soon as it is predicted."""
    from colorizer.cli.given_options import given_hints_and_seed, given_options, load_pipelines, settings_digest
    from colorizer.cli.jobs import plan
    from colorizer.cli.photo_paths import find_photos
    from colorizer.pipelines import processes
    from colorizer.pipelines.options import MAX_IMAGES, options_for

    check_photos(arguments)
    num_images = arguments.num_images or 1
    check_count("num_images", num_images, MAX_IMAGES)
    quality = _checked_quality(arguments)
    models = arguments.model or ["default"]
    found = find_photos(arguments.photos, results=arguments.output)
    jobs = plan(found.photos, arguments.output, models, arguments.format, num_images=num_images)
    if arguments.hint and len(jobs) > 1:
        raise ColorizerError(f"A --hint is a place in one photo, and these are {len(jobs)}: color them one by one.")
    pipelines = load_pipelines(models, arguments.device or processes.own_device())
    options = given_options(arguments, pipelines)
    hints_and_seed = given_hints_and_seed(arguments, pipelines)
    given = {name: options_for(pipe.model, options) | hints_and_seed for name, pipe in pipelines.items()}
    settings = {name: settings_digest(pipe, given[name], quality=quality) for name, pipe in pipelines.items()}
    make_folder(arguments.output)
    is_first, failed = processes.is_first(), set()
    if is_first:
        found.report(failed)
    # Split before existing results are skipped: another process may be saving some right now.
    jobs = processes.share(jobs)
    waiting, num_outdated = (jobs, 0) if arguments.overwrite else _waiting(jobs, settings, failed)
    unfinished = failed | {job.label for job in waiting}
    num_done = processes.total(sum(job.label not in unfinished for job in jobs))
    num_jobs, num_outdated = processes.total(len(jobs)), processes.total(num_outdated)
    if num_done and is_first:
        print(f"{num_done} of {num_jobs} photos are done already; --overwrite colors them again.")
    if num_outdated and is_first:
        print(f"{num_outdated} of {num_jobs} photos have results of another model or other options: they are replaced.")
    if waiting:
        _color(arguments, waiting, pipelines, given, settings, failed, quality)
    failures = processes.total(len(failed))
    processes.leave()
    return finish(failures, num_jobs - num_done + len(found.problems)) if is_first else OK


def _checked_quality(arguments: argparse.Namespace) -> int:
    if arguments.quality is None:
        return 95
    if arguments.format not in LOSSY:
        raise ColorizerError(
            f"{arguments.format} is lossless and has no --quality: give --format {' or '.join(LOSSY)}."
        )
    check_count("quality", arguments.quality, 100)
    return arguments.quality


def _waiting(jobs: Sequence["Job"], settings: Mapping[str, str], failed: set[str]) -> tuple[list["Job"], int]:
    """Return the jobs without what is done already, and the number of those whose results are of other settings."""
    from colorizer.photos.marks import State

    waiting, num_outdated = [], 0
    for job in jobs:
        states = {}
        for model in job.outputs:
            with reported(job.label, failed):
                states[model] = job.states(model, settings[model])
        num_outdated += any(State.OUTDATED in there for there in states.values())
        outputs = {model: job.outputs[model] for model, there in states.items() if there != {State.DONE}}
        if outputs:
            waiting.append(replace(job, outputs=outputs))
    return waiting, num_outdated


def _color(
    arguments: argparse.Namespace,
    waiting: Sequence["Job"],
    pipelines: Mapping[str, "ColorizationPipeline"],
    given: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, str],
    failed: set[str],
    quality: int,
) -> None:
    """Color this process's photos, and add those that fail to `failed`."""
    from tqdm.auto import tqdm

    from colorizer.cli.overlap import Saving, read_ahead
    from colorizer.photos.files.reading import MAX_PIXELS, read_photo
    from colorizer.photos.files.saving import save_photo
    from colorizer.pipelines import processes

    def read(job: "Job") -> "Photo":
        photo = read_photo(job.source, name=job.label, page=job.page, max_pixels=arguments.max_pixels or MAX_PIXELS)
        _ = photo.is_gray  # computed here, while the network is busy with others
        return photo

    def report(job: "Job", reading: "Future[Photo]") -> None:
        with reported(job.label, failed):
            photo = reading.result()
            say_notes(photo)
            if not photo.is_gray:
                done = "left alone" if arguments.keep_color else "its own colors are replaced"
                say(f"{photo.name}: in color already, {done}.")

    def save(image: "Image", file: Path, job: "Job", settings: str) -> None:
        make_folder(file.parent)
        check = None if arguments.overwrite else partial(job.check_unchanged, file, settings)
        save_photo(image, file, quality=quality, mark=job.mark(settings), check=check)

    ahead = read_ahead(waiting, read)
    with (
        tqdm(total=len(waiting), unit="photo", disable=None if processes.is_first() else True) as bar,
        Saving(failed) as saving,
    ):
        while batch := list(itertools.islice(ahead, arguments.batch_size)):
            photos = {}
            for job, reading in batch:
                saving.then(partial(report, job, reading))
                if not reading.exception() and (reading.result().is_gray or not arguments.keep_color):
                    photos[job] = reading.result()
            for name, colorize in pipelines.items():
                pending = {job: photo for job, photo in photos.items() if name in job.outputs}
                if not pending:
                    continue
                # As a stream, of which no more results are made than are being saved.
                results = colorize(iter(pending.values()), batch_size=arguments.batch_size, **given[name])
                for job, result in zip(pending, results, strict=True):
                    images = result if isinstance(result, list) else [result]
                    for image, file in zip(images, job.files(name), strict=True):
                        saving.save(job.label, save, image, file, job, settings[name])
            bar.update(len(batch))

"""`colorize`: color photos and save them at full size."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from colorizer.atomic_write import make_folder
from colorizer.cli.failures import OK, finish, reported
from colorizer.cli.shared_arguments import add_models, add_options, add_photos, count, hint, path
from colorizer.errors import ColorizerError, check_count

if TYPE_CHECKING:
    from colorizer.cli.photo_paths import Job

PURPOSE = "color photos and save them at full size"
NOTES = """\
PHOTO is a photo, a folder (with its subfolders), a pattern such as
"scans/*.tif", or an http(s) address. Results keep the photo's size and
lightness. PHOTO.jpg becomes FOLDER/PHOTO.png, or FOLDER/PHOTO-MODEL.png with
several models; with --num_images the names end in a number: PHOTO-1, PHOTO-2,
… Subfolders are kept. Existing results are skipped, so running the command
again resumes it. Under `accelerate launch` or `torchrun` the photos are split
among the processes.

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
FORMATS = ("png", "jpg", "webp")


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
        "--batch_size", type=count, default=4, metavar="N", help="photos per batch, all held in memory (default: 4)"
    )
    parser.add_argument("--overwrite", action="store_true", help="overwrite existing results")


def run(arguments: argparse.Namespace) -> int:
    """Color photos, each decoded once for all models, and save every result as soon as it is predicted."""
    from colorizer.cli.photo_paths import plan
    from colorizer.pipelines import processes
    from colorizer.pipelines.options import MAX_IMAGES

    num_images = arguments.num_images or 1
    check_count("num_images", num_images, MAX_IMAGES)
    models = arguments.model or ["default"]
    jobs = plan(arguments.photos, arguments.output, models, arguments.format, num_images=num_images)
    if arguments.hint and len(jobs) > 1:
        raise ColorizerError(f"A --hint is a place in one photo, and these are {len(jobs)}: color them one by one.")
    # Split before existing results are skipped: another process may be saving some right now.
    waiting = jobs = processes.share(jobs)
    if not arguments.overwrite:
        waiting = [replace(job, outputs={n: p for n, p in job.outputs.items() if not job.is_done(n)}) for job in jobs]
        waiting = [job for job in waiting if job.outputs]
    num_jobs, num_waiting = processes.total(len(jobs)), processes.total(len(waiting))
    is_first = processes.is_first()
    if num_waiting < num_jobs and is_first:
        print(f"{num_jobs - num_waiting} of {num_jobs} photos are done already; --overwrite colors them again.")
    failures = processes.total(_color(arguments, models, waiting) if waiting else 0)
    processes.leave()
    return finish(failures, num_waiting) if is_first else OK


def _color(arguments: argparse.Namespace, models: Sequence[str], waiting: Sequence["Job"]) -> int:
    """Color this process's photos and return how many failed."""
    from tqdm.auto import tqdm

    from colorizer.cli.given_options import given_hints_and_seed, given_options, load_pipelines
    from colorizer.photos.reading import read_photo
    from colorizer.photos.saving import save_photo
    from colorizer.pipelines import processes
    from colorizer.pipelines.options import options_for

    for folder in sorted({file.parent for job in waiting for file in job.outputs.values()}):
        make_folder(folder)
    pipelines = load_pipelines(models, arguments.device or processes.own_device())
    options = given_options(arguments, pipelines)
    hints_and_seed = given_hints_and_seed(arguments, pipelines)
    failed: set[str] = set()
    with tqdm(total=len(waiting), unit="photo", disable=None if processes.is_first() else True) as bar:
        for start in range(0, len(waiting), arguments.batch_size):
            batch = waiting[start : start + arguments.batch_size]
            photos = {}
            for job in batch:
                with reported(job.source, failed):
                    photos[job] = read_photo(job.source)
            for name, colorize in pipelines.items():
                pending = {job: photo for job, photo in photos.items() if name in job.outputs}
                if not pending:
                    continue
                results = colorize(
                    list(pending.values()),
                    batch_size=arguments.batch_size,
                    **options_for(colorize.model, options),
                    **hints_and_seed,
                )
                for job, result in zip(pending, results, strict=True):
                    images = result if isinstance(result, list) else [result]
                    with reported(job.source, failed):
                        for image, file in zip(images, job.files(name), strict=True):
                            save_photo(image, file)
            bar.update(len(batch))
    return len(failed)

"""`colorize`: color photos and save them at full size."""

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice

from tqdm.auto import tqdm

from colorizer import images
from colorizer.commands.exit_codes import OK, finish, report
from colorizer.commands.models import given_options, load_pipelines
from colorizer.commands.photo_files import Job, make_folder, plan
from colorizer.errors import PhotoError
from colorizer.evaluation.comparison import options_for


def run(arguments: argparse.Namespace) -> int:
    """Color photos, each decoded once for all models, and save every result as soon as it is there."""
    jobs = plan(arguments.photos, arguments.output, arguments.model, arguments.format)
    if not arguments.overwrite:
        jobs = [Job(job.source, {n: path for n, path in job.outputs.items() if not path.exists()}) for job in jobs]
    waiting = [job for job in jobs if job.outputs]
    if len(waiting) < len(jobs):
        print(f"{len(jobs) - len(waiting)} of {len(jobs)} photos are done already; --overwrite colors them anew.")
    if not waiting:
        return OK
    make_folder(arguments.output)
    pipelines = load_pipelines(arguments.model, arguments.device)
    options = given_options(arguments, pipelines)
    failures = 0
    with tqdm(total=len(waiting), unit="photo", disable=None) as bar:
        for batch in _batches(waiting, arguments.batch_size):
            read = []
            for job in batch:
                try:
                    read.append((job, images.read(job.source)))
                except PhotoError as error:
                    report(error)
            for name, colorize in pipelines.items():
                pending = [(job, photo) for job, photo in read if name in job.outputs]
                if not pending:
                    continue
                colored = colorize(
                    [photo for _, photo in pending],
                    batch_size=arguments.batch_size,
                    **options_for(colorize.model, options),
                )
                for (job, _), image in zip(pending, colored, strict=True):
                    images.save(image, job.outputs[name], model=name)
            failures += len(batch) - len(read)
            bar.update(len(batch))
    return finish(failures, len(waiting))


def _batches(jobs: Sequence[Job], size: int) -> Iterator[list[Job]]:
    remaining = iter(jobs)
    while batch := list(islice(remaining, size)):
        yield batch

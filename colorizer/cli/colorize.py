"""`colorize`: color photos and save them at full size."""

import argparse
from dataclasses import replace

from tqdm.auto import tqdm

from colorizer.atomic_write import make_folder
from colorizer.cli.failures import OK, finish, reported
from colorizer.cli.given_options import given_options, given_wishes, load_pipelines
from colorizer.cli.photo_paths import Job, plan
from colorizer.errors import ColorizerError
from colorizer.photos.reading import read_photo
from colorizer.photos.saving import save_photo
from colorizer.pipelines import processes
from colorizer.pipelines.options import options_for


def run(arguments: argparse.Namespace) -> int:
    """Color photos, each decoded once for all models, and save every result as soon as it is there."""
    num_images = arguments.num_images or 1
    models = arguments.model or ["default"]
    jobs = plan(arguments.photos, arguments.output, models, arguments.format, num_images=num_images)
    if arguments.hint and len(jobs) > 1:
        raise ColorizerError(f"A --hint is a place in one photo, and these are {len(jobs)}: color them one by one.")
    # Shared out before what is done is left away: another process may be doing some just now.
    waiting = jobs = processes.share(jobs)
    if not arguments.overwrite:
        waiting = [replace(job, outputs={n: p for n, p in job.outputs.items() if not job.is_done(n)}) for job in jobs]
        waiting = [job for job in waiting if job.outputs]
    num_jobs, num_waiting = processes.total(len(jobs)), processes.total(len(waiting))
    is_first = processes.is_first()
    if num_waiting < num_jobs and is_first:
        print(f"{num_jobs - num_waiting} of {num_jobs} photos are done already; --overwrite colors them anew.")
    failures = processes.total(_color(arguments, models, waiting) if waiting else 0)
    processes.leave()
    return finish(failures, num_waiting) if is_first else OK


def _color(arguments: argparse.Namespace, models: list[str], waiting: list[Job]) -> int:
    """Color this process's photos; how many of them failed."""
    for folder in sorted({path.parent for job in waiting for path in job.outputs.values()}):
        make_folder(folder)
    pipelines = load_pipelines(models, arguments.device or processes.own_device())
    options = given_options(arguments, pipelines)
    wishes = given_wishes(arguments, pipelines)
    failed: set[str] = set()
    is_first = processes.is_first()
    with tqdm(total=len(waiting), unit="photo", disable=None if is_first else True) as bar:
        for start in range(0, len(waiting), arguments.batch_size):
            batch = waiting[start : start + arguments.batch_size]
            photos = {}
            for job in batch:
                with reported(job.source, failed):
                    photos[job] = read_photo(job.source)
            for name, colorize in pipelines.items():
                pending = {job: photo for job, photo in photos.items() if name in job.outputs}
                if pending:
                    colored = colorize(
                        list(pending.values()),
                        batch_size=arguments.batch_size,
                        **options_for(colorize.model, options),
                        **wishes,
                    )
                    for job, answer in zip(pending, colored, strict=True):
                        answers = answer if isinstance(answer, list) else [answer]
                        with reported(job.source, failed):
                            for image, file in zip(answers, job.files(name), strict=True):
                                save_photo(image, file)
            bar.update(len(batch))
    return len(failed)

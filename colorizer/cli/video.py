"""`video`: color a clip, its sound kept."""

import argparse

from tqdm.auto import tqdm

from colorizer.atomic_write import make_folder
from colorizer.cli.failures import OK
from colorizer.cli.given_options import given_options, load_pipelines
from colorizer.video import colorize_video, inspect


def run(arguments: argparse.Namespace) -> int:
    """Color a clip; one that was interrupted goes on where it was."""
    if arguments.output.exists() and not arguments.overwrite:
        print(f"{arguments.output} is there already; --overwrite colors it anew.")
        return OK
    clip = inspect(arguments.clip)  # before a model is loaded for nothing
    make_folder(arguments.output.parent)
    pipelines = load_pipelines([arguments.model], arguments.device)
    options = given_options(arguments, pipelines)
    (pipe,) = pipelines.values()
    with tqdm(total=clip.num_frames, unit="frame", disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            if bar.n == 0 and done > 1:
                bar.initial = done  # an earlier run's, which says nothing of this one's pace
            bar.update(done - bar.n)

        result = colorize_video(
            arguments.clip,
            arguments.output,
            pipe,
            smoothing=arguments.smoothing,
            batch_size=arguments.batch_size,
            progress=show,
            **options,
        )
    for note in result.notes:
        print(f"{arguments.clip}: {note}.")
    print(f"Written to {arguments.output}")
    return OK

"""`video`: color a video and keep its sound."""

import argparse
import os

from colorizer.atomic_write import make_folder
from colorizer.cli.failures import OK
from colorizer.cli.shared_arguments import add_options, count, path, text

PURPOSE = "color a video and keep its sound"
NOTES = """\
CLIP is a video file: MP4, MOV, MKV, WebM, AVI, MPEG or GIF. FILE ends in .mp4,
.m4v, .mov, .mkv (H.264) or .webm (VP9). Its lightness, timing and sound are
those of the clip; a clip with a rotation tag is saved upright. Colors are
averaged over --smoothing seconds within a scene, along the motion.

Finished frames are kept in a hidden folder next to FILE until the video is
complete, so running an interrupted command again resumes it.

examples:
  python -m colorizer video film.mp4 -o colored.mp4
  python -m colorizer video film.avi -o colored.webm --model runs/mine \\
      --saturation 1.2 --smoothing 1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("clip", type=path, metavar="CLIP", help="video to color")
    parser.add_argument("-o", "--output", type=path, required=True, metavar="FILE", help="video to write")
    parser.add_argument("--model", type=text, default="default", metavar="MODEL", help="see `list` (default: default)")
    add_options(parser)
    parser.add_argument(
        "--smoothing",
        type=float,
        default=0.5,
        metavar="SECONDS",
        help="time over which colors are averaged; with 0 they may flicker (default: 0.5)",
    )
    parser.add_argument(
        "--batch_size", type=count, metavar="N", help="frames per batch (default: 4 on a CPU, 16 on a GPU)"
    )
    parser.add_argument("--overwrite", action="store_true", help="overwrite an existing result")


def run(arguments: argparse.Namespace) -> int:
    """Color a clip; an interrupted one is resumed."""
    from tqdm.auto import tqdm

    from colorizer.cli.given_options import given_options, load_pipelines
    from colorizer.video import colorize_video, inspect

    if os.path.exists(arguments.output) and not arguments.overwrite:
        print(f"{arguments.output} exists already; --overwrite replaces it.")
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
                bar.initial = done  # frames of an earlier run don't count for this one's speed
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

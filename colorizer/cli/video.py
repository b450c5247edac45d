"""`video`: color a video and keep its sound."""

import argparse
import os
from pathlib import Path

from colorizer.atomic_write import is_taken, make_folder
from colorizer.cli.failures import OK
from colorizer.cli.shared_arguments import add_options, count, path, text
from colorizer.errors import ColorizerError

PURPOSE = "color a video and keep its sound"
NOTES = """\
CLIP is a video file: MP4, MOV, MKV, WebM, AVI, MPEG, WMV, RM, FLV, GIF. The
result ends in .mp4, .m4v, .mov, .mkv (H.264) or .webm (VP9); in a folder it
has the clip's name. Its lightness, timing, sound, subtitles and chapters are
those of the clip; a clip with a rotation tag is saved upright, an interlaced
one progressive. The network colors about eight frames per second; motion
carries the colors to the others, averaged over --smoothing seconds within a
scene. With --smoothing 0 the network colors every frame, independently.

Finished frames are kept in a hidden folder next to the result until it is
complete, so running an interrupted command again resumes it. A result of the
same clip, model and options is left as it is, one of another model or other
options is replaced, and any other file needs --overwrite.

examples:
  python -m colorizer video film.mp4 -o colored.mp4
  python -m colorizer video film.avi -o colored.webm --model runs/mine \\
      --saturation 1.2 --smoothing 1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("clip", type=path, metavar="CLIP", help="video to color")
    parser.add_argument(
        "-o", "--output", type=text, required=True, metavar="OUTPUT", help="video to write, or the folder for it"
    )
    parser.add_argument("--model", type=text, default="default", metavar="MODEL", help="see `list` (default: default)")
    add_options(parser)
    parser.add_argument(
        "--smoothing",
        type=float,
        default=0.5,
        metavar="SECONDS",
        help="time over which colors are averaged; 0: every frame is colored by itself, and may flicker (default: 0.5)",
    )
    parser.add_argument(
        "--batch_size", type=count, metavar="N", help="frames per batch (default: 4 on a CPU, 16 on a GPU)"
    )
    parser.add_argument("--keep_color", action="store_true", help="leave scenes that are in color already as they are")
    parser.add_argument(
        "--bit_depth",
        type=int,
        default=8,
        choices=(8, 10),
        help="bits of the result; few players show 10 (default: 8)",
    )
    parser.add_argument("--overwrite", action="store_true", help="overwrite an existing result")


def run(arguments: argparse.Namespace) -> int:
    """Color a clip; an interrupted one is resumed."""
    from tqdm.auto import tqdm

    from colorizer.cli.given_options import given_options, load_pipelines
    from colorizer.photos.marks import State
    from colorizer.video import colorize_video, inspect, result_state

    output = _target(arguments.output, arguments.clip)
    clip = inspect(arguments.clip)  # before a model is loaded for nothing
    make_folder(output.parent)
    pipelines = load_pipelines([arguments.model], arguments.device)
    options = given_options(arguments, pipelines)
    options |= {name: getattr(arguments, name) for name in ("smoothing", "keep_color", "bit_depth")}
    (pipe,) = pipelines.values()
    if is_taken(output) and not arguments.overwrite:
        state = result_state(clip, output, pipe, **options)
        if state is State.DONE:
            print(f"{output} is done already; --overwrite colors the clip again.")
            return OK
        if state is State.FOREIGN:
            raise ColorizerError(
                f"{output} is there already, and was not made from {arguments.clip} as it is now: choose another name with "
                "-o, or replace it with --overwrite."
            )
        print(f"{output} is of another model or other options: it is replaced once the new one is complete.")
    with tqdm(total=clip.num_frames, unit="frame", disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            if bar.n == 0 and done > 1:
                bar.initial = done  # frames of an earlier run don't count for this one's speed
            bar.update(done - bar.n)

        result = colorize_video(
            clip,
            output,
            pipe,
            batch_size=arguments.batch_size,
            progress=show,
            **options,
        )
    for note in result.notes:
        print(f"{arguments.clip}: {note}.")
    print(f"Written to {output}")
    return OK


def _target(output: str, clip: Path) -> Path:
    """Return the path of the result; a folder is one that exists, or a name without an extension."""
    from colorizer.video.segments import ENCODERS

    target = Path(output)
    if not (os.path.isdir(target) or output.endswith(("/", os.sep)) or not target.suffix):
        return target
    ending = clip.suffix if clip.suffix.lower() in ENCODERS else ".mp4"
    return target / f"{clip.stem}{ending}"

"""`export`: write a checkpoint's network as an ONNX graph."""

import argparse
import os

from colorizer.cli.failures import OK
from colorizer.cli.shared_arguments import path, text

PURPOSE = "write a checkpoint's network as an ONNX graph"
NOTES = """\
Writes model.onnx into the folder of MODEL, and model-hints.onnx too if it takes
color hints. Their weights stay in model.safetensors beside them. Training writes
them, so only older checkpoints and those of others need this.

examples:
  python -m colorizer export runs/colorful
  python -m colorizer export user/colorful -o colorful
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("model", type=text, metavar="MODEL", help="folder of a checkpoint, or a Hub id (user/name)")
    parser.add_argument(
        "-o",
        "--output",
        type=path,
        metavar="FOLDER",
        help="copy the checkpoint there first; needed unless MODEL is a folder",
    )
    parser.add_argument("--revision", metavar="BRANCH", help="branch, tag or commit of a Hub id (default: main)")
    parser.add_argument("--token", help="token for a private Hub id (default: that of your login)")


def run(arguments: argparse.Namespace) -> int:
    """Write the graphs and print their paths."""
    from colorizer.approaches.base.checkpoint_files import CONFIG
    from colorizer.atomic_write import copy_file, make_folder
    from colorizer.errors import ColorizerError
    from colorizer.graphs.export import export_graphs
    from colorizer.graphs.weight_places import weight_files
    from colorizer.hub.loading import load_model, resolve

    folder = resolve(arguments.model, revision=arguments.revision, token=arguments.token)
    if arguments.output is None and not os.path.isdir(arguments.model):
        raise ColorizerError("Name a folder for the checkpoint of a Hub id or of the package, with -o.")
    model = load_model(folder)
    try:
        if arguments.output is not None:
            make_folder(arguments.output)
            for file in (*weight_files(folder), folder / CONFIG):
                copy_file(file, arguments.output / file.name)
        files = export_graphs(model, arguments.output or folder)
    except OSError as error:
        raise ColorizerError(f"The graph could not be written: {error}.") from error
    print("\n".join(map(str, files)))
    return OK

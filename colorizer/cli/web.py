"""`web`: build a page that colors photos in the visitor's browser."""

import argparse

from colorizer.cli.failures import OK
from colorizer.cli.shared_arguments import path, text

PURPOSE = "build a page that colors photos in the visitor's browser, without a server"
NOTES = """\
Writes static files into FOLDER, for any web host: no photo leaves the visitor's
device. The first model colors each photo at once, the others are downloaded when
they are asked for. Needs npm (Node.js), which brings ONNX Runtime for browsers.

examples:
  python -m colorizer web -o page
  python -m http.server --directory page
  python -m colorizer web -o page --model default runs/colorful
  python -m colorizer web -o page --push user/colorizer-private
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("-o", "--output", type=path, required=True, metavar="FOLDER", help="folder of the page")
    parser.add_argument(
        "--model",
        nargs="+",
        type=text,
        default=[],
        metavar="MODEL",
        help="models of the page, the first for all photos (default: those of the package)",
    )
    parser.add_argument("--space", type=text, metavar="URL", help="address of an app to link to")
    parser.add_argument(
        "--push", type=text, metavar="REPO", help="publish the page as a static Space, user/name, on the Hub"
    )
    parser.add_argument("--revision", metavar="BRANCH", help="branch, tag or commit of Hub ids (default: main)")
    parser.add_argument("--token", help="Hub token (default: that of your login)")


def run(arguments: argparse.Namespace) -> int:
    """Build the page, publish it if asked to, and print where it is."""
    from colorizer.hub.upload import push_page
    from colorizer.web.build import build_page

    files = build_page(
        arguments.output,
        arguments.model,
        space=arguments.space,
        revision=arguments.revision,
        token=arguments.token,
    )
    size = sum(file.stat().st_size for file in files)
    print(f"{arguments.output}: {len(files)} files, {size / 1e6:.1f} MB. Any web host will do, such as")
    print(f"    python -m http.server --directory {arguments.output}")
    if arguments.push is not None:
        print(push_page(arguments.output, arguments.push, token=arguments.token))
    return OK

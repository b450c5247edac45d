"""Parse the command line `python -m colorizer COMMAND …` and run the command."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

from colorizer.cli.failures import OK, SOME_FAILED
from colorizer.errors import CommandParser, system_reason
from colorizer.lenient_output import lenient_output
from colorizer.programs import INTERRUPTED, run_program
from colorizer.version import __version__

# In the order of the help.
COMMANDS = ("colorize", "video", "compare", "evaluate", "report", "push", "export", "web", "list")
# Help text has lines of at most 79 characters, which fit into any terminal.
NOTES = """\
examples:
  python -m colorizer colorize old.jpg -o colored --model colorful
  python -m colorizer colorize album/ "scans/*.tif" -o colored --model colorful
  python -m colorizer video film.mp4 -o colored.mp4
  python -m colorizer compare old.jpg -o sheet.png
  python -m colorizer evaluate --model colorful --dataset photos/ -o results
  python -m colorizer report results
  python -m colorizer push runs/colorful user/colorful
  python -m colorizer export runs/colorful
  python -m colorizer web -o page
  python -m colorizer list

A MODEL is a checkpoint of the package (see `list`), the folder of a training
run, or a Hub id (user/name).

exit codes:
  0    success
  1    some photos could not be read or saved; the others are done
  2    wrong usage or another error, such as a full disk behind the output,
       without which the work goes on; the message says which
  130  interrupted by Ctrl-C; finished results are saved
  141  the reader of the output has left, as `head` does
"""
READER_LEFT = 141  # as the shell says it of programs that SIGPIPE ends


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of the process, and return its exit code.

    Raises:
        SystemExit: with code 2 for wrong arguments, with code 0 after help.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Names of files may have bytes, or letters, that it can't encode.
            stream.reconfigure(errors="backslashreplace")
    arguments = make_parser().parse_args(argv)
    with lenient_output() as lost:
        code = _run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        if lost.stdout is not None and not isinstance(lost.stdout, BrokenPipeError):
            print(f"colorizer {arguments.command}: {system_reason(lost.stdout)}", file=sys.stderr)
    if lost.error is None or code not in (OK, SOME_FAILED):
        return code
    return READER_LEFT if isinstance(lost.error, BrokenPipeError) else 2


def _run(arguments: argparse.Namespace) -> int:
    """Run a command and return its exit code; what it could not do is told on stderr."""
    code = run_program(f"colorizer {arguments.command}", lambda: arguments.run(arguments))
    if code == INTERRUPTED:
        print(f"colorizer {arguments.command}: interrupted; what was finished is saved.", file=sys.stderr)
    return code


def make_parser() -> CommandParser:
    """Return the parser of the whole command line; its namespaces hold the command's `run`."""
    parser = CommandParser(
        prog="python -m colorizer",
        description="Color black-and-white photos and videos; compare, evaluate and publish models.",
        epilog=NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"colorizer {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        command = import_module(f"colorizer.cli.{name}")
        subparser = subparsers.add_parser(
            name,
            help=command.PURPOSE,
            description=f"{command.PURPOSE[0].upper()}{command.PURPOSE[1:]}.",
            epilog=command.NOTES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser

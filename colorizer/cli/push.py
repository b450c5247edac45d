"""`push`: publish a checkpoint on the Hugging Face Hub."""

import argparse

from colorizer.cli.failures import OK
from colorizer.cli.shared_arguments import path, text

PURPOSE = "publish a checkpoint on the Hugging Face Hub"
NOTES = """\
Checks that the checkpoint in FOLDER loads, then uploads it with its model card
and pictures in one commit. Log in first with `hf auth login`, or give a token.

examples:
  python -m colorizer push runs/colorful user/colorful
  python -m colorizer push runs/colorful user/colorful --private
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "folder", type=path, metavar="FOLDER", help="folder of a checkpoint, such as a training run's output"
    )
    parser.add_argument("repo", type=text, metavar="REPO", help="user/name on the Hub; created if it doesn't exist")
    parser.add_argument("--private", action="store_true", help="create a private repository")
    parser.add_argument("--revision", metavar="BRANCH", help="branch to push to (default: main)")
    parser.add_argument("--token", help="token with write access (default: that of your login)")


def run(arguments: argparse.Namespace) -> int:
    """Publish a checkpoint and print the commit's address."""
    from colorizer.hub.upload import push

    url = push(
        arguments.folder, arguments.repo, private=arguments.private, revision=arguments.revision, token=arguments.token
    )
    print(url)
    return OK

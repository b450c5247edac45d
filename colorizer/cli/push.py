"""`push`: publish a checkpoint on the Hub."""

import argparse

from colorizer.cli.failures import OK
from colorizer.hub.upload import push


def run(arguments: argparse.Namespace) -> int:
    """Publish a checkpoint."""
    url = push(
        arguments.folder, arguments.repo, private=arguments.private, revision=arguments.revision, token=arguments.token
    )
    print(url)
    return OK

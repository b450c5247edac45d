"""Anonymous pairs of results, and the votes on them. No Gradio here."""

import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer.demo.catalog import Catalog
from colorizer.demo.previews import read_visitor_photo, save_preview, smaller
from colorizer.demo.vote.limits import BallotBox, Pair
from colorizer.demo.vote.store import Vote, VoteStore
from colorizer.errors import ColorizerError
from colorizer.photos.photo import Photo
from colorizer.viewer.examples import sample_paths

MAX_PIXELS = 1_000_000  # per result

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShownPair:
    """Two JPEG files that don't reveal their approaches, a token to vote on them, and the name of the sample photo ("" for
    a visitor's photo)."""

    token: str
    a: Path
    b: Path
    sample: str


def show_pair(
    catalog: Catalog,
    names: Sequence[str],
    box: BallotBox,
    visitor: str,
    source: str | None,
    folder: Path,
    report: Callable[[int], None] = lambda num_done: None,
) -> ShownPair:
    """Colorize the visitor's photo, or else a sample, with two of `names` in random order.

    Pairs that the visitor voted on within the hour are skipped, and so are approaches that fail. Files go into `folder`.
    `report(num_done)` is called before each approach.

    Raises:
        PhotoError: the photo can't be read.
        ColorizerError: no pair is left, or the visitor's limit of votes is reached.
    """
    box.check_bounds(visitor)
    own = None if source is None else _smaller(read_visitor_photo(source))
    samples = {} if own is not None else sample_paths()
    broken: set[str] = set()
    for pair in _drawn(names, [_key(own)] if own is not None else list(samples)):
        if broken & {pair.model_a, pair.model_b} or box.has_voted(visitor, pair):
            continue
        photo = own if own is not None else _smaller(read_visitor_photo(str(samples[pair.photo])))
        files = {}
        for letter, name in (("a", pair.model_a), ("b", pair.model_b)):
            report(len(files))
            try:
                colored = catalog.pipeline(name)(photo)
            except ColorizerError as error:
                logger.warning("%s is left out of the votes: %s", name, error)
                broken.add(name)
                break
            # Not with save_photo, which writes the model's name into the file.
            files[letter] = save_preview(colored, folder, letter)
        else:
            return ShownPair(box.show(pair, visitor), files["a"], files["b"], "" if own is not None else pair.photo)
    if len(set(names) - broken) < 2:
        raise ColorizerError("A vote needs two approaches, but fewer than two work at the moment.")
    raise ColorizerError("You already voted on every pair for this photo. Try another photo.")


def vote(store: VoteStore, box: BallotBox, visitor: str, token: str | None, better: str) -> Vote:
    """Store a vote, "a", "b" or "tie", on the pair of a token from `show_pair`. Returns the vote, which has the names.

    Raises:
        ColorizerError: the token is not accepted, or the vote can't be stored.
    """
    with box.take(token or "", visitor) as pair:
        cast = Vote.now(pair.model_a, pair.model_b, better)
        store.add([cast])
    return cast


def _drawn(names: Sequence[str], photos: Sequence[str]) -> Iterator[Pair]:
    """Return all ordered pairs of approaches on all photos, in random order."""
    pairs = [Pair(model_a, model_b, photo) for model_a, model_b in permutations(names, 2) for photo in photos]
    # A secure generator, so that visitors can't predict the next pair.
    secrets.SystemRandom().shuffle(pairs)
    return iter(pairs)


def _key(photo: Photo) -> str:
    """Return a text that identifies the photo's pixels."""
    return hashlib.blake2b(np.ascontiguousarray(photo.pixels), digest_size=16).hexdigest()


def _smaller(photo: Photo) -> Photo:
    """Return the photo in sRGB with at most `MAX_PIXELS`, without alpha and metadata."""
    shown = smaller(photo, MAX_PIXELS, Image.Resampling.BOX)
    return Photo(shown.pixels, icc_profile=shown.icc_profile)

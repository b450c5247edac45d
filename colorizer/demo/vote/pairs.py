"""Two results of a photo that don't tell whose they are, and the vote on them: plain functions without Gradio."""

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
from colorizer.demo.compare.run import read_visitor_photo
from colorizer.demo.components import sample_paths
from colorizer.demo.previews import save_preview, smaller
from colorizer.demo.vote.limits import BallotBox, Pair
from colorizer.demo.vote.store import Vote, VoteStore
from colorizer.errors import ColorizerError
from colorizer.photos.photo import Photo

# Of a result that is looked at beside another.
MAX_PIXELS = 1_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShownPair:
    """Two JPEG files whose names and content say nothing of the approaches, the token for a vote on them, and the sample's
    name, "" for a visitor's photo."""

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
    """Color the visitor's photo, or a sample where there is none, by two of `names`, drawn at random, as is which of them is A.

    Neither the visitor's votes of this hour come again, nor, while others are left, an approach that fails. Files go into
    `folder`; `report(num_done)` is called before each approach.

    Raises:
        PhotoError: the photo can't be read.
        ColorizerError: nothing is left to vote on, or the visitor has had all votes of this hour.
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
                logger.warning("%s is left out of the vote: %s", name, error)
                broken.add(name)
                break
            # Not by save_photo, which writes into the file whose guess it is.
            files[letter] = save_preview(colored, folder, letter)
        else:
            return ShownPair(box.show(pair, visitor), files["a"], files["b"], "" if own is not None else pair.photo)
    if len(set(names) - broken) < 2:
        raise ColorizerError("A vote needs two approaches, and fewer work here now.")
    raise ColorizerError("You have judged every two approaches on this photo within the hour. Give another photo.")


def vote(store: VoteStore, box: BallotBox, visitor: str, token: str | None, better: str) -> Vote:
    """Keep what the visitor said, "a", "b" or "tie", of the two that `show_pair` gave this token; returns the vote,
    which names them.

    Raises:
        ColorizerError: the box refuses it, or it can't be kept.
    """
    pair = box.take(token or "", visitor)
    kept = Vote.now(pair.model_a, pair.model_b, better)
    store.add([kept])
    return kept


def _drawn(names: Sequence[str], photos: Sequence[str]) -> Iterator[Pair]:
    """Every two approaches, either way around, on every photo, in random order."""
    pairs = [Pair(model_a, model_b, photo) for model_a, model_b in permutations(names, 2) for photo in photos]
    # Not by a generator whose next numbers could be told from those before.
    secrets.SystemRandom().shuffle(pairs)
    return iter(pairs)


def _key(photo: Photo) -> str:
    """The same text for the same pixels."""
    return hashlib.blake2b(np.ascontiguousarray(photo.pixels), digest_size=16).hexdigest()


def _smaller(photo: Photo) -> Photo:
    """The photo of `MAX_PIXELS` at most, opaque, and without the data of its file but its color profile."""
    return Photo(smaller(photo, MAX_PIXELS, Image.Resampling.BOX).pixels, icc_profile=photo.icc_profile)

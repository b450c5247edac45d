"""Build the page without a server: a folder of static files, for any web host."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from colorizer import checkpoints, viewer
from colorizer.approaches.base.checkpoint_files import MAX_RECORD_BYTES, read_json
from colorizer.atomic_write import is_taken, make_folder, write_folder
from colorizer.errors import ColorizerError, check_address, quote
from colorizer.hub.loading import resolve
from colorizer.hub.model_names import best_first, model_names
from colorizer.photos.bins import bin_centers
from colorizer.viewer.examples import EXAMPLES
from colorizer.viewer.examples import FOLDER as PHOTOS
from colorizer.web.libraries import RUNTIME, add_libraries
from colorizer.web.networks import Network, add_network

PAGE = Path(__file__).with_name("page")
MANIFEST = "models.json"
PHOTO_TYPES = "image/*"
_THUMB = (240, 180)
# Header of a static Space on the Hub; other hosts don't read it.
_CARD = """\
---
title: Colorizer, private
emoji: 🎨
colorFrom: gray
colorTo: green
sdk: static
license: apache-2.0
short_description: Color old photos on your own device
---
Colors black-and-white photos in the visitor's browser: no photo leaves the device. Made by `python -m colorizer web`.
"""


def build_page(
    folder: Path,
    models: Sequence[str] = (),
    *,
    space: str | None = None,
    revision: str | None = None,
    token: str | None = None,
) -> list[Path]:
    """Build the page into `folder`, in place of an earlier build, and return its files.

    Args:
        models: checkpoints as `pipeline` takes them; the first colors each photo, the others on demand. By default those of
            the package, the best first.
        space: address of an app with films and albums, to which the page links.
        revision, token: of models on the Hub.

    Raises:
        CheckpointError, HubError: a model can't be loaded, or can't be written as an ONNX graph.
        ColorizerError: npm is missing or fails, two models have one name, `space` is no web address, or the folder
            holds something else or can't be written.
    """
    _check_free(folder)
    if space is not None:
        check_address("space", space)
    models = list(models) or best_first(checkpoints.list_checkpoints())
    names = model_names(models)
    sources = [resolve(model, revision=revision, token=token) for model in models]
    make_folder(folder.absolute().parent)
    try:
        with write_folder(folder) as part:
            networks = [add_network(part, name, source) for name, source in zip(names, sources, strict=True)]
            manifest = {
                "models": [network.entry for network in networks],
                "bins": bin_centers().tolist(),
                "opening": _add_opening(part, networks),
                "examples": [_add_example(part, number) for number in range(len(EXAMPLES))],
                "runtimes": add_libraries(part),
                "space": space,
            }
            (part / "README.md").write_text(_CARD, encoding="utf-8")
            _add_page(part)
            manifest["files"] = sorted([MANIFEST, *_names(part)])
            (part / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
            _fill_service_worker(part)
    except OSError as error:
        raise ColorizerError(f"The page could not be written into {folder}: {error}.") from error
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _check_free(folder: Path) -> None:
    """Check that nothing but an earlier build of the page would be replaced: all that is there was written by it."""
    if not is_taken(folder):
        return
    try:
        there = set(_names(folder)) if folder.is_dir() else {folder.name}
        ours = set(read_json(folder / MANIFEST, max_bytes=MAX_RECORD_BYTES)["files"]) if there else set()
    except (OSError, ColorizerError, LookupError, TypeError):
        ours = set()
    if others := sorted(there - ours):
        raise ColorizerError(
            f"{folder} holds what is not of an earlier build of the page, such as {quote(others[0])}, and would be replaced: "
            "name another folder."
        )


def _names(folder: Path) -> list[str]:
    """Return the names of all files in a folder, and of what else is neither file nor folder, sorted."""
    return [
        file.relative_to(folder).as_posix()
        for file in sorted(folder.rglob("*"))
        if file.is_symlink() or not file.is_dir()
    ]


def _add_opening(folder: Path, networks: Sequence[Network]) -> dict[str, Any]:
    """Write the photo that the page opens with: as each network colors it, the first one's in full."""
    example = EXAMPLES[0]
    photo, before = PHOTOS / f"{example.name}.webp", f"{example.name}-before.webp"
    shutil.copyfile(PHOTOS / before, folder / before)
    pictures = {}
    for number, network in enumerate(networks):
        pictures[network.name] = name = f"opening-{number}.webp"
        ours = PHOTOS / f"{example.name}-{network.name}.webp"
        if network.is_of_package and ours.is_file() and (number > 0 or network.name == checkpoints.DEFAULT):
            shutil.copyfile(ours, folder / name)
            continue
        image = network.colorize(photo)
        if number > 0:
            image.thumbnail(_THUMB)
        image.save(folder / name, quality=80)
    with Image.open(photo) as image:
        return {"title": example.title, "size": list(image.size), "before": before, "pictures": pictures}


def _add_example(folder: Path, number: int) -> dict[str, str]:
    example = EXAMPLES[number]
    files = {"photo": f"{example.name}.webp", "small": f"{example.name}-small.webp"}
    for name in files.values():
        shutil.copyfile(PHOTOS / name, folder / name)
    return files | {"name": example.name, "title": example.title, "credit": example.credit}


def _add_page(folder: Path) -> None:
    """Write the page itself: its own files and the viewer's."""
    for file in PAGE.iterdir():
        shutil.copyfile(file, folder / file.name)
    shutil.copyfile(viewer.STYLE, folder / "viewer.css")
    script = "element, props, trigger, watch, upload"
    (folder / "viewer.js").write_text(f"export function mount({script}) {{\n{viewer.script()}}}\n", encoding="utf-8")
    template = viewer.template().replace("{{accept}}", PHOTO_TYPES)
    _fill(folder / "index.html", viewer=template)


def _fill_service_worker(folder: Path) -> None:
    """Tell the script that keeps the page for later visits which files there are, once all others are written."""
    # The small ones that every visitor needs. Photos, networks and the runtimes are kept when they are first used.
    later = {f"{example.name}.webp" for example in EXAMPLES} | {"README.md", "service-worker.js"}
    files = _names(folder)
    first = [file for file in files if file not in later and "/" not in file and not file.startswith(RUNTIME)]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.encode() + hashlib.sha256((folder / file).read_bytes()).digest())
    _fill(folder / "service-worker.js", version=digest.hexdigest()[:16], first=json.dumps(["./", *first]))


def _fill(file: Path, **values: str) -> None:
    text = file.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    file.write_text(text, encoding="utf-8")

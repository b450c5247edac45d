"""Catalog of the checkpoints in the app. Their pipelines load on first use and share a limited amount of memory."""

import os
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

from colorizer.approaches import get_model_class, list_approaches
from colorizer.approaches.base.configuration import ColorizerConfig
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.option import Option
from colorizer.checkpoints import THUMBNAIL, checkpoint_folder, list_checkpoints
from colorizer.errors import CheckpointError, ColorizerError, quote
from colorizer.hub.loading import read_config
from colorizer.hub.model_names import best_first
from colorizer.hub.run_records import publishable
from colorizer.pipelines.image_colorization import ColorizationPipeline, pipeline
from colorizer.server.network_folders import NetworkFolders

MAX_BYTES = 2 * 1024**3
MAX_ADDED = 20
"""Checkpoints that visitors have added. The oldest goes."""
HUB_ID = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?P<revision>[\w./-]{1,200}))?")


@dataclass(frozen=True)
class Entry:
    """Description of a checkpoint. A Hub checkpoint has no title, no year and no plain name until it is loaded.

    paper: Markdown with its title and a link to its paper.
    thumbnail: its result on a small photo, the same photo for all; None if its folder has none.
    token: False if the Hub is asked without the server's token, since a visitor chose what is asked for.
    """

    name: str
    source: str
    origin: str
    revision: str | None = None
    plain_name: str = ""
    plain_text: str = ""
    title: str = ""
    paper: str = ""
    year: int | None = None
    description: str = ""
    thumbnail: Path | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    token: bool | None = None

    @property
    def label(self) -> str:
        """Plain name and year, for lists."""
        return self.plain_label if self.year is None else f"{self.plain_label}, {self.year}"

    @property
    def plain_label(self) -> str:
        """Plain name, unique in the catalog: with the name where others may have the same plain one."""
        if not self.plain_name:
            return self.name
        return self.plain_name if self.origin == "package" else f"{self.plain_name} ({self.name})"


class Catalog:
    """Checkpoints of the package, plus the given folders and Hub ids (`user/name` or `user/name@revision`).

    Each pipeline loads once, on first use. When all weights together exceed `max_bytes`, the least recently used pipelines
    are dropped. A given model that can't be used is left out; `problems` has the reason.
    """

    def __init__(self, models: list[str] | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.problems: dict[str, str] = {}
        self._entries: dict[str, Entry] = {}
        self._pipelines: OrderedDict[str, ColorizationPipeline] = OrderedDict()
        # Kept while they are waited for: visitors name any number of models.
        self._loading: WeakValueDictionary[str, Lock] = WeakValueDictionary()
        self._folders = NetworkFolders()
        self._lock = Lock()
        for name in list_checkpoints():
            self._offer(str(checkpoint_folder(name)), "package", name)
        for model in models or []:
            self._offer(model, "folder", self._free_name(Path(model).resolve().name))

    @property
    def entries(self) -> list[Entry]:
        return list(self._entries.values())

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    @property
    def default(self) -> str | None:
        """Name of the checkpoint to use when none is chosen: `default` if there is one, else the first."""
        return "default" if "default" in self._entries else next(iter(self._entries), None)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Pairs (label, name) of all checkpoints, as Gradio's `choices` takes them."""
        return [(entry.label, entry.name) for entry in self.entries]

    @property
    def options(self) -> dict[str, Option]:
        """Options of all approaches by name; those with choices have the choices of all checkpoints."""
        merged: dict[str, Option] = {}
        classes = [get_model_class(approach) for approach in list_approaches(own=True)]
        for options in (*(model_class.options_for({}) for model_class in classes), *(e.options for e in self.entries)):
            for name, option in options.items():
                known = merged.setdefault(name, option)
                if known.choices is not None:
                    merged[name] = replace(
                        known, choices=tuple(dict.fromkeys((*known.choices, *(option.choices or ()))))
                    )
        return merged

    @property
    def decoding_options(self) -> list[str]:
        """Names of the options that change the colors of a prediction without another run of the network."""
        spaces = [get_model_class(approach).space for approach in list_approaches(own=True)]
        return list(
            dict.fromkeys(option.name for space in spaces if space.has_distribution for option in space.options)
        )

    @property
    def best_first(self) -> list[str]:
        """Names of all checkpoints: see `model_names.best_first`."""
        return best_first(self.names)

    def entry(self, name: str) -> Entry:
        """Return the entry called `name`. Raises ColorizerError, which lists the names there are."""
        if not isinstance(name, str) or name not in self._entries:
            raise ColorizerError(f"There is no model {quote(name)} here; choose from {', '.join(self.names)}.")
        return self._entries[name]

    def check_choice(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the chosen names, each once. Raises ColorizerError for none, an unknown one, or more than there are.

        Callers of an endpoint send any number of them, so this comes before anything is done for each.
        """
        if not names:
            raise ColorizerError("Choose at least one approach.")
        if isinstance(names, str) or len(names) > len(self._entries):
            raise ColorizerError(f"Choose a list of at most {len(self._entries)} models: {', '.join(self.names)}.")
        return tuple(dict.fromkeys(self.entry(name).name for name in names))

    def pipeline(self, name: str) -> ColorizationPipeline:
        """Return the pipeline of the checkpoint `name`, loaded if needed. Raises CheckpointError or HubError."""
        return self._load(self.entry(name))

    def _load(self, entry: Entry) -> ColorizationPipeline:
        name = entry.name
        with self._lock:
            loading = self._loading.setdefault(name, Lock())
        with loading:
            with self._lock:
                if name in self._pipelines:
                    self._pipelines.move_to_end(name)
                    return self._pipelines[name]
            # What visitors name would fill the disk, in the cache of the Hub's client.
            is_visitors = entry.token is False
            with without_folders(), self._folders.use(name) if is_visitors else nullcontext() as cache_dir:
                # A visitor's checkpoint may hold any graph: only networks of our own code are computed for it.
                backend = "torch" if entry.origin == "Hub" else "auto"
                loaded = pipeline(
                    entry.source, revision=entry.revision, token=entry.token, backend=backend, cache_dir=cache_dir
                )
            with self._lock:
                self._entries[name] = _described(entry, type(loaded.model), loaded.model.config)
                self._pipelines[name] = loaded
                self._drop_oldest()
            return loaded

    def add_from_hub(self, model: str) -> Entry:
        """Load the Hub checkpoint `user/name` or `user/name@revision` and add it to the catalog.

        Visitors type these ids, so paths and private repositories are refused: the server's are not theirs. Raises
        CheckpointError or HubError.
        """
        match = HUB_ID.fullmatch(model.strip())
        if match is None or os.path.exists(match["repo"]):
            raise CheckpointError(
                f"{quote(model.strip())} is not a model id on the Hub. An id looks like user/name or user/name@revision."
            )
        entry = self._entries.get(match[0]) or replace(_hub_entry(match), token=False)
        # It is offered only once it is loaded: others need not wait for it, nor see that it fails.
        self._load(entry)
        with self._lock:
            added = [name for name, each in self._entries.items() if each.token is False]
            for name in added[:-MAX_ADDED]:
                del self._entries[name]
                self._pipelines.pop(name, None)
        return self.entry(entry.name)

    def _offer(self, model: str, origin: str, name: str) -> None:
        try:
            if os.path.isdir(model):
                thumbnail = Path(model) / THUMBNAIL
                entry = Entry(name, model, origin, thumbnail=thumbnail if thumbnail.is_file() else None)
                entry = _described(entry, *read_config(Path(model)))
            elif match := HUB_ID.fullmatch(model):
                entry = _hub_entry(match)
            else:
                raise CheckpointError("it is neither a folder nor a Hub id (user/name or user/name@revision)")
        except ColorizerError as error:
            self.problems[model] = str(error)
        else:
            self._entries[entry.name] = entry

    def _free_name(self, name: str) -> str:
        number = 2
        while (candidate := name if number == 2 else f"{name}-{number - 1}") in self._entries:
            number += 1
        return candidate

    def _drop_oldest(self) -> None:
        sizes = [_num_bytes(loaded) for loaded in self._pipelines.values()]
        while len(sizes) > 1 and sum(sizes) > self.max_bytes:
            self._pipelines.popitem(last=False)
            sizes.pop(0)


@contextmanager
def without_folders() -> Iterator[None]:
    """Shorten paths in errors to the names of their files, since visitors need not know the server's folders."""
    try:
        yield
    except ColorizerError as error:
        raise type(error)(publishable(str(error))) from error


def _hub_entry(match: re.Match[str]) -> Entry:
    description = "From the Hub; loads on first use."
    return Entry(match[0], match["repo"], "Hub", match["revision"], description=description)


def _described(entry: Entry, model_class: type[ColorizerModel], config: ColorizerConfig) -> Entry:
    plain_name, plain_text = model_class.introduce(vars(config))
    return replace(
        entry,
        plain_name=plain_name,
        plain_text=plain_text,
        title=model_class.title,
        paper=_paper(model_class),
        year=model_class.year,
        description=model_class.describe(vars(config)),
        options=model_class.options_for(vars(config)),
    )


def _paper(model_class: type[ColorizerModel]) -> str:
    if model_class.cites:
        return f"{model_class.title} (see [{model_class.cites}]({model_class.paper_url}))"
    return f"[{model_class.title}]({model_class.paper_url})"


def _num_bytes(pipe: ColorizationPipeline) -> int:
    """Return the memory of a pipeline's weights: the model's, and in float32 those that ONNX Runtime holds."""
    tensors = pipe.model.state_dict().values()
    own = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return own if pipe.network is pipe.model else own + 4 * sum(tensor.numel() for tensor in tensors)

"""Model cards: a checkpoint's network, training and results, from the files in its folder."""

import json
import os
import shlex
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from colorizer.approaches import get_model_class
from colorizer.approaches.base.configuration import Field, approach_of, own_fields
from colorizer.atomic_write import write_text
from colorizer.errors import CheckpointError, ColorizerError
from colorizer.hub.card_results import LABELS, measured_table, model_index, number, validation_metrics
from colorizer.hub.model_names import as_markdown
from colorizer.hub.run_records import FILES, all_commands, checking_values, read_info

TEMPLATE = Path(__file__).with_name("card_template.md")

RECIPE = {
    "optimizer": "optimizer",
    "learning_rate": "learning rate",
    "lr_scheduler": "schedule",
    "train_batch_size": "photos per batch and process",
    "gradient_accumulation_steps": "batches per step",
    "ema_decay": "EMA decay of the weights",
    "min_colorfulness": "minimum colorfulness of training photos",
    "train_resolution": "training crop size in pixels",
    "stored_resolution": "size of the stored training photos in pixels",
    "age": "share of artificially aged photos",
    "target_saturation": "saturation factor on training targets",
    "hint_share": "share of photos with color hints",
    "seed": "seed",
}
# Limits on what a card shows of a long configuration field.
MAX_ITEMS = 6
MAX_LETTERS = 60
UNKNOWN_TERMS = """\
The record of this run names the photos but not their terms. Photos belong to the people who took them, and many photo
collections allow only research or state no license at all. Unless you know that the terms of these photos allow more, use
the weights only for research and tests, and clear the rights before you sell them or build a product on them."""


def write_card(
    folder: str | Path,
    *,
    output: str | Path | None = None,
    name: str | None = None,
    repo_id: str | None = None,
    data_terms: str | None = None,
) -> Path:
    """Write the card of the checkpoint in `folder` to its README.md, or to `output`, and return the path.

    Args:
        name: checkpoint name that the code sample loads; by default the folder's name.
        repo_id: Hub id that the code sample loads instead.
        data_terms: Markdown on the training photos' licenses and what they mean for the weights.

    Raises:
        CheckpointError: the folder contains no checkpoint, or a record in it is not JSON.
        ColorizerError: the card can't be written.
    """
    path = Path(output) if output is not None else Path(folder) / "README.md"
    info = read_info(folder, name=name, repo_id=repo_id, data_terms=data_terms)
    info["pictures"] = [
        (label, Path(os.path.relpath(Path(folder) / picture, path.parent)).as_posix())
        for label, picture in info["pictures"]
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, render_card(info))
    except OSError as error:
        raise ColorizerError(f"The card {path} can't be written: {error}.") from error
    return path


@checking_values(FILES)
def render_card(info: dict[str, Any]) -> str:
    """Return the card as Markdown with YAML front matter. `info` is from `read_info`; only `config` is required.

    Raises:
        CheckpointError: the config doesn't belong to an approach, or a value of a record has the wrong type.
    """
    config = info["config"]
    approach = approach_of(str(config.get("model_type", "")))
    try:
        model_class = get_model_class(approach)
    except ColorizerError as error:
        raise CheckpointError(f"config.json has model_type {config.get('model_type')!r}. {error}") from error
    name = info.get("name") or approach
    training, evaluation = info.get("training") or {}, info.get("evaluation") or {}
    card_data = ModelCardData(
        license="apache-2.0",
        library_name="colorizer",
        pipeline_tag="image-to-image",
        tags=["colorization", "image-colorization", approach],
        model_name=name,
        eval_results=model_index(name, training, evaluation) or None,
    )
    fields = own_fields(model_class.config_class)
    model = info.get("model") or name
    card = ModelCard.from_template(
        card_data,
        template_path=str(TEMPLATE),
        heading=as_markdown(name if name == approach else f"{name} ({approach})"),
        description=model_class.describe(config),
        title=model_class.title,
        authors=model_class.authors,
        year=model_class.year,
        paper_url=model_class.paper_url,
        cites=model_class.cites,
        options=list(model_class.options_for(config).values()),
        model=json.dumps(model, ensure_ascii=False),
        model_argument=shlex.quote(model),
        network=_as_lines(_network_rows(info, fields)),
        training=_as_lines(_training_rows(training)),
        commands=all_commands(training),
        commit=training.get("commit"),
        results=measured_table(name, evaluation),
        validation=[(LABELS.get(key, key), number(value)) for key, value in validation_metrics(training).items()],
        pictures=info.get("pictures") or [],
        is_fixed_size=model_class.is_fixed_size,
        size_multiple=info.get("size_multiple"),
        resolution=config.get("resolution", fields["resolution"]),
        data_terms=info.get("data_terms") or UNKNOWN_TERMS,
    )
    return f"{str(card).rstrip()}\n"


def _as_lines(rows: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(label, as_markdown(str(value))) for label, value in rows]


def _network_rows(info: dict[str, Any], fields: dict[str, Any]) -> list[tuple[str, str]]:
    given = {name: info["config"].get(name, default) for name, default in fields.items()}
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    rows = [("configuration", ", ".join(f"{name} {_field(value)}" for name, value in given.items()))]
    if changed := [f"{name} {_field(fields[name])}" for name in fields if given[name] != fields[name]]:
        rows.append(("defaults of the full network", ", ".join(changed)))
    if info.get("num_weights"):
        kind = info["config"].get("dtype", "float32")
        rows.append(
            ("size", f"{info['num_weights']:,} parameters, {info['num_bytes'] / 1e6:.1f} MB of safetensors ({kind})")
        )
    return rows


def _training_rows(training: dict[str, Any]) -> list[tuple[str, str]]:
    arguments, dataset = training.get("arguments") or {}, training.get("dataset") or {}
    given = {key: arguments[key] for key in RECIPE if arguments.get(key) or (key == "seed" and key in arguments)}
    if not (arguments.get("model_fields") or {}).get("hints"):
        given.pop("hint_share", None)
    recipe = [f"{RECIPE[key]} {number(value)}" for key, value in given.items()]
    rows = [
        ("photos", _photos(dataset)),
        ("started from", training.get("pretrained")),
        ("published weights", _published(arguments.get("model_fields") or {})),
        ("teacher", _teacher(arguments)),
        ("recipe", ", ".join(recipe)),
        ("steps", _steps(training)),
        ("precision", training.get("precision")),
        ("hardware", training.get("hardware")),
        ("processes", training.get("num_processes")),
        ("time", _times(training)),
        ("versions", ", ".join(f"{name} {version}" for name, version in (training.get("versions") or {}).items())),
    ]
    return [(label, value) for label, value in rows if value]


def _published(fields: dict[str, Any]) -> str:
    """Name the published weights, read from a folder, that a part of the network started from or consists of.

    Weights from the Hub are left to the configuration: if the Hub can't be reached, a run continues without them.
    """
    parts = {"pretrained": "the encoder started from", "classifier": "the classifier is"}
    given = {name: fields[name] for name in parts if str(fields.get(name) or "").count("/") > 1}
    return ", ".join(f"{parts[name]} {Path(folder).name}" for name, folder in given.items())


def _teacher(arguments: dict[str, Any]) -> str:
    if not arguments.get("teacher"):
        return ""
    return f"{Path(arguments['teacher']).name}, whose colors make up {arguments['teacher_share']:.0%} of the target"


def _photos(dataset: dict[str, Any]) -> str:
    # Only the counts of the report: they are followed by names of photos, which are private.
    left_out = str(dataset.get("report") or "").partition("left out: ")[2].partition(": ")[0]
    parts = (
        str(dataset.get("name") or ""),
        f"{dataset['num_photos']:,} for training" if dataset.get("num_photos") else "",
        f"{dataset['num_validation_photos']:,} for validation" if dataset.get("num_validation_photos") else "",
        f"left out {left_out}" if left_out else "",
    )
    return ", ".join(part for part in parts if part)


def _steps(training: dict[str, Any]) -> str:
    parts = (
        f"{training['steps']:,}" if training.get("steps") else "",
        f"weights kept from step {training['best_step']:,}" if training.get("best_step") else "",
        f"{training['photos_seen']:,} photos seen" if training.get("photos_seen") else "",
        f"{training['earlier_photos_seen']:,} in earlier runs" if training.get("earlier_photos_seen") else "",
        f"{number(training['photos_per_second'])} photos/s" if training.get("photos_per_second") else "",
    )
    return ", ".join(part for part in parts if part)


def _times(training: dict[str, Any]) -> str:
    own, earlier = training.get("seconds"), training.get("earlier_seconds")
    if not own:
        return ""
    return f"{_time(own)}, after {_time(earlier)} of earlier runs" if earlier else _time(own)


def _field(value: Field) -> str:
    """Format a configuration field briefly: the first of many names, the beginning of a long text."""
    if isinstance(value, tuple):
        first = " / ".join(map(number, value[:MAX_ITEMS])) or "none"
        return f"{first} / … {len(value)} in total" if len(value) > MAX_ITEMS else first
    if isinstance(value, str):
        return (f"{value[:MAX_LETTERS]}…" if len(value) > MAX_LETTERS else value) or "none"
    return number(value)


def _time(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes == 0:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"

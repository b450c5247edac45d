"""Fuzzer of checkpoint folders: fields of their JSON, headers and data of their weights, indexes, and strange files."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper
from PIL import Image
from safetensors.torch import load_file, save_file
from skimage import data

from colorizer import create_model, load_model, pipeline, save_checkpoint
from colorizer.approaches import list_approaches
from colorizer.graphs.checking import DIGEST
from colorizer.graphs.export import export_graphs
from colorizer.graphs.weight_places import digest_of, list_places
from colorizer.hub.cards import write_card
from tests.hub.test_cards import EVALUATION, TRAINING
from tests.robustness.parts import cut, flip
from tests.robustness.values import SECRET, change_json, strange, to_json
from tests.robustness.verdicts import Fault

WEIGHTS, CONFIG, INDEX = "model.safetensors", "config.json", "model.safetensors.index.json"
DTYPES = ("F64", "F32", "F16", "BF16", "I64", "I8", "U8", "BOOL", "F8_E4M3", "C64", "F4", "X", 1, None)
SMALL = {"embedding_size": 4, "hidden_sizes": [4, 6], "depths": [1, 1], "layer_type": "basic", "num_labels": 5}
FIELDS = {
    "dense": {"width": 1 / 64, "resolution": 8, "hidden_channels": 4},
    "fusion": {"classifier_config": json.dumps({"model_type": "resnet"} | SMALL)},
    "lite_unet": {"bins": True, "hints": True, "view_scales": [1.0, 1.5]},
}
RECORDS = {"training.json": TRAINING, "evaluation.json": EVALUATION}


@dataclass
class Watch:
    """Record of the files, connections and programs that the code under test must not open, make or run."""

    secret: str
    seen: list[str]

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(self.secret):
            self.seen.append(f"opened {arguments[0]}")
        elif event in (
            "os.system",
            "os.exec",
            "os.posix_spawn",
            "subprocess.Popen",
            "pickle.find_class",
            "socket.connect",
        ):
            self.seen.append(f"{event} {str(arguments)[:200]}")


@dataclass(frozen=True)
class Prepared:
    """Folders of good checkpoints, with their result on a photo; a folder to break them in; and what must not happen."""

    folders: tuple[Path, ...]
    results: dict[Path, np.ndarray]
    place: Path
    texts: tuple[str, ...]
    watch: Watch


def prepare(folder: Path) -> Prepared:
    """Make a tiny checkpoint of each approach, one of several files, and a folder that none of them may read."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    goods = []
    for approach in list_approaches(own=True):
        fields = {"width": 1 / 16, "resolution": 32} | FIELDS.get(approach, {})
        goods.append(save_checkpoint(create_model(approach, **fields), folder / "good" / approach))
    goods.append(_split(goods[0], folder / "good" / "shards"))
    for good in goods:
        for name, record in RECORDS.items():
            (good / name).write_text(json.dumps(record))
    secret = folder / "secret"
    shutil.copytree(goods[0], secret)
    (secret / CONFIG).write_text(json.dumps({"model_type": SECRET, "password": SECRET}))
    results = {good: _color(good) for good in goods}
    watch = Watch(str(secret), [])
    sys.addaudithook(watch)
    return Prepared(tuple(goods), results, folder / "bad", (str(secret), "../secret", SECRET), watch)


def _split(folder: Path, target: Path) -> Path:
    """Copy a checkpoint, with its weights in two files and an index."""
    shutil.copytree(folder, target)
    tensors = sorted(load_file(target / WEIGHTS).items())
    (target / WEIGHTS).unlink()
    half, index = len(tensors) // 2, {}
    for number, part in enumerate((dict(tensors[:half]), dict(tensors[half:])), 1):
        name = f"model-{number:05}-of-00002.safetensors"
        save_file(part, target / name, {"format": "pt"})
        index |= dict.fromkeys(part, name)
    (target / INDEX).write_text(json.dumps({"metadata": {"total_size": 1000}, "weight_map": index}))
    export_graphs(load_model(target), target)
    return target


def _color(folder: Path) -> np.ndarray:
    photo = Image.fromarray(data.coffee()[100:330, 100:400]).resize((30, 23))
    return np.asarray(pipeline(folder, device="cpu")(photo))


def attempt(prepared: Prepared, random: Random) -> None:
    """Load a bad checkpoint, color a photo with it, and write its card."""
    good = random.choice(prepared.folders)
    bad = prepared.place
    shutil.rmtree(bad, ignore_errors=True)
    shutil.copytree(good, bad)
    prepared.watch.seen.clear()
    changes = _change_bytes, _change_graph, _change_graph, _change_files, _change_record
    change = random.choice((_change_config,) * 4 + (_change_header,) * 4 + changes)
    if good.name == "shards":
        change = random.choice((_change_index, _change_index, _change_config, _change_files))
    is_neutral = change(random, bad, prepared.texts)
    try:
        result = _color(bad)
        write_card(bad, name="tiny")
        if SECRET in (bad / "README.md").read_text() and change is not _change_record:
            raise Fault("the card quotes a secret")
    finally:
        if prepared.watch.seen:
            raise Fault(f"{change.__name__}: {'; '.join(prepared.watch.seen[:5])}")
    if result.shape != prepared.results[good].shape or result.dtype != np.uint8:
        raise Fault(f"the result is {result.dtype} {result.shape}")
    if is_neutral and not np.array_equal(result, prepared.results[good]):
        raise Fault("a change that means nothing changed the colors")


def _change_config(random: Random, folder: Path, texts: tuple[str, ...]) -> bool:
    content = json.loads((folder / CONFIG).read_text())
    if random.random() < 0.15:
        content[random.choice(("auto_map", "_name_or_path", "quantization_config", "attn_implementation", "x"))] = (
            strange(random, texts)
        )
        _write(random, folder / CONFIG, content)
        return True
    if "classifier_config" in content and random.random() < 0.7:
        description = json.loads(content["classifier_config"])
        content["classifier_config"] = to_json(change_json(random, description, texts))
    else:
        content = change_json(random, content, texts)
    _write(random, folder / CONFIG, content)
    return False


def _change_index(random: Random, folder: Path, texts: tuple[str, ...]) -> bool:
    content = json.loads((folder / INDEX).read_text())
    texts = (*texts, "model.bin", "../secret/model.safetensors", *sorted(path.name for path in folder.iterdir()))
    _write(random, folder / INDEX, change_json(random, content, texts))
    return False


def _change_record(random: Random, folder: Path, texts: tuple[str, ...]) -> bool:
    path = folder / random.choice(sorted(RECORDS))
    _write(random, path, change_json(random, json.loads(path.read_text()), texts))
    return True


def _write(random: Random, path: Path, content: Any) -> None:
    text = to_json(content).encode()
    if random.random() < 0.05:
        text = random.choice((cut, flip))(random, text)
    path.write_bytes(text)


def _change_bytes(random: Random, folder: Path, texts: tuple[str, ...]) -> bool:
    path = random.choice(sorted(folder.glob("*.safetensors")))
    path.write_bytes(random.choice((cut, flip))(random, path.read_bytes()))
    return False


def _change_graph(random: Random, folder: Path, texts: tuple[str, ...]) -> bool:
    """Damage the graph, or change an operator or a weight's place in it; a stranger can seal it again."""
    path = folder / "model.onnx"
    if not path.is_file() or random.random() < 0.3:
        path.write_bytes(random.choice((cut, flip))(random, path.read_bytes() if path.is_file() else b"onnx"))
        return False
    proto = onnx.load(path, load_external_data=False)
    node, tensor = random.choice(proto.graph.node), random.choice(proto.graph.initializer)
    how = random.choice(("operator", "domain", "input", "output", "place", "shape", "precision", "drop", "attribute"))
    if how == "operator":
        node.op_type = random.choice(("Relu", "Loop", "Expand", "Resize", "Conv", "MatMul", "X" * 1000, "Concat"))
    elif how == "domain":
        node.domain = random.choice(("com.microsoft", "ai.onnx.ml", "x"))
    elif how in ("input", "output"):
        names = node.input if how == "input" else node.output
        if names:
            names[random.randrange(len(names))] = random.choice((*texts, "", "lightness", tensor.name))
    elif how == "place" and tensor.external_data:
        random.choice(tensor.external_data).value = random.choice((*texts, "0", "-1", "9" * 30, "config.json"))
    elif how == "shape":
        tensor.dims[:] = random.choice(([], [-1], [2**40], [0], [*tensor.dims, 1]))
    elif how == "precision":
        tensor.data_type = random.choice((0, 1, 6, 7, 10, 16, 99))
    elif how == "drop":
        proto.graph.node.remove(node)
    elif node.attribute:
        attribute = random.choice(node.attribute)
        attribute.i = random.choice((0, -1, 2**62, 2))
        attribute.ints[:] = [random.choice((0, -1, 2**31, 3)) for _ in attribute.ints]
    if random.random() < 0.7:
        model = load_model(folder)
        digest = digest_of(model, list_places(folder), proto.graph.SerializeToString())
        helper.set_model_props(proto, {DIGEST: digest})
    path.write_bytes(proto.SerializeToString())
    return False


def _change_header(random: Random, folder: Path, texts: tuple[str, ...]) -> bool:
    whole = (folder / WEIGHTS).read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header, weights = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    names = [name for name in header if name != "__metadata__"]
    name, other = random.choice(names), random.choice(names)
    how = random.choice(
        ("dtype", "shape", "offsets", "values", "values", "rename", "swap", "many", "metadata", "length", "data")
    )
    if how == "dtype":
        header[name]["dtype"] = random.choice(DTYPES)
    elif how == "shape":
        header[name]["shape"] = random.choice(
            ([], [-1], [2**62, 2**62], [0], [*header[name]["shape"], 1], header[other]["shape"])
        )
    elif how == "offsets":
        start, end = header[name]["data_offsets"]
        header[name]["data_offsets"] = random.choice(
            ([end, start], [start, start], [0, 2**60], [0, end], [-1, end], [start])
        )
    elif how == "values":
        change_json(random, header, texts)
    elif how == "rename":
        header[random.choice((f"{name}x", "", "x" * 100_000, "__metadata__", other))] = header.pop(name)
    elif how == "swap":
        header[name], header[other] = deepcopy(header[other]), deepcopy(header[name])
    elif how == "many":
        header |= {
            f"x{n}": {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]} for n in range(random.choice((1, 30_000)))
        }
    elif how == "metadata":
        header["__metadata__"] = random.choice(
            ({"format": "tf"}, {"format": "np"}, {}, {"x": "y" * 100_000}, {"a": 1}, None)
        )
    text = to_json(header).encode()
    claimed = random.choice((0, 7, 2**63, 2**32, length + 1, len(whole))) if how == "length" else len(text)
    if how == "data":
        numbers = np.frombuffer(weights[: len(weights) // 2 * 2], np.uint16).copy()
        numbers[random.randrange(len(numbers))] = random.choice((0x7C00, 0xFC00, 0x7E00, 0x7BFF, 0x3C00))
        weights = numbers.tobytes() + random.choice((b"", b"", bytes(100)))
    (folder / WEIGHTS).write_bytes(claimed.to_bytes(8, "little") + text + weights)
    return False


def _change_files(random: Random, folder: Path, texts: tuple[str, ...]) -> bool:
    path = random.choice(sorted(folder.iterdir()))
    changes: tuple[Callable[[], Any], ...] = (
        path.unlink,
        lambda: (path.unlink(), path.mkdir()),
        lambda: (path.unlink(), os.mkfifo(path)),
        lambda: path.write_bytes(b""),
        lambda: (
            folder / random.choice(("adapter_config.json", "pytorch_model.bin", "generation_config.json"))
        ).write_text("{}"),
        lambda: path.rename(folder / random.choice(("pytorch_model.bin", "config.bak", "model.fp16.safetensors"))),
        lambda: (path.unlink(), path.symlink_to(path)),
        lambda: path.write_bytes(random.choice(sorted(path.parent.glob("*.*"))).read_bytes()),
    )
    random.choice(changes)()
    return False

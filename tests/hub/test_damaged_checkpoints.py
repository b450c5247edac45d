"""Damaged and malicious files of a checkpoint: each is refused in one line."""

import json
import os
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save
from transformers import AutoModel

from colorizer import CheckpointError, create_model, load_model, save_checkpoint
from colorizer.approaches import get_model_class, list_approaches
from colorizer.approaches.base.configuration import ColorizerConfig, model_type_of, own_fields
from tests.hub.test_foreign_checkpoints import folder, one_line
from tests.hub_server import HubServer

__all__ = ["folder"]  # the fixture

DAMAGED_JSON = {
    "nested": b"[" * 200_000,
    "nested objects": b'{"a":' * 100_000,
    "long number": b'{"model_type": "colorizer-dense", "width": ' + b"1" * 5000 + b"}",
    "large number": b'{"model_type": "colorizer-dense", "width": ' + b"1" * 4000 + b"}",
    "infinity": b'{"model_type": "colorizer-dense", "width": 1e999}',
    "nan": b'{"model_type": "colorizer-dense", "width": NaN}',
    "list for a name": b'{"model_type": ["colorizer-dense"]}',
    "number for a name": b'{"model_type": 7}',
    "object for a number": b'{"model_type": "colorizer-dense", "width": {}}',
    "long name": b'{"model_type": "' + b"x" * 500_000 + b'"}',
    "list": b"[]",
    "null": b"null",
    "empty": b"",
    "not UTF-8": b'{"model_type": "\xff\xfe"}',
    "UTF-16": '{"model_type": "colorizer-dense"}'.encode("utf-16"),
    "two megabytes": b'{"model_type": "colorizer-dense", "x": "' + b"x" * 2**21 + b'"}',
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("damage", DAMAGED_JSON)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
def test_damaged_json_is_one_line(name: str, damage: str, folder: Path) -> None:
    if name != "config.json":
        (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(DAMAGED_JSON[damage])
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")) as caught:
        load_model(folder)
    assert one_line(caught.value, folder)


def test_a_pipe_in_place_of_a_file_is_not_waited_for(folder: Path) -> None:
    for name in ("model.safetensors", "config.json"):
        (folder / name).unlink()
        os.mkfifo(folder / name)
        with pytest.raises(CheckpointError, match=name):
            load_model(folder)


def test_a_folder_that_may_not_be_read_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = Path.stat

    def refuse(path: Path, **options: bool) -> os.stat_result:
        if path.name == "config.json":
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(CheckpointError, match=r"config\.json can't be read: .*Permission denied"):
        load_model(folder)


def test_saved_weights_can_be_read_by_whoever_can_read_the_configuration(tmp_path: Path) -> None:
    save_checkpoint(create_model("dense", width=1 / 64), tmp_path)
    modes = {(tmp_path / name).stat().st_mode & 0o777 for name in ("config.json", "model.safetensors")}
    assert len(modes) == 1


def headers(tensors: dict[str, torch.Tensor]) -> dict[str, bytes]:
    whole = save(tensors)
    length = struct.unpack("<Q", whole[:8])[0]
    header, data = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    name = next(iter(tensors))

    def with_header(content: object) -> bytes:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        return struct.pack("<Q", len(text)) + text + data

    return {
        "length beyond the file": struct.pack("<Q", 2**62) + whole[8:],
        "nested": with_header(b"[" * 200_000),
        "not UTF-8": with_header(b'{"\xff": 1}'),
        "list": with_header([]),
        "negative shape": with_header(header | {name: header[name] | {"shape": [-1]}}),
        "huge shape": with_header(header | {name: header[name] | {"shape": [2**62, 2**62]}}),
        "offsets out of the file": with_header(header | {name: header[name] | {"data_offsets": [0, 2**60]}}),
        "unknown type": with_header(header | {name: header[name] | {"dtype": "X3"}}),
        "long header": with_header(json.dumps(header).encode() + b" " * 2**23),
        "many names": with_header(
            header | {f"tensor{n}": {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]} for n in range(20_000)}
        ),
        "float8": save({key: tensor.to(torch.float8_e4m3fn) for key, tensor in tensors.items()}),
        "complex": save({key: tensor.to(torch.complex64) for key, tensor in tensors.items()}),
    }


def test_damaged_weights_are_one_line(folder: Path) -> None:
    weights = folder / "model.safetensors"
    for damage, content in headers(load_file(weights)).items():
        weights.write_bytes(content)
        for load in (load_model, AutoModel.from_pretrained):
            with pytest.raises(CheckpointError, match=r"model\.safetensors") as caught:
                load(folder)
            assert one_line(caught.value, folder), damage


@pytest.mark.parametrize(
    "shard",
    [
        "../other/model.safetensors",
        "/etc/model.safetensors",
        "sub/model.safetensors",
        "..\\model.safetensors",
        "",
        ["x"],
        7,
    ],
)
def test_a_shard_is_a_file_of_the_folder(shard: object, folder: Path, tmp_path: Path) -> None:
    for place in ("other", "foreign/sub"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (folder / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {"network.1.weight": shard}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for load in (load_model, AutoModel.from_pretrained):
        with pytest.raises(CheckpointError, match=r"index\.json"):
            load(folder)


def test_files_that_transformers_would_prefer_are_refused(folder: Path) -> None:
    for name in ("adapter_config.json", "shard-00001-model-00001-of-00001.safetensors"):
        (folder / name).write_text("{}")
        with pytest.raises(CheckpointError, match=name):
            load_model(folder)
        (folder / name).unlink()
    assert load_model(folder)


def test_a_repository_that_would_fill_the_disk_is_not_downloaded(
    folder: Path, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("ada/foreign", {path.name: path.read_bytes() for path in folder.iterdir()})
    monkeypatch.setattr("colorizer.hub.download.MAX_BYTES", 1000)
    with pytest.raises(CheckpointError, match="ada/foreign has more than"):
        load_model("ada/foreign", cache_dir=tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


def test_strange_values_of_every_field_are_refused_in_one_line(folder: Path) -> None:
    strange = (None, True, -1, 10**9, 10**400, 1e308, float("nan"), "x" * 200_000, "\0", [], ["x"], [[]], {}, {"a": []})
    for approach in list_approaches(own=True):
        (folder / "config.json").write_text(json.dumps({"model_type": model_type_of(approach)}))
        own = json.loads((folder / "config.json").read_text())
        fields = own_fields(get_model_class(approach).config_class)
        # Those of all approaches are checked with one of them.
        names = fields.keys() - own_fields(ColorizerConfig).keys() if approach != "dense" else fields.keys()
        for name in names & {
            "width",
            "resolution",
            "gain",
            "pretrained",
            "scenes",
            "classifier",
            "view_scales",
            "depth",
        }:
            for value in strange:
                (folder / "config.json").write_text(json.dumps(own | {name: value}))
                with pytest.raises(CheckpointError) as caught:
                    load_model(folder)
                assert one_line(caught.value, folder), (approach, name, str(value)[:50])

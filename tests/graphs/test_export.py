"""Writing graphs: when a checkpoint is saved, and by the command."""

import logging

import onnxruntime
import pytest
import torch
from torch import nn

from colorizer import CheckpointError, load_model, save_checkpoint
from colorizer.approaches.cnn import Cnn
from colorizer.cli.parser import main
from colorizer.graphs.export import export_graphs
from tests.graphs.test_same_colors import photos, tiny


def test_a_graph_is_small_and_holds_no_weights(tmp_path):
    save_checkpoint(tiny("pix2pix", hints=True), tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "config.json", "model-hints.onnx", "model.onnx", "model.safetensors"
    ]  # fmt: skip
    assert (tmp_path / "model.onnx").stat().st_size < (tmp_path / "model.safetensors").stat().st_size


def test_onnxruntime_alone_colors_with_the_files(tmp_path):
    save_checkpoint(tiny("cnn"), tmp_path)
    model = load_model(tmp_path)
    lightness = photos(model, 2, 5, 4)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    (ab,) = session.run(["ab"], {"lightness": lightness.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(ab), model(lightness).ab, atol=0.02, rtol=0)


def test_a_network_that_keeps_a_number_of_one_size_is_found_out(tmp_path, monkeypatch):
    save_checkpoint(model := tiny("cnn"), tmp_path)
    own = Cnn.predict

    def predict(self, source):
        height = int(source.shape[-2])  # a number that tracing keeps
        return own(self, source) * (height / 100)

    monkeypatch.setattr(Cnn, "predict", predict)
    with pytest.raises(
        CheckpointError, match=r"colors photos of \(.*\) otherwise than the network, by up to .*tensors"
    ):
        export_graphs(load_model(tmp_path), tmp_path)
    assert model.approach == "cnn"


def test_an_operation_that_onnx_lacks_is_named_and_the_checkpoint_saved_without_a_graph(
    tmp_path, monkeypatch, caplog, capfd
):
    own = Cnn.predict
    save_checkpoint(tiny("cnn"), tmp_path)
    monkeypatch.setattr(Cnn, "predict", lambda self, source: torch.special.bessel_j0(own(self, source)))
    with caplog.at_level(logging.WARNING):
        save_checkpoint(tiny("cnn"), tmp_path)
    assert "cnn can't be written as an ONNX graph" in caplog.text
    assert "bessel" in caplog.text
    assert len(caplog.text.splitlines()) == 1
    assert capfd.readouterr().out == ""
    assert sorted(file.name for file in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    assert isinstance(load_model(tmp_path), nn.Module)


def test_the_command_writes_the_graph_that_a_checkpoint_lacks(tmp_path, capsys):
    save_checkpoint(tiny("cnn"), tmp_path / "old")
    graph = (tmp_path / "old" / "model.onnx").read_bytes()
    (tmp_path / "old" / "model.onnx").unlink()
    assert main(["export", str(tmp_path / "old")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "old" / "model.onnx")
    assert (tmp_path / "old" / "model.onnx").read_bytes() == graph
    assert main(["export", str(tmp_path / "old"), "-o", str(tmp_path / "new")]) == 0
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == [
        "config.json",
        "model.onnx",
        "model.safetensors",
    ]


def test_the_command_says_what_it_needs(tmp_path, capsys):
    assert main(["export", "default"]) == 2
    assert "Name a folder for the checkpoint of a Hub id or of the package, with -o" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "nowhere")]) == 2
    assert "There is no checkpoint" in capsys.readouterr().err

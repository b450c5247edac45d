import json

import pytest
import torch
from safetensors.torch import load_file

from colorizer import ColorizerError, load_model

COLORFUL = ["--approach", "colorful", "--resolution", "32"]


def test_a_checkpoint_without_hints_initializes_a_network_with_hints(train, tmp_path):
    train(*COLORFUL)
    plain = load_file(tmp_path / "run/model.safetensors")
    start = ["--pretrained_model_name_or_path", tmp_path / "run", "--output_dir", tmp_path / "hinted", "--hints"]
    trainer = train(*COLORFUL, *start, "--learning_rate", "1e-4")
    for name, tensor in trainer.network.state_dict().items():
        if name == "hints.weight":
            assert tensor.abs().max() > 0
        elif name.endswith("weight"):
            assert torch.allclose(tensor, plain[name].float(), atol=3e-3), name
    assert load_model(tmp_path / "hinted").takes_hints
    assert not load_model(tmp_path / "run").takes_hints
    validated = [record for record in trainer.progress.history if "validation_loss" in record]
    assert len(validated) == 2
    assert all(0 < record["validation_psnr_hinted"] < 100 for record in validated)
    assert "validation_psnr_hinted" not in (tmp_path / "run/history.json").read_text()
    assert json.loads((tmp_path / "hinted/config.json").read_text())["hints"] is True


def test_the_weights_that_are_best_with_hints_can_be_published(train):
    by_hints = ["--metric_for_best_model", "psnr_hinted"]
    trainer = train(*COLORFUL, "--hints", *by_hints, "--learning_rate", "3e-3", "--ema_decay", "0")
    hinted = {record["step"]: record.get("validation_psnr_hinted") for record in trainer.progress.history}
    validated = {step: value for step, value in hinted.items() if value is not None}
    assert trainer.progress.best_step == max(validated, key=validated.get)
    with pytest.raises(ColorizerError, match=r"psnr_hinted .*--hints"):
        train(*COLORFUL, *by_hints, "--overwrite_output_dir")


def test_validation_with_hints_repeats_itself(train):
    pix2pix = ["--approach", "pix2pix", "--num_levels", "4", "--resolution", "32"]
    trainer = train(*pix2pix, "--hints", "--max_train_steps", "1")
    network = trainer.network.eval()
    torch.nn.init.normal_(network.hints.weight)
    assert trainer.validation.run(network) == trainer.validation.run(network)
    hinted, plain = (trainer.validation.run(network)[f"validation_{name}"] for name in ("psnr_hinted", "psnr"))
    assert hinted != plain

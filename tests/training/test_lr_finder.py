"""Learning-rate finder: a sweep leaves the run unchanged to the bit."""

import json
import math
import random
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from colorizer import ColorizerError
from colorizer.approaches import get_model_class
from colorizer.approaches.base.pretrained_parts import PretrainedPart
from colorizer.training import Trainer, lr_finder
from tests.training.conftest import read_lr_curves

SMALL = ["--resolution", "32", "--find_lr_steps", "6"]
# Weights of bins and batch norm; dropout, two optimizers and gradient accumulation; two stages and a schedule with warmup.
RUNS = {
    "colorful": [*SMALL, "--lr_scheduler", "plateau"],
    "pix2pix": [*SMALL, "--num_levels", "5", "--gradient_accumulation_steps", "2"],
    "resnet_unet": [*SMALL, "--pretrain_steps", "3", "--lr_scheduler", "linear", "--lr_warmup_steps", "2"],
}
PLAYERS = {
    "colorful": ["network"],
    "pix2pix": ["discriminator", "generator"],
    "resnet_unet": ["network", "discriminator 3", "generator 3"],
}


def everything(trainer: Trainer) -> dict[str, object]:
    """Collect all tensors and states of a run that a sweep could change."""
    found = {}
    modules = {"network": trainer.network, "ema": trainer.ema}
    modules |= {f"{i}": part for i, part in enumerate((*trainer.players.modules, *trainer.players.saved))}
    for name, module in modules.items():
        found |= {f"{name}.{key}": value.clone() for key, value in module.named_parameters()}
        found |= {f"{name}.{key}": value.clone() for key, value in module.named_buffers()}
        found |= {f"{name}.{key} gradient": value.grad for key, value in module.named_parameters()}
        found |= {f"{name}.{key} trains": value.requires_grad for key, value in module.named_parameters()}
        found |= {f"{name}.{key} is training": part.training for key, part in module.named_modules()}
    for kind in ("optimizers", "schedulers"):
        for i, part in enumerate(getattr(trainer.players, kind)):
            state = part.state_dict()
            for number, tensors in state.pop("state", {}).items():
                found |= {f"{kind} {i}.{number}.{key}": torch.as_tensor(v).clone() for key, v in tensors.items()}
            found[f"{kind} {i}"] = json.dumps(state, default=str)
    found["random"] = torch.get_rng_state()
    found["python's random"], found["numpy's random"] = str(random.getstate()), str(np.random.get_state())
    found["progress"], found["accumulated"] = json.dumps(trainer.progress.state_dict()), trainer.accelerator.step
    found["photos"] = str(trainer.train_photos.report)
    return found


def differing(found: dict[str, object], expected: dict[str, object]) -> set[str]:
    """Return the names that only one of the two has, or whose values are not bitwise equal."""
    both = found.keys() & expected.keys()
    pairs = {name: (found[name], expected[name]) for name in both}
    same = {
        name: torch.equal(one, other)
        if isinstance(one, Tensor) and isinstance(other, Tensor)
        else one is other or one == other
        for name, (one, other) in pairs.items()
    }
    return (found.keys() | expected.keys()) - {name for name, is_same in same.items() if is_same}


@pytest.mark.parametrize("approach", RUNS)
def test_training_after_a_sweep_equals_training_without_one(approach, train, tmp_path):
    given = ["--approach", approach, *RUNS[approach]]
    plain, swept = tmp_path / "plain", tmp_path / "swept"
    history = train(*given, "--output_dir", plain).progress.history
    after = train(*given, "--output_dir", swept, "--find_lr", "--train_after_find_lr").progress.history
    for one, other in zip(history, after, strict=True):
        assert differing(one, other) <= {"photos_per_second"}
    states = [path.name for path in (plain / "checkpoint-6").glob("model*.safetensors")]
    assert len(states) == (1 if approach == "colorful" else 2)
    for name in states:
        assert not differing(load_file(swept / "checkpoint-6" / name), load_file(plain / "checkpoint-6" / name))
    assert list(read_lr_curves(swept)) == PLAYERS[approach]


@pytest.mark.parametrize("approach", RUNS)
def test_a_sweep_within_a_run_restores_everything(approach, train):
    trainer = train("--approach", approach, *RUNS[approach])
    before = everything(trainer)
    seen = []

    def training_step(*batch) -> dict[str, Tensor]:
        logs = trainer._training_step(*batch)
        if len(seen) < 4:
            seen.append(differing(everything(trainer), before))
        random.random(), np.random.rand()
        return logs

    swept = [curve.name for curve in lr_finder.find_learning_rates(trainer, training_step)]
    assert not differing(everything(trainer), before)
    # The first of two stages has ended and is not swept.
    assert swept == (["network"] if approach == "colorful" else ["discriminator", "generator"])
    # The sweep did change what it restored.
    moved = set().union(*seen)
    assert {"ema.n_averaged", "accumulated", "random", "python's random", "numpy's random"} <= moved
    assert any(name.startswith("0.") for name in moved)
    assert any(".exp_avg_sq" in name for name in moved)


def test_each_player_is_swept_while_the_others_keep_their_own_rate(train):
    given = ["--find_lr", "--find_lr_steps", "3", "--gradient_accumulation_steps", "2"]
    trainer = train("--approach", "resnet_unet", *RUNS["resnet_unet"], *given)
    seen = []

    def training_step(*batch) -> dict[str, Tensor]:
        rates = [optimizer.param_groups[0]["lr"] for optimizer in trainer.players.optimizers]
        seen.append((trainer.progress.step, rates))
        return trainer._training_step(*batch)

    curves = lr_finder.find_learning_rates(trainer, training_step)
    steps, rates = zip(*seen, strict=True)
    own = [1e-4, 2e-4, 2e-4]
    expected = []
    for index, curve in enumerate(curves):
        # Without a change of the weights first, in batches of two.
        swept = [0.0] * 3 + curve.rates
        expected += [[*own[:index], rate, *own[index + 1 :]] for rate in swept for _ in range(2)]
    assert list(rates) == expected
    assert list(steps) == [curve.starts for curve in curves for _ in range(4 * len(curve.rates))]
    assert [curve.starts for curve in curves] == [0, 3, 3]


def test_parts_that_learn_at_a_share_of_the_rate_do_so_in_a_sweep(train, monkeypatch):
    def last_layer(network):
        return [PretrainedPart(network.network[-1], "nobody/nothing")]

    monkeypatch.setattr(get_model_class("dense"), "pretrained_parts", property(last_layer))
    trainer = train("--find_lr", "--find_lr_steps", "3", "--pretrained_rate", "0.1", "--lr_warmup_steps", "2")
    seen = []

    def training_step(*batch) -> dict[str, Tensor]:
        seen.append([group["lr"] for group in trainer.players.optimizers[0].param_groups])
        return trainer._training_step(*batch)

    (curve,) = lr_finder.find_learning_rates(trainer, training_step)
    assert seen == [pytest.approx([rate, 0.1 * rate]) for rate in [0.0] * 3 + curve.rates]


def test_losses_are_compared_on_the_same_photos_and_dropout(train):
    trainer = train("--approach", "cnn", "--width", "0.0625", "--find_lr", "--find_lr_steps", "10")
    (curve,) = lr_finder.find_learning_rates(trainer, trainer._training_step)
    # At the lowest rates nothing is learned, and batches differ by much more than this.
    assert np.ptp(curve.losses[:3]) < 0.01 * np.ptp(curve.losses)


def test_the_command_leaves_curve_and_picture_next_to_a_trained_checkpoint(train, tmp_path, capsys):
    run = tmp_path / "run"
    train()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    capsys.readouterr()
    trainer = train("--find_lr", "--find_lr_steps", "50")
    assert trainer.progress.step == 0
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert after.keys() - before.keys() == {run / "lr_finder.csv", run / "lr_finder.png"}
    assert before.items() <= after.items()
    with Image.open(run / "lr_finder.png") as picture:
        assert min(picture.size) > 300
    (columns,) = read_lr_curves(run).values()
    rates, losses = columns["learning_rate"], columns["loss"]
    assert rates[0] == pytest.approx(1e-7)
    assert np.diff(np.log10(rates)) == pytest.approx(8 / 49)
    assert len(losses) < 50  # it exploded
    assert losses[-1] > 2 * min(losses)
    log = capsys.readouterr().err
    steepest, minimum = map(float, re.search(r"network: suggested learning rate (\S+) .*or (\S+) ", log).groups())
    assert minimum == pytest.approx(rates[np.argmin(columns["smoothed_loss"])] / 10, rel=0.05)
    assert 1e-5 < steepest < 1e-1
    assert "lr_finder.csv" in log
    # The check protects a checkpoint from training, not from a sweep.
    with pytest.raises(ColorizerError, match="--overwrite_output_dir"):
        train("--find_lr", "--train_after_find_lr")


def test_a_loss_that_is_not_finite_ends_the_sweep_and_nothing_else(train, capsys):
    trainer = train("--find_lr", "--find_lr_steps", "2")
    before = everything(trainer)
    losses = [*torch.ones(20), *torch.linspace(1.0, 0.9, 5), torch.tensor(math.nan)]

    def training_step(*batch) -> dict[str, Tensor]:
        return trainer._training_step(*batch) | {"network_loss": losses.pop(0)}

    trainer.arguments = replace(trainer.arguments, find_lr_steps=20)
    (curve,) = lr_finder.find_learning_rates(trainer, training_step)
    assert len(curve.losses) == 6
    assert math.isnan(read_lr_curves(trainer.output_dir)["network"]["loss"][-1])
    assert re.search(r"network: .*--find_lr_steps", capsys.readouterr().err)
    # An error, here because no loss is left, leaves nothing behind either.
    with pytest.raises(IndexError):
        lr_finder.find_learning_rates(trainer, training_step)
    assert not differing(everything(trainer), before)

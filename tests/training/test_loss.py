"""`--loss`: another loss between predicted and true colors, for any network."""

import json

import pytest
import torch

from colorizer import create_model, list_approaches
from colorizer.approaches import get_model_class
from colorizer.approaches.base.configuration import own_fields
from colorizer.approaches.base.losses import LOSSES
from colorizer.approaches.base.objectives import Regression, SoftBins
from colorizer.errors import ColorizerError
from tests.training.conftest import parse_arguments
from tests.training.test_overfit import tiny_fields


@pytest.mark.parametrize("loss", LOSSES)
def test_one_network_trains_by_any_loss(loss, train, tmp_path):
    trainer = train("--approach", "cnn", *tiny_fields("cnn"), "--loss", loss, "--max_train_steps", "2")
    assert trainer.objective == Regression(LOSSES[loss])
    assert json.loads((tmp_path / "run" / "training.json").read_text())["arguments"]["loss"] == loss


@pytest.mark.parametrize("approach", list_approaches(own=True))
def test_every_objective_accepts_it_or_names_itself_in_the_error(approach):
    fields = {"num_levels": 5} if "num_levels" in own_fields(get_model_class(approach).config_class) else {}
    objective = create_model(approach, width=1 / 16, **fields).objective
    if isinstance(objective, SoftBins):
        with pytest.raises(ColorizerError, match="SoftBins"):
            objective.with_loss(LOSSES["mse"])
        return
    inputs = {name: torch.rand(2, 2, 16, 16) for name in ("prediction", "target")}
    step = create_model("cnn", width=1 / 16).step_inputs
    output = type("Output", (), {"prediction": inputs["prediction"], "scene_logits": None, "global_features": None})
    values = {
        name: float(objective.with_loss(loss).validate(step(output, torch.zeros(2, 1, 16, 16), inputs["target"])))
        for name, loss in LOSSES.items()
    }
    assert len({round(value, 6) for value in values.values()}) == len(LOSSES)


def test_a_loss_that_does_not_fit_is_refused_before_photos_are_read(train):
    with pytest.raises(ColorizerError, match=r"--loss .*l1, mse.*l3"):
        parse_arguments(["--approach", "cnn", "--dataset_name", "x", "--output_dir", "y", "--loss", "l3"])
    with pytest.raises(ColorizerError, match="SoftBins"):
        train("--approach", "colorful", "--loss", "l1", "--dataset_name", "not there")


def test_a_run_is_not_resumed_with_another_loss(train):
    common = ("--approach", "cnn", *tiny_fields("cnn"), "--max_train_steps", "2")
    train(*common, "--loss", "l1")
    for other in ((), ("--loss", "mse")):
        with pytest.raises(ColorizerError, match=r"saved with --loss l1 \(now"):
            train(*common, *other, "--resume_from_checkpoint", "latest")

import json

import pytest

from colorizer import ColorizerError
from colorizer.training.selection import SCORES

GRAYEST = {
    "validation_loss": 0.1,
    "validation_psnr": 23.0,
    "validation_psnr_hinted": 25.0,
    "validation_ciede2000": 10.0,
    "validation_auc": 90.0,
    "validation_colorfulness_difference": 35.0,
}
VIVID = {
    "validation_loss": 0.2,
    "validation_psnr": 22.0,
    "validation_psnr_hinted": 24.0,
    "validation_ciede2000": 12.0,
    "validation_auc": 89.0,
    "validation_colorfulness_difference": 15.0,
}


@pytest.mark.parametrize("metric", SCORES)
def test_accuracy_picks_the_grayest_and_balance_does_not(metric):
    score = SCORES[metric]
    is_vivid_better = score(VIVID, 200) < score(GRAYEST, 100)
    assert is_vivid_better == (metric in ("balance", "last"))


def test_a_run_publishes_what_its_metric_says(train, tmp_path):
    # At such a rate the loss rises, and the first weights are the best.
    run = ["--approach", "dense", "--max_train_steps", "6", "--validation_steps", "2", "--learning_rate", "0.1"]
    run += ["--width", "0.0625", "--max_train_samples", "8", "--train_batch_size", "8", "--ema_decay", "0"]
    for metric, folder in (("loss", "by-loss"), ("last", "last")):
        trainer = train(*run, "--metric_for_best_model", metric, "--output_dir", str(tmp_path / folder))
        losses = [record["validation_loss"] for record in trainer.progress.history if "validation_loss" in record]
        best = losses.index(min(losses)) if metric == "loss" else len(losses) - 1
        assert trainer.progress.best_step == 2 * (best + 1)
        training = json.loads((tmp_path / folder / "training.json").read_text(encoding="utf-8"))
        assert training["metrics"]["validation_loss"] == pytest.approx(losses[best])
    assert losses[-1] > min(losses)


def test_an_unknown_metric_is_refused(train):
    with pytest.raises(ColorizerError, match="loss, psnr, psnr_hinted, ciede2000, auc, balance, last, not beauty"):
        train("--approach", "dense", "--metric_for_best_model", "beauty")

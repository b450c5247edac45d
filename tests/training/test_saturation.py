"""Training targets that are more colorful than the photos."""

import pytest

from colorizer.errors import ColorizerError
from colorizer.training.validation import Validation


def test_training_targets_are_more_colorful_and_validation_photos_are_not(train, monkeypatch):
    seen = {}
    validate = Validation.run

    def run(self, network):
        record = validate(self, network)
        seen.setdefault(saturation, []).append(record)
        return record

    monkeypatch.setattr(Validation, "run", run)
    for saturation in (1.0, 1.6):
        given = ["--target_saturation", saturation, "--max_train_steps", 40, "--validation_steps", 40]
        train(*given, "--learning_rate", 0.01, "--ema_decay", 0, "--overwrite_output_dir")
    [[plain], [vivid]] = seen.values()
    assert vivid["validation_colorfulness"] > 1.2 * plain["validation_colorfulness"]
    assert vivid["validation_ciede2000"] > plain["validation_ciede2000"]


def test_targets_are_never_duller_than_the_photos(train):
    with pytest.raises(ColorizerError, match=r"--target_saturation .*1…2.*0\.5"):
        train("--target_saturation", 0.5)

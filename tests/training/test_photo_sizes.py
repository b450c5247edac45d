"""Size of the training crops, different from the size at which photos are colored."""

import pytest

from colorizer.approaches import get_model_class
from colorizer.errors import ColorizerError

CNN = ["--approach", "cnn", "--resolution", "48"]


@pytest.mark.parametrize("min_scale", [1.0, 0.5])
def test_it_trains_on_crops_of_one_size_and_validates_at_another(train, monkeypatch, min_scale):
    network_class, seen = get_model_class("cnn"), []
    forward = network_class.forward

    def watched(self, lightness, **more):
        seen.append((self.training, tuple(lightness.shape[-2:])))
        return forward(self, lightness, **more)

    monkeypatch.setattr(network_class, "forward", watched)
    monkeypatch.setattr("colorizer.hub.loading._add_graphs", lambda folder: None)  # runs it at other sizes, too
    trainer = train(*CNN, "--train_resolution", 24, "--min_scale", min_scale)
    assert set(seen) == {(True, (24, 24)), (False, (48, 48))}
    assert trainer.validation_photos.resolution == trainer.network.config.resolution == 48
    assert trainer.train_photos.resolution == (24 if min_scale == 1 else 30)  # with room for crops


def test_a_network_of_one_size_trains_at_that_size(train):
    with pytest.raises(ColorizerError, match=r"dense .*--train_resolution 24"):
        train("--train_resolution", 24)
    assert train("--train_resolution", 16).train_photos.resolution == 16


def test_photos_can_be_stored_larger_than_the_training_crops(train):
    with pytest.raises(ColorizerError, match=r"--stored_resolution 12 .*16 pixels"):
        train("--resolution", 16, "--stored_resolution", 12)
    trainer = train("--resolution", 16, "--stored_resolution", 40)
    assert trainer.train_photos.resolution == 40
    assert trainer.validation_photos.resolution == trainer.train_resolution == 16


def test_a_run_resumes_at_its_own_size_only(train):
    train(*CNN, "--train_resolution", 24, "--checkpointing_steps", 3)
    with pytest.raises(ColorizerError, match=r"train_resolution .*24.*48"):
        train(*CNN, "--resume_from_checkpoint", "latest")

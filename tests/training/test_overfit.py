"""Training of every objective: a tiny network overfits 8 photos with the project's own trainer."""

import pytest
import torch

from colorizer import list_approaches, load_model
from colorizer.approaches import get_model_class
from colorizer.approaches.base.configuration import own_fields
from colorizer.data import load_photos
from colorizer.photos.color import rgb_to_lab

SIDE = 32


def tiny_fields(approach: str) -> list[str]:
    """Return arguments of width, size and depth with which the approach trains in seconds."""
    fields = own_fields(get_model_class(approach).config_class)
    tiny = {"width": 1 / 8, "resolution": SIDE, "num_levels": 5, "pretrain_steps": 40, "pretrain_learning_rate": 3e-3}
    return [word for name, value in tiny.items() if name in fields for word in (f"--{name}", str(value))]


@pytest.mark.parametrize("approach", list_approaches(own=True))
def test_it_overfits_eight_photos(approach, dataset, train, tmp_path):
    run = [
        *("--approach", approach, *tiny_fields(approach)),
        *("--max_train_samples", "8", "--train_batch_size", "8", "--min_scale", "1", "--max_scale", "1"),
        *("--no-flip", "--no-vertical_flip", "--rotation", "0", "--shear", "0", "--zoom", "0", "--contrast", "0"),
        *("--optimizer", "adam", "--learning_rate", "3e-3", "--lr_scheduler", "constant", "--adam_weight_decay", "0"),
        *("--max_train_steps", "100", "--validation_steps", "100", "--ema_decay", "0.9"),
    ]
    trainer = train(*run)
    # The training loss; for a GAN its L1, since neither player should win in the adversarial loss.
    names = ("generator_l1", "network_loss")
    losses = [record[name] for record in trainer.progress.history for name in names if name in record]
    # The minimum of a cross-entropy is the entropy of its targets, not 0.
    share = 0.8 if trainer.network.space.has_distribution else 0.5
    assert losses[-1] < share * losses[0], losses

    rgb = load_photos(dataset, resolution=SIDE, max_photos=8).batch(range(8))["rgb"].float() / 255
    lab = rgb_to_lab(rgb)
    with torch.no_grad():
        ab = load_model(tmp_path / "run")(lab[:, :1]).ab
    # The error of gray is the true chroma. The colors must have less than half of it, and the right sign.
    assert (ab - lab[:, 1:]).norm(dim=1).mean() < 0.5 * lab[:, 1:].norm(dim=1).mean()
    sky, grass = lab[:, 2] < -15, lab[:, 1] < -15
    assert ab[:, 1][sky].mean() < -5
    assert ab[:, 0][grass].mean() < -5

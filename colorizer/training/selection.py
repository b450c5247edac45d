"""Which weights of a run are published: those of the best validation, and what best means."""

from collections.abc import Callable

# A number of a validation's record and its step, the lower the better.
SCORES: dict[str, Callable[[dict[str, float], int], float]] = {
    "loss": lambda record, step: record["validation_loss"],
    "psnr": lambda record, step: -record["validation_psnr"],
    # A network that learns to take hints may go on doing so while it gains nothing without them.
    "psnr_hinted": lambda record, step: -record["validation_psnr_hinted"],
    "ciede2000": lambda record, step: record["validation_ciede2000"],
    "auc": lambda record, step: -record["validation_auc"],
    # Accuracy alone, like the loss of a GAN's L1, picks the grayest of its weights.
    "balance": lambda record, step: (
        record["validation_ciede2000"] + 0.25 * record["validation_colorfulness_difference"]
    ),
    "last": lambda record, step: -float(step),
}

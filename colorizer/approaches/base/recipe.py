"""A recipe: the numbers with which an approach's authors trained it. Arguments of a run override them one by one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Defaults of a training run, the approach's published ones.

    optimizer: "adam", "adamw", "rmsprop" or "adadelta". pretrained_rate: rate of the parts that begin from published weights,
    as a share of learning_rate. plateau_patience: epochs of validation without progress after which the rate is multiplied by
    plateau_factor; early_stopping_patience: after which the run ends; 0 is never; progress is a validation loss that falls by
    more than early_stopping_min_delta. rotation and shear in degrees; min_scale and max_scale: shares of a photo's side that
    a random crop keeps; zoom: largest stretch of a side; contrast: share of the photos whose contrast is changed, in one of
    three ways at random. channels_last: a pixel's channels lie together in memory, which is faster where convolutions are 1×1
    or by channel. metric_for_best_model: by what the published weights are chosen at validation: "loss", "psnr", "psnr_hinted",
    "ciede2000", "auc", "balance" (of ΔE2000 and colorfulness), or "last" for the last ones.
    """

    optimizer: str = "adam"
    learning_rate: float = 1e-3
    pretrained_rate: float = 1.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_weight_decay: float = 0.0
    train_batch_size: int = 32
    num_train_epochs: int = 20
    lr_scheduler: str = "constant"
    plateau_patience: int = 0
    plateau_factor: float = 0.1
    early_stopping_patience: int = 0
    early_stopping_min_delta: float = 0.0
    flip: bool = True
    vertical_flip: bool = False
    min_scale: float = 1.0
    max_scale: float = 1.0
    rotation: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0
    contrast: float = 0.0
    channels_last: bool = False
    metric_for_best_model: str = "loss"

"""Recipe: the settings with which an approach's authors trained it. Arguments of a run override them one by one."""

from dataclasses import MISSING, Field, dataclass, field


def argument(default: object = MISSING, help: str = "") -> Field:
    """Define a field that is an argument of a run, with its text for --help; without a default it must be given."""
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class Recipe:
    """Published settings of an approach, the defaults of a training run. Each field is documented by its help."""

    optimizer: str = argument("adam", "adam, adamw, rmsprop or adadelta")
    learning_rate: float = argument(1e-3, "learning rate, above 0, that --lr_scheduler varies")
    pretrained_rate: float = argument(
        1.0, "learning rate of the parts that start from published weights, as a share of --learning_rate"
    )
    adam_beta1: float = argument(0.9, "decay of adam's and adamw's mean of the gradients, 0–1 (1 excluded)")
    adam_beta2: float = argument(0.999, "decay of adam's and adamw's mean of the squared gradients, 0–1 (1 excluded)")
    adam_weight_decay: float = argument(0.0, "weight decay of the optimizer, whichever it is; 0 for none")
    train_batch_size: int = argument(32, "photos per batch and process")
    num_train_epochs: int = argument(20, "passes over the training photos")
    lr_scheduler: str = argument(
        "constant", "plateau, or a schedule of transformers, such as constant, linear or cosine"
    )
    plateau_patience: int = argument(
        0, "validations in a row without progress that --lr_scheduler plateau allows before it lowers the learning rate"
    )
    plateau_factor: float = argument(0.1, "factor by which --lr_scheduler plateau lowers the learning rate, 0–1")
    early_stopping_patience: int = argument(
        0, "validations in a row without progress after which the run ends; 0 for never"
    )
    early_stopping_min_delta: float = argument(
        0.0, "least fall of the validation loss that early stopping counts as progress"
    )
    flip: bool = argument(True, "mirror half of the photos left to right")
    vertical_flip: bool = argument(False, "mirror half of the photos top to bottom")
    min_scale: float = argument(1.0, "smallest side of a random crop, as a share of the photo's side, 0–1")
    max_scale: float = argument(1.0, "largest side of a random crop, as a share of the photo's side, 0–1")
    rotation: float = argument(0.0, "largest random rotation, in degrees")
    shear: float = argument(0.0, "largest random shear, in degrees below 90")
    zoom: float = argument(
        0.0, "largest random stretch of width and height, each on its own, as a share of the side, 0–1"
    )
    contrast: float = argument(
        0.0, "share of the photos, 0–1, whose contrast is changed, in one of three ways at random"
    )
    channels_last: bool = argument(
        False,
        "keep a pixel's channels together in memory, which is faster for 1×1 and depthwise convolutions",
    )
    metric_for_best_model: str = argument(
        "loss",
        "validation metric that chooses the published weights: loss, psnr, psnr_hinted, ciede2000, auc, balance (of ΔE2000 "
        "and colorfulness), or last for the last ones",
    )

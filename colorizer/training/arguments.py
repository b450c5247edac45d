"""Arguments of a training run, named as in diffusers' training examples. Defaults come from the approach's recipe."""

import math
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from colorizer.approaches.base.losses import LOSSES
from colorizer.approaches.base.recipe import Recipe, argument
from colorizer.data.local_files import split_name
from colorizer.errors import ColorizerError

# Score that selects the published weights, from a validation record and its step. Lower is better.
SCORES: dict[str, Callable[[dict[str, float], int], float]] = {
    "loss": lambda record, step: record["validation_loss"],
    "psnr": lambda record, step: -record["validation_psnr"],
    # Colors may keep improving with hints when they no longer do without them.
    "psnr_hinted": lambda record, step: -record["validation_psnr_hinted"],
    "ciede2000": lambda record, step: record["validation_ciede2000"],
    "auc": lambda record, step: -record["validation_auc"],
    # Accuracy alone selects the grayest weights, as the L1 loss of a GAN does.
    "balance": lambda record, step: (
        record["validation_ciede2000"] + 0.25 * record["validation_colorfulness_difference"]
    ),
    "last": lambda record, step: -float(step),
}
PRECISIONS = ("no", "fp16", "bf16")

# Lowest and highest value, both included.
RANGES: dict[str, tuple[float, float]] = {
    "train_batch_size": (1, math.inf),
    "gradient_accumulation_steps": (1, 2**31),
    "num_train_epochs": (1, math.inf),
    "max_train_steps": (1, math.inf),
    "checkpoints_total_limit": (1, math.inf),
    "max_validation_samples": (1, math.inf),
    "find_lr_steps": (2, math.inf),
    "validation_steps": (0, math.inf),
    "checkpointing_steps": (0, math.inf),
    "lr_warmup_steps": (0, math.inf),
    "max_grad_norm": (0, math.inf),
    "max_train_samples": (1, math.inf),
    "train_resolution": (1, math.inf),
    "stored_resolution": (1, math.inf),
    "dataloader_num_workers": (0, math.inf),
    "min_colorfulness": (0, math.inf),
    "adam_weight_decay": (0, math.inf),
    "plateau_patience": (0, math.inf),
    "early_stopping_patience": (0, math.inf),
    "rotation": (0, 360),
    "age": (0, 1),
    "contrast": (0, 1),
    "hint_share": (0, 1),
    "teacher_share": (0, 1),
    "target_saturation": (1, 2),
    "seed": (0, 2**32 - 1),
}
# Lowest value, included, and a bound that is excluded.
BOUNDS: dict[str, tuple[float, float]] = {
    "ema_decay": (0, 1),
    "adam_beta1": (0, 1),
    "adam_beta2": (0, 1),
    "shear": (0, 90),
    "zoom": (0, 1),
}


def as_flag(name: str, value: object) -> str:
    """Return a setting as a user types it: `--width 0.5`, `--view_scales 0.875 1.25`, `--no-flip`; `no --loss` for None."""
    if value is None:
        return f"no --{name}"
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    words = value if isinstance(value, list | tuple) else [value]
    return f"--{name} {shlex.join(map(str, words))}"


@dataclass(kw_only=True, frozen=True)
class TrainingArguments(Recipe):
    """All settings of a run. Fields of Recipe default to the approach's own recipe.

    Raises:
        ColorizerError: a value is out of range, or arguments contradict each other.
    """

    approach: str = argument(help="the approach to train")
    dataset_name: str = argument(help="a folder of photos, parquet files or a Hub dataset")
    output_dir: str = argument(help="folder for the checkpoint, its card, curves, samples and states")
    model_fields: dict = field(default_factory=dict)

    pretrained_model_name_or_path: str | None = argument(None, "checkpoint whose weights the network starts from")
    dataset_revision: str | None = argument(None, "branch, tag or commit of a Hub dataset")
    train_split: str = argument("train", "training split")
    validation_split: str = argument(
        "validation", "validation split; if the dataset lacks it, some of the training photos are held out"
    )
    validation_share: float = argument(0.02, "share of the training photos, 0–1, that is held out for validation")
    loss: str | None = argument(
        None, f"loss between predicted and true colors, in place of the approach's own: {', '.join(LOSSES)}"
    )
    train_resolution: int | None = argument(
        None,
        "training crop size in pixels (default: --resolution); what the network learns from a small crop of a photo, it "
        "later sees at that size in a larger photo",
    )
    stored_resolution: int | None = argument(
        None,
        "size in pixels at which photos are kept, cropped and shown to a teacher (default: no larger than the crops need)",
    )
    image_column: str = argument("image", "column of the photos")
    label_column: str | None = argument("label", "column of the labels, if any")
    max_train_samples: int | None = argument(None, "maximum number of training photos, drawn at random")
    max_validation_samples: int = argument(256, "maximum number of validation photos, drawn at random")
    min_colorfulness: float = argument(
        0.0, "leave out training photos below this colorfulness; 15 is slightly colorful"
    )
    min_label_photos: int = argument(
        1, "ignore labels with fewer training photos than this, since nothing can be learned from them"
    )
    age: float = argument(
        0.0, "share of the photos, 0–1, that the network sees aged, from film to scan; their target colors stay"
    )
    target_saturation: float = argument(
        1.0,
        "saturation factor (1–2) on training targets, to offset the dullness of averaged predictions; validation is "
        "unaffected",
    )
    teacher: str | None = argument(
        None, "checkpoint whose colors are mixed into the training targets; needs --cache_in_memory"
    )
    teacher_share: float = argument(0.5, "weight of the teacher's colors in the training targets, 0–1")
    hint_share: float = argument(
        1.0, "share of the photos, 0–1, for which a network with --hints is given hints in training"
    )
    streaming: bool = argument(False, "decode photos as they arrive and keep none; needs --max_train_steps")
    cache_in_memory: bool = argument(False, "keep the decoded photos in memory, on the GPU if they fit")
    dataloader_num_workers: int = argument(0, "threads that decode photos; 0 for one per core")

    max_train_steps: int | None = argument(None, "optimizer steps, instead of --num_train_epochs")
    gradient_accumulation_steps: int = argument(1, "batches per optimizer step")
    lr_warmup_steps: int = argument(0, "optimizer steps over which the learning rate rises from 0")
    max_grad_norm: float = argument(0.0, "gradients are clipped to this norm; 0 for no clipping")
    ema_decay: float = argument(
        0.999, "decay, 0–1 (1 excluded), of the averaged weights (EMA) that are validated and published; 0 for none"
    )
    seed: int = argument(0, "seed of the weights, the order of the photos and the augmentation")
    cpu: bool = argument(False, "train on the CPU (implied where there is no GPU)")
    mixed_precision: str | None = argument(
        None, "no, fp16 or bf16: the precision of the forward and backward pass (default: the launcher's)"
    )

    validation_steps: int = argument(0, "optimizer steps between validations; 0 for once per epoch")
    checkpointing_steps: int = argument(
        500, "optimizer steps between saved states to resume from; 0 for one state at the end"
    )
    checkpoints_total_limit: int = argument(2, "maximum number of saved states; older ones are deleted")
    resume_from_checkpoint: str | None = argument(None, '"latest" or the folder of a saved state')
    overwrite_output_dir: bool = argument(False, "start over in a folder that holds another run")
    report_to: str = argument("tensorboard", 'trackers, separated by commas, such as tensorboard; "none" for none')

    find_lr: bool = argument(False, "sweep the learning rate from 1e-7 to 10, suggest one, and end")
    find_lr_steps: int = argument(100, "optimizer steps of that sweep, for each network that is trained")
    train_after_find_lr: bool = argument(False, "train after the sweep, as if there had been none")

    push_to_hub: bool = argument(False, "upload the checkpoint to the Hub when done")
    hub_model_id: str | None = argument(None, "repository to upload to (default: the output folder's name)")
    hub_private_repo: bool = argument(False, "make the repository private")
    hub_token: str | None = argument(None, "Hub token, if you are not logged in")

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                allowed = f"at least {low}" if high == math.inf else f"in {low}…{high}"
                raise ColorizerError(f"--{name} must be {allowed}, not {value}.")
        if not 0 < self.learning_rate <= 1000:
            raise ColorizerError(f"--learning_rate must be positive, and at most 1000, not {self.learning_rate}.")
        for name, (low, bound) in BOUNDS.items():
            if not low <= getattr(self, name) < bound:
                raise ColorizerError(f"--{name} must be in {low}…{bound}, {bound} excluded, not {getattr(self, name)}.")
        if not 0 < self.min_scale <= self.max_scale <= 1:
            raise ColorizerError(
                f"--min_scale and --max_scale must satisfy 0 < min_scale ≤ max_scale ≤ 1, not {self.min_scale} and "
                f"{self.max_scale}."
            )
        if self.loss is not None and self.loss not in LOSSES:
            raise ColorizerError(f"--loss must be one of {', '.join(LOSSES)}, not {self.loss}.")
        if self.mixed_precision not in (None, *PRECISIONS):
            raise ColorizerError(
                f"--mixed_precision must be one of {', '.join(PRECISIONS)}, not {self.mixed_precision}."
            )
        if not 0 < self.validation_share < 1:
            raise ColorizerError(f"--validation_share must be in 0…1, both excluded, not {self.validation_share}.")
        if split_name(self.train_split) == split_name(self.validation_split):
            raise ColorizerError(
                f"--train_split {self.train_split} is also the validation split: choose another --validation_split, or hold "
                "out some of the training photos with --validation_split none."
            )
        if self.metric_for_best_model not in SCORES:
            raise ColorizerError(
                f"--metric_for_best_model must be one of {', '.join(SCORES)}, not {self.metric_for_best_model}."
            )
        if self.metric_for_best_model == "psnr_hinted" and not self.model_fields.get("hints"):
            raise ColorizerError("--metric_for_best_model psnr_hinted requires --hints.")
        if self.teacher and (self.streaming or not self.cache_in_memory):
            raise ColorizerError("--teacher requires --cache_in_memory and excludes --streaming.")

    @property
    def trains(self) -> bool:
        """True unless the run only searches for a learning rate."""
        return self.train_after_find_lr or not self.find_lr

    @property
    def repo_id(self) -> str:
        """Repository that the run is pushed to."""
        return self.hub_model_id or Path(self.output_dir).resolve().name

    @property
    def augmentation(self) -> dict[str, float | bool]:
        """Keyword arguments for `augment`."""
        names = ("flip", "vertical_flip", "min_scale", "max_scale", "rotation", "shear", "zoom", "contrast")
        return {name: getattr(self, name) for name in names}

    @property
    def identity(self) -> dict[str, object]:
        """Values that must match for a resumed run to equal an uninterrupted one. States that lack one had None."""
        names = ("approach", "train_batch_size", "gradient_accumulation_steps", "seed", "optimizer", "learning_rate")
        names = (*names, "lr_scheduler", "ema_decay", "age", "target_saturation", "hint_share", "teacher", "loss")
        teacher_share = {"teacher_share": self.teacher and self.teacher_share}
        return {name: getattr(self, name) for name in names} | teacher_share | self.augmentation | self.model_fields

    def changed(self, settings: Mapping[str, object]) -> "TrainingArguments":
        """Return a copy with some arguments replaced, such as one player's `learning_rate`."""
        return replace(self, **settings)

"""Arguments of a training run: the names of diffusers' training examples, the defaults of the approach's recipe."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, replace

from colorizer.approaches.base.recipe import Recipe
from colorizer.errors import ColorizerError

# What makes weights the best, and so published: from a validation's record and its step, the lower the better.
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


def _argument(help: str, default=MISSING, **metadata):
    return field(metadata={"help": help, **metadata}, **({} if default is MISSING else {"default": default}))


@dataclass(kw_only=True, frozen=True)
class TrainingArguments(Recipe):
    """Everything a run depends on. What a Recipe has comes from the approach unless given."""

    approach: str = _argument("the approach to train")
    dataset_name: str = _argument("a folder of photos, parquet files or a Hub dataset")
    output_dir: str = _argument("folder for the checkpoint, its card, curves, samples and states")
    model_fields: dict = field(default_factory=dict)

    pretrained_model_name_or_path: str | None = _argument("checkpoint whose weights the network starts from", None)
    dataset_revision: str | None = _argument("branch, tag or commit of a Hub dataset", None)
    train_split: str = _argument("split to learn from", "train")
    validation_split: str = _argument(
        "split to validate on; where there is none, 2%% of the photos are held out", "validation"
    )
    train_resolution: int | None = _argument(
        "side of the crops that are learned from, if not that at which the network is validated and will color photos: "
        "what it learns from a small crop of a photo, it sees at that size in a larger photo",
        None,
    )
    stored_resolution: int | None = _argument(
        "side at which the photos are kept, of which crops are taken and which a teacher sees, if it is to be larger than "
        "the crops need",
        None,
    )
    image_column: str = _argument("column of the photos", "image")
    label_column: str = _argument("column of the labels, if any", "label")
    max_train_samples: int | None = _argument("use this many photos at most", None)
    max_validation_samples: int = _argument("validate on this many photos at most", 256)
    min_colorfulness: float = _argument(
        "leave out training photos below this colorfulness; 15 is slightly colorful", 0.0
    )
    min_label_photos: int = _argument(
        "a label of fewer training photos counts as none, since nothing can be learned of it", 1
    )
    age: float = _argument(
        "share of the photos that the network sees turned old, film to scan; the colors it learns stay", 0.0
    )
    target_saturation: float = _argument(
        "multiplies the colors that are learned, 1 to 2, since what is learned is a mean and duller; never those of validation",
        1.0,
    )
    teacher: str | None = _argument(
        "checkpoint whose colors are mixed into those that are learned; needs --cache_in_memory", None
    )
    teacher_share: float = _argument("how much of what is learned is the teacher's, 0 to 1", 0.5)
    hint_share: float = _argument("share of the photos that a network with --hints is given hints of", 1.0)
    streaming: bool = _argument("decode photos as they come by and keep none; needs --max_train_steps", False)
    cache_in_memory: bool = _argument("keep the decoded photos in memory, on a GPU where they fit", False)
    dataloader_num_workers: int = _argument("threads that decode photos, 0 for one a core", 0)

    max_train_steps: int | None = _argument("optimizer steps, instead of num_train_epochs", None)
    gradient_accumulation_steps: int = _argument("batches an optimizer step", 1)
    lr_warmup_steps: int = _argument("optimizer steps over which the rate rises from 0", 0)
    max_grad_norm: float = _argument("gradients longer than this are cut to it, 0 for never", 0.0)
    ema_decay: float = _argument("of the averaged weights that are validated and published, 0 for none", 0.999)
    seed: int = _argument("of weights, order of the photos and augmentation", 0)
    cpu: bool = _argument("train on the CPU (implied where there is no GPU)", False)

    validation_steps: int = _argument("optimizer steps between validations, 0 for once an epoch", 0)
    checkpointing_steps: int = _argument("optimizer steps between states to resume from, 0 for the end alone", 500)
    checkpoints_total_limit: int = _argument("states kept, the oldest go", 2)
    resume_from_checkpoint: str | None = _argument('"latest" or the folder of a state', None)
    overwrite_output_dir: bool = _argument("start anew in a folder that holds another run", False)
    report_to: str = _argument('trackers, separated by commas, such as tensorboard; "none" for none', "tensorboard")

    find_lr: bool = _argument("sweep the learning rate from 1e-7 to 10, suggest one, and end", False)
    find_lr_steps: int = _argument("optimizer steps of that sweep, for each of a GAN's two", 100)
    train_after_find_lr: bool = _argument("go on to train after the sweep, as if there had been none", False)

    push_to_hub: bool = _argument("publish the checkpoint when done", False)
    hub_model_id: str | None = _argument("repository to publish to, the output folder's name unless given", None)
    hub_private_repo: bool = _argument("make the repository private", False)
    hub_token: str | None = _argument("Hub token, unless you are logged in", None)

    def __post_init__(self) -> None:
        for name, minimum in (
            ("train_batch_size", 1),
            ("gradient_accumulation_steps", 1),
            ("num_train_epochs", 1),
            ("checkpoints_total_limit", 1),
            ("max_validation_samples", 1),
            ("find_lr_steps", 2),
            ("validation_steps", 0),
            ("checkpointing_steps", 0),
            ("lr_warmup_steps", 0),
        ):
            if getattr(self, name) < minimum:
                raise ColorizerError(f"--{name} must be at least {minimum}, not {getattr(self, name)}.")
        if self.metric_for_best_model not in SCORES:
            raise ColorizerError(
                f"--metric_for_best_model must be one of {', '.join(SCORES)}, not {self.metric_for_best_model}."
            )
        if self.metric_for_best_model == "psnr_hinted" and not self.model_fields.get("hints"):
            raise ColorizerError("--metric_for_best_model psnr_hinted is measured with --hints only: add it.")
        if self.max_train_steps is not None and self.max_train_steps < 1:
            raise ColorizerError(f"--max_train_steps must be at least 1, not {self.max_train_steps}.")
        if not 0 <= self.age <= 1:
            raise ColorizerError(f"--age is a share of the photos, 0…1, not {self.age}.")
        if not 0 <= self.hint_share <= 1:
            raise ColorizerError(f"--hint_share is a share of the photos, 0…1, not {self.hint_share}.")
        if not 1 <= self.target_saturation <= 2:
            raise ColorizerError(f"--target_saturation must be in 1…2, not {self.target_saturation}.")
        if not 0 <= self.teacher_share <= 1:
            raise ColorizerError(f"--teacher_share must be in 0…1, not {self.teacher_share}.")
        if self.teacher and (self.streaming or not self.cache_in_memory):
            raise ColorizerError("--teacher colors the photos in memory: add --cache_in_memory, and no --streaming.")
        if self.learning_rate <= 0:
            raise ColorizerError(f"--learning_rate must be positive, not {self.learning_rate}.")
        if not 0 <= self.ema_decay < 1:
            raise ColorizerError(f"--ema_decay must be in 0…1, 1 excluded, not {self.ema_decay}.")

    @property
    def trains(self) -> bool:
        """Whether the run trains, and does not only look for a learning rate."""
        return self.train_after_find_lr or not self.find_lr

    @property
    def augmentation(self) -> dict[str, float | bool]:
        """What `augment` takes of these."""
        names = ("flip", "vertical_flip", "min_scale", "max_scale", "rotation", "shear", "zoom", "contrast")
        return {name: getattr(self, name) for name in names}

    def changed(self, settings: Mapping[str, object]) -> "TrainingArguments":
        """These with others in place of some, such as one player's `learning_rate`."""
        return replace(self, **settings)

"""joint: local features fused with image-level features, which also classify the scene."""

from collections.abc import Mapping
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorizer.approaches.base.configuration import ColorizerConfig, Field, setting
from colorizer.approaches.base.modeling import ColorizerModel, ColorizerOutput
from colorizer.approaches.base.objectives import WithSceneClass
from colorizer.approaches.base.option import Option
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Lab
from colorizer.approaches.blocks.layers import scaled
from colorizer.errors import ColorizerError

# Decay per photo of a scene's mean, which thus covers about the last thousand photos.
SCENE_DECAY = 0.999


class JointConfig(ColorizerConfig):
    model_type = "colorizer-joint"
    resolution: int = setting(224, "side in pixels of the square that the network works at", 1, 4096)
    alpha: float = setting(1 / 300, "weight of the classification in the loss", 0, 1000)
    global_resolution: int = setting(
        0, "side in pixels of the global path's input, a multiple of 32; 0 for about the resolution", 0, 1024
    )
    scenes: tuple[str, ...] = setting((), "names of the scenes; by default the dataset's labels")

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        if self.global_resolution % 32:
            raise ColorizerError(f"joint: global_resolution must be a multiple of 32, not {self.global_resolution}.")
        if len(set(self.scenes)) < len(self.scenes) or "" in self.scenes:
            raise ColorizerError(f"joint: scenes must have distinct names, none empty, not {list(self.scenes)}.")


class Joint(ColorizerModel):
    """A network that recognizes the kind of scene while it colors a photo, and chooses colors that fit it.

    Local features are fused with one vector for the whole photo, which also classifies the scene.

    The option `scene` colors a photo in the style of a scene: the network takes the mean vector of the training photos with
    that label instead of the photo's own vector. This is the style transfer of section 3.5 of the paper, with the mean of a
    class in place of another photo's global features. The mean vectors are stored in the checkpoint.
    """

    title = "Let there be Color!"
    plain_name = "Iizuka"
    plain_text = "Recognizes the kind of scene, such as a beach or a street, and colors the photo in its style."
    authors = "Satoshi Iizuka, Edgar Simo-Serra, Hiroshi Ishikawa"
    year = 2016
    paper_url = "https://doi.org/10.1145/2897824.2925974"

    config_class = JointConfig
    # A sigmoid's 0…1 covers ±110, and thus every sRGB color.
    space = Lab(l=100.0, ab=220.0, ab_offset=0.5)
    # Section 4 of the paper: random crops of 224 from 256 pixels, flips, batches of 128, ADADELTA, 11 epochs.
    recipe = Recipe(
        optimizer="adadelta",
        learning_rate=1.0,
        train_batch_size=128,
        num_train_epochs=11,
        min_scale=0.875,
        max_scale=0.875,
    )
    size_multiple = 8
    network_options = (Option("scene", "Color in the style of this scene instead of the one in the photo", choices=()),)

    def __init__(self, config: JointConfig):
        super().__init__(config)
        width = config.width
        # The global path takes the photo at one fixed size, 224 in the paper, and halves it five times.
        self.global_side = config.global_resolution or max(1, round(config.resolution / 32)) * 32
        shared, features = scaled(512, width), scaled(256, width)
        self.low_level = _stack(
            self.space.input_channels, width, (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1)
        )
        self.mid_level = _stack(shared, width, (512, 1), (256, 1))
        self.global_level = nn.Sequential(
            _stack(shared, width, (512, 2), (512, 1), (512, 2), (512, 1)),
            nn.Flatten(),
            _dense((self.global_side // 32) ** 2 * shared, scaled(1024, width)),
            _dense(scaled(1024, width), shared),
        )
        self.summarize = _dense(shared, features)
        self.fuse = _convolution(2 * features, features, side=1)
        self.colorize = nn.Sequential(
            _stack(features, width, (128, 1)),
            nn.Upsample(scale_factor=2),
            _stack(scaled(128, width), width, (64, 1), (64, 1)),
            nn.Upsample(scale_factor=2),
            _stack(scaled(64, width), width, (32, 1)),
            nn.Conv2d(scaled(32, width), self.space.output_channels, 3, padding=1),
            nn.Sigmoid(),
            # Bilinear, where the paper repeats pixels: at the output, the blocks would be visible.
            nn.Upsample(scale_factor=2, mode="bilinear"),
        )
        self.classifier = None
        if config.scenes:
            num_scenes = len(config.scenes)
            self.classifier = nn.Sequential(_dense(shared, features), nn.Linear(features, num_scenes))
            # Weighted sums over each scene's photos, and the sums' weights. Both are linear in the photos: averaged over
            # steps (EMA) or processes, their quotient is still a mean.
            self.register_buffer("scene_sums", torch.zeros(num_scenes, features))
            self.register_buffer("scene_weights", torch.zeros(num_scenes))
        self.post_init()

    @property
    def objective(self) -> WithSceneClass:
        """MSE, plus α · cross-entropy for photos with labels."""
        return WithSceneClass(self.config.alpha)

    @classmethod
    def options_for(cls, config: Mapping[str, object]) -> dict[str, Option]:
        """Return the options, with the scenes that the checkpoint was trained on as choices of `scene`."""
        options = super().options_for(config)
        return options | {"scene": replace(options["scene"], choices=tuple(config.get("scenes", ())))}

    @property
    def scenes(self) -> tuple[str, ...]:
        return self.config.scenes

    @classmethod
    def fields_for(cls, classes: list[str]) -> dict[str, Field]:
        """Return the dataset's classes as the field `scenes`."""
        return {"scenes": tuple(classes)} if classes else {}

    def compute(self, source: Tensor, scene: str | None = None) -> ColorizerOutput:
        """Predict from L in 0…1 (B, 1, H, W): ab/220 + 0.5 (B, 2, H, W), scene logits (B, N) and global features (B, 256).

        Raises:
            ColorizerError: training saw no photo of `scene`; or a training batch of one photo, which can't be normalized.
        """
        if self.training and len(source) < 2:
            raise ColorizerError(
                "joint normalizes global features over the batch: train with --train_batch_size 2 at least, per process."
            )
        local = self.low_level(source)
        whole, side = local, self.global_side
        if source.shape[-2:] != (side, side):
            small = F.interpolate(source.float(), (side, side), mode="bilinear", antialias=True)
            whole = self.low_level(small.to(source.dtype))
        whole = self.global_level(whole)
        global_features = self.summarize(whole)
        local = self.mid_level(local)
        style = global_features if scene is None else self.scene_features(scene).to(local.dtype).expand(len(local), -1)
        fused = self.fuse(torch.cat((style[:, :, None, None].expand_as(local), local), dim=1))
        return ColorizerOutput(
            prediction=self.colorize(fused),
            scene_logits=None if self.classifier is None else self.classifier(whole),
            global_features=global_features,
        )

    def scene_features(self, scene: str) -> Tensor:
        """Return the mean global features (256,) of a scene's training photos, float32.

        Raises:
            ColorizerError: training saw no photo of the scene.
        """
        place = self.scenes.index(scene)
        weight = self.scene_weights[place].float()
        if weight == 0:
            raise ColorizerError(f"joint was trained on no photo of the scene {scene!r}, so it has no style for it.")
        return self.scene_sums[place].float() / weight

    @torch.no_grad()
    def learn_scenes(self, features: Tensor, labels: Tensor) -> None:
        """Update the scenes' means from global features (B, 256) of photos with `labels` (B,), -1 for none."""
        of_scene = labels[:, None] == torch.arange(len(self.scenes), device=labels.device)
        counts = of_scene.sum(0)
        kept = SCENE_DECAY**counts
        with torch.autocast(features.device.type, enabled=False):
            means = of_scene.float().T @ features.float() / counts.clamp(min=1)[:, None]
        self.scene_sums.copy_(kept[:, None] * self.scene_sums + (1 - kept)[:, None] * means)
        self.scene_weights.copy_(kept * self.scene_weights + (1 - kept))


def _convolution(in_channels: int, out_channels: int, *, side: int = 3, stride: int = 1) -> nn.Sequential:
    # No bias: batch norm has one.
    convolution = nn.Conv2d(in_channels, out_channels, side, stride, padding=side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU())


def _stack(in_channels: int, width: float, *layers: tuple[int, int]) -> nn.Sequential:
    """Build 3×3 convolutions from pairs (channels of the full network, stride)."""
    stacked = []
    for channels, stride in layers:
        stacked.append(_convolution(in_channels, scaled(channels, width), stride=stride))
        in_channels = scaled(channels, width)
    return nn.Sequential(*stacked)


def _dense(in_features: int, out_features: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(in_features, out_features, bias=False), nn.BatchNorm1d(out_features), nn.ReLU())

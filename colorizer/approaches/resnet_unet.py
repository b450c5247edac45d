"""resnet_unet: a U-Net on an ImageNet ResNet, trained with L1 first, then as a conditional GAN."""

import torch
from torch import Tensor, nn
from transformers import ResNetBackbone, ResNetConfig
from transformers import initialization as init

from colorizer.approaches.base.configuration import ColorizerConfig, setting
from colorizer.approaches.base.losses import l1
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Adversarial, Regression, Stage, Staged
from colorizer.approaches.base.pretrained_parts import PretrainedPart
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Lab
from colorizer.approaches.blocks.hint_input import HintConvolution, hint_features
from colorizer.approaches.blocks.imagenet import normalize
from colorizer.approaches.blocks.layers import scaled
from colorizer.errors import ColorizerError
from colorizer.photos import color

# He et al., CVPR 2016, table 1: type of layer, number of layers per stage.
DEPTHS = {
    18: ("basic", [2, 2, 2, 2]),
    34: ("basic", [3, 4, 6, 3]),
    50: ("bottleneck", [3, 4, 6, 3]),
    101: ("bottleneck", [3, 4, 23, 3]),
    152: ("bottleneck", [3, 8, 36, 3]),
}


class ResNetUNetConfig(ColorizerConfig):
    model_type = "colorizer-resnet-unet"
    depth: int = setting(18, "layers of the ResNet: 18, 34, 50, 101 or 152")
    pretrained: str = setting(
        "microsoft/resnet-{depth}", "folder or Hub repository of ImageNet weights for width 1; empty for none"
    )
    pretrained_revision: str = setting("main", "branch, tag or commit of the weights' repository")
    # 30 epochs of 9,000 photos in batches of 16.
    pretrain_steps: int = setting(16875, "optimizer steps of the first stage, L1 alone", 0, 100_000_000)
    pretrain_learning_rate: float = setting(1e-4, "learning rate of the first stage", 1e-12, 100)
    pretrain_adam_beta1: float = setting(0.9, "β₁ of Adam in the first stage", 0, 0.9999)
    l1: float = setting(100.0, "weight of the L1 loss in the generator's loss", 0, 1e6)
    gan: float = setting(1.0, "weight of the adversarial loss", 0, 1e6)
    discriminator_width: float = setting(1.0, "factor on the discriminator's channels, on top of width", 0.001, 16)
    hints: bool = setting(False, "accept color hints, and train with random ones")

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        if self.depth not in DEPTHS:
            raise ColorizerError(f"resnet_unet: depth must be one of {', '.join(map(str, DEPTHS))}, not {self.depth}.")


class ResNetUNet(ColorizerModel):
    """A network built on an image classifier, trained on true colors first, then also against a critic of its results.

    It is a U-Net on a ResNet with skip connections at every scale. It is trained with L1 alone at first, then against the
    PatchGAN of pix2pix.
    """

    title = "A U-Net on a pretrained ResNet, pretrained with L1"
    plain_name = "U-Net"
    plain_text = (
        "Recognizes things by what it saw in a large photo collection; a critic then taught it livelier colors."
    )
    authors = "a capstone project"
    year = 2021
    paper_url = "https://arxiv.org/abs/1512.03385"
    cites = "ResNet, its encoder"

    config_class = ResNetUNetConfig
    space = Lab(l=50.0, offset=-1.0, ab=110.0)
    # Recipe of the second stage, from pix2pix; 30 + 70 epochs in total.
    recipe = Recipe(
        learning_rate=2e-4,
        adam_beta1=0.5,
        train_batch_size=16,
        num_train_epochs=100,
        metric_for_best_model="last",
    )
    size_multiple = 32

    def __init__(self, config: ResNetUNetConfig):
        super().__init__(config)
        layer_type, depths = DEPTHS[config.depth]
        widest = 512 if layer_type == "basic" else 2048
        stem = scaled(64, config.width)
        # A bottleneck has a quarter of its stage's channels, which must be at least one.
        stages = [max(4, scaled(widest // 2**level, config.width)) for level in (3, 2, 1, 0)]
        self.encoder = ResNetBackbone(
            ResNetConfig(embedding_size=stem, hidden_sizes=stages, depths=depths, layer_type=layer_type)
        )
        deepest = stages[-1]
        self.bridge = nn.Sequential(
            nn.BatchNorm2d(deepest),
            nn.ReLU(),
            nn.Conv2d(deepest, 2 * deepest, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * deepest, deepest, 3, padding=1),
            nn.ReLU(),
        )
        self.decoder = nn.ModuleList()
        channels = deepest
        skips = [*reversed(stages[:-1]), stem]
        for index, skip in enumerate(skips, 1):
            merged = channels // 2 + skip
            self.decoder.append(Merge(channels, skip, merged // 2 if index == len(skips) else merged))
            channels = self.decoder[-1].out_channels
        self.enlarge = Enlarge(channels, channels)
        channels += self.space.input_channels
        self.refine = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)
        )
        self.color = nn.Conv2d(channels, self.space.output_channels, 1)
        self.hints = HintConvolution(self.encoder.embedder.embedder.convolution) if config.hints else None
        self.post_init()

    @property
    def objective(self) -> Staged:
        """L1 alone for `pretrain_steps` optimizer steps, then conditional GAN + 100 · L1 (by default)."""
        config = self.config
        settings = {"learning_rate": config.pretrain_learning_rate, "adam_beta1": config.pretrain_adam_beta1}
        adversarial = Adversarial(config.l1, config.gan, config.width * config.discriminator_width)
        return Staged(
            (
                Stage(Regression(l1), config.pretrain_steps, settings, f"L1 alone up to step {config.pretrain_steps}."),
                Stage(adversarial, note="Adversarial training."),
            )
        )

    @property
    def pretrained_parts(self) -> list[PretrainedPart]:
        """Encoder, if its width is that of the published one."""
        config = self.config
        if config.width != 1 or not config.pretrained:
            return []
        source = config.pretrained.replace("{depth}", str(config.depth))
        return [PretrainedPart(self.encoder, source, config.pretrained_revision, _published_name)]

    def predict(self, source: Tensor, hints: Tensor | None = None) -> Tensor:
        """Predict ab/110 (B, 2, H, W) from L in −1…1 (B, 1, H, W) and hints (B, 3, H, W)."""
        gray = color.lightness_to_gray((source - self.space.offset) * self.space.l)
        # The backbone's own forward returns its first features after max pooling; here the features before it are a skip.
        first = self.encoder.embedder.embedder
        hidden = first.convolution(normalize(gray))
        if hints is not None:
            hidden = hidden + self.hints(hint_features(hints))
        features = [first.activation(first.normalization(hidden))]
        hidden = self.encoder.embedder.pooler(features[0])
        for stage in self.encoder.encoder.stages:
            hidden = stage(hidden)
            features.append(hidden)
        hidden = self.bridge(features.pop())
        for merge in self.decoder:
            hidden = merge(hidden, features.pop())
        merged = torch.cat((self.enlarge(hidden), source), dim=1)
        return torch.tanh(self.color(torch.relu(merged + self.refine(merged))))

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if module is self.color:
            # Start nearly gray: at the ends of tanh the gradient almost vanishes.
            init.normal_(module.weight, std=0.01)
        if isinstance(module, Enlarge):
            # ICNR (Aitken et al. 2017): the four pixels that a shuffle makes from one start equal, so no checkerboard.
            init.copy_(module.weight, module.weight[::4].repeat_interleave(4, dim=0))


class Enlarge(nn.Conv2d):
    """Upsampling by 2 with 1×1 convolution, ReLU and pixel shuffle: (B, C, H, W) → (B, out_channels, 2H, 2W)."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, 4 * out_channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.pixel_shuffle(torch.relu(super().forward(features)), 2)


class Merge(nn.Module):
    """Upsampling to half the channels, concatenation of the encoder's features, and two normalized convolutions.

    Without the normalization, all units of the last convolution died when training from random weights.
    """

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int):
        super().__init__()
        self.out_channels = out_channels
        self.enlarge = Enlarge(in_channels, in_channels // 2)
        self.normalize = nn.BatchNorm2d(skip_channels)
        self.convolve = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(in_channels // 2 + skip_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        return self.convolve(torch.cat((self.enlarge(features), self.normalize(skip)), dim=1))


def _published_name(name: str) -> str | None:
    """Return the backbone's name for a tensor of transformers' ResNetForImageClassification; None for the classifier."""
    return None if name.startswith("classifier.") else name.removeprefix("resnet.")

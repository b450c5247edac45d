"""pix2pix: a conditional GAN on Lab."""

from torch import Tensor
from transformers import initialization as init

from colorizer.approaches.base.configuration import ColorizerConfig, setting
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Adversarial
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Lab
from colorizer.approaches.blocks.hint_input import HintConvolution, hint_features
from colorizer.approaches.blocks.unet import UNet


class Pix2PixConfig(ColorizerConfig):
    model_type = "colorizer-pix2pix"
    num_levels: int = setting(8, "number of times the U-Net halves the photo; 8 reach 1×1 from 256", 1, 12)
    dropout: float = setting(0.5, "dropout rate of the decoder's deepest levels", 0, 0.99)
    l1: float = setting(100.0, "weight of the L1 loss in the generator's loss", 0, 1e6)
    gan: float = setting(1.0, "weight of the adversarial loss", 0, 1e6)
    discriminator_width: float = setting(1.0, "factor on the discriminator's channels, on top of width", 0.001, 16)
    hints: bool = setting(False, "accept color hints, and train with random ones")


class Pix2Pix(ColorizerModel):
    """A network trained against a second one that tries to tell its colors from real ones.

    It is a U-Net against a 70×70 PatchGAN in Lab: the discriminator rewards realistic colors, L1 the true ones.
    """

    title = "Image-to-Image Translation with Conditional Adversarial Networks"
    plain_name = "Critic"
    plain_text = "Two networks against each other: one paints, the other tells paintings from photos."
    authors = "Phillip Isola, Jun-Yan Zhu, Tinghui Zhou, Alexei A. Efros"
    year = 2017
    paper_url = "https://arxiv.org/abs/1611.07004"

    config_class = Pix2PixConfig
    space = Lab(l=50.0, offset=-1.0, ab=110.0)
    # Section 3.3 of the paper: Adam 2e-4, β = (0.5, 0.999); appendix 6.2: random crops of 256 from 286, mirroring.
    recipe = Recipe(
        learning_rate=2e-4,
        adam_beta1=0.5,
        train_batch_size=4,
        num_train_epochs=200,
        min_scale=256 / 286,
        max_scale=256 / 286,
        metric_for_best_model="last",
    )

    def __init__(self, config: Pix2PixConfig):
        super().__init__(config)
        self.network = UNet(
            self.space.input_channels,
            self.space.output_channels,
            width=config.width,
            num_levels=config.num_levels,
            dropout=config.dropout,
        )
        self.hints = HintConvolution(self.network.first) if config.hints else None
        self.post_init()

    @property
    def size_multiple(self) -> int:
        """2^num_levels, since each level halves the size."""
        return 2**self.config.num_levels

    @property
    def objective(self) -> Adversarial:
        """Conditional GAN + 100 · L1 (by default)."""
        config = self.config
        return Adversarial(config.l1, config.gan, config.width * config.discriminator_width)

    def predict(self, source: Tensor, hints: Tensor | None = None) -> Tensor:
        """Predict ab/110 (B, 2, H, W) from L in −1…1 (B, 1, H, W) and hints (B, 3, H, W)."""
        return self.network(source, None if hints is None else self.hints(hint_features(hints)))

    def init_weight(self, weight: Tensor) -> None:
        """Initialize from N(0, 0.02), as in DCGAN."""
        init.normal_(weight, 0.0, 0.02)

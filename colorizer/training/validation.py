"""Validation: the objective's loss and color metrics on photos that are never trained on."""

import torch
from accelerate import Accelerator
from torch import Tensor

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Objective
from colorizer.data import PhotoBatches, PhotoDataset, photo_seeds, simulate_hints
from colorizer.evaluation.metrics import compute_metrics, psnr
from colorizer.photos import color
from colorizer.training.arguments import TrainingArguments
from colorizer.training.frozen_features import FrozenFeatures
from colorizer.training.photos import resized

# Metrics that are plotted. The loss alone selects the grayest checkpoint.
CURVES = ("psnr", "ciede2000", "auc", "colorfulness", "colorfulness_difference")

NUM_SAMPLES = 6

NUM_HINTS = 10


class Validation:
    """Evaluation of a network on the validation photos, split over the processes."""

    def __init__(
        self,
        accelerator: Accelerator,
        photos: PhotoDataset,
        arguments: TrainingArguments,
        objective: Objective,
        features: FrozenFeatures,
    ):
        self.features = features
        self.accelerator = accelerator
        self.photos = photos
        self.objective = objective
        self.batches = PhotoBatches(
            photos,
            arguments.train_batch_size,
            process_index=accelerator.process_index,
            num_processes=accelerator.num_processes,
            shuffle=False,
            drop_last=False,
            device=accelerator.device,
        )

    @torch.no_grad()
    def run(self, network: ColorizerModel) -> dict[str, float]:
        """Return means over all validation photos: `validation_loss` and the metrics of CURVES as `validation_…`.

        All are without color hints. A network that takes hints adds `validation_psnr_hinted`, with NUM_HINTS per photo,
        always the same.
        """
        names = ("loss", *CURVES, *(["psnr_hinted"] if network.takes_hints else []))
        sums = torch.zeros(1 + len(names), device=self.accelerator.device, dtype=torch.float64)
        for batch in self.batches:
            rgb = resized(batch["rgb"], network.config.resolution)
            lightness, target = network.space.split(rgb)
            output = network(lightness, features=self.features.of(batch["index"]))
            loss = self.objective.validate(network.step_inputs(output, lightness, target, batch["label"]))
            measured = compute_metrics(color.lab_to_rgb(torch.cat((lightness, output.ab), 1)), rgb, CURVES)
            row = [torch.ones_like(loss), loss, *(measured[name].mean() for name in CURVES)]
            if network.takes_hints:
                hints = simulate_hints(rgb, photo_seeds(0, 0, batch["index"]), num_points=NUM_HINTS)
                hinted = network(lightness, hints=hints).ab
                row.append(psnr(color.lab_to_rgb(torch.cat((lightness, hinted), 1)), rgb).mean())
            sums += torch.stack([value.double() for value in row]) * len(rgb)
        count, *totals = self.accelerator.reduce(sums, reduction="sum").tolist()
        return {f"validation_{name}": total / count for name, total in zip(names, totals, strict=True)}

    @torch.no_grad()
    def samples(self, network: ColorizerModel) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return gray, predicted and true versions of the first photos, uint8 (H, W, 3) each; always the same photos."""
        rgb = self.photos.batch(range(min(NUM_SAMPLES, len(self.photos))))["rgb"].to(network.device)
        rgb = resized(rgb, network.config.resolution)
        lightness = color.rgb_to_lab(rgb)[:, :1]
        predicted = color.lab_to_rgb(torch.cat((lightness, network(lightness).ab), 1))
        gray = color.lightness_to_gray(lightness).expand_as(rgb)
        rows = torch.stack((gray, predicted, rgb), 1).mul(255).round().to("cpu", torch.uint8).permute(0, 1, 3, 4, 2)
        return [tuple(row) for row in rows]

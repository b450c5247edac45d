"""Evaluate checkpoints over a dataset, all in the same way, beside the baselines that any of them has to beat."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate.utils import gather_object
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from colorizer.color import colorfulness, rgb_to_lab
from colorizer.data import PhotoBatches, PhotoDataset
from colorizer.errors import ColorizerError
from colorizer.evaluation import processes
from colorizer.evaluation.averages import Averages
from colorizer.evaluation.metrics import compute_metrics
from colorizer.evaluation.names import model_names
from colorizer.evaluation.sheets import contact_sheet
from colorizer.evaluation.tables import Evaluation, Report, to_csv, to_json, to_markdown
from colorizer.loading import load_model
from colorizer.merging import merge
from colorizer.modeling import ColorizerModel
from colorizer.pipelines import working_size

BASELINES = ("gray", "mean color")
NUM_SAMPLES = 12


@dataclass(frozen=True)
class _Candidate:
    """What is evaluated: a name and what gives ab (B, 2, h, w) of lightness (B, 1, H, W); a network or a baseline."""

    name: str
    predict: Callable[[Tensor], Tensor]
    network: ColorizerModel | None = None


def evaluate(
    models: Sequence[str | os.PathLike | ColorizerModel],
    photos: PhotoDataset,
    *,
    dataset: str = "photos",
    split: str = "test",
    output_dir: str | os.PathLike | None = None,
    baselines: Sequence[str] = BASELINES,
    batch_size: int = 16,
    device: str | torch.device | None = None,
    seed: int = 0,
    token: str | None = None,
    progress: bool = False,
) -> Report:
    """Color the photos of a dataset by every model and compare with their true colors.

    The prediction is put on the true photo's own lightness as the pipeline does it, in 8 bits, so that what is measured
    is what a user gets. "gray" has no color at all, "mean color" the mean ab of these very photos everywhere. Under
    `accelerate launch` or `torchrun` the photos are shared out over the processes, and every process returns the whole
    report; the first writes the files.

    Args:
        models: checkpoint names, folders, Hub ids, or models.
        dataset, split: what the tables call the photos.
        output_dir: where table.md, table.csv, evaluation.json and sheet.png (12 photos at fixed places, by every model)
            are written; nothing is written without it.
        batch_size: photos a step and process.
        device: of the networks; the process's own GPU, or the CPU where there is none, unless given.
        seed: of the bootstrap intervals.
        progress: show a bar.

    Raises:
        ColorizerError: no models, an unknown baseline, a device that isn't there, or a folder that can't be written.
        CheckpointError, HubError: a model can't be loaded.
    """
    if unknown := sorted(set(baselines) - set(BASELINES)):
        raise ColorizerError(f"There is no baseline {', '.join(unknown)}. There are: {', '.join(BASELINES)}.")
    if not models and not baselines:
        raise ColorizerError("There is nothing to evaluate: name at least one model.")
    names = model_names(models)
    state = processes.join()
    device = state.device if device is None else _checked_device(device)
    folder = _make_folder(output_dir) if output_dir is not None and state.is_main_process else None
    batches = PhotoBatches(
        photos,
        batch_size,
        process_index=state.process_index,
        num_processes=state.num_processes,
        shuffle=False,
        drop_last=False,
        device=device,
    )
    samples = _sample_places(len(photos))
    mean_ab, true_colorfulness = _describe_truth(batches)

    evaluations, columns = [], {}
    # One network after another, so that memory holds one.
    candidates = chain(
        (_baseline(name, mean_ab) for name in baselines),
        (_network(name, model, device, token) for name, model in zip(names, models, strict=True)),
    )
    total = len(batches) * (len(baselines) + len(models))
    with tqdm(total=total, unit="batch", disable=not (progress and state.is_main_process)) as bar:
        for candidate in candidates:
            bar.set_description(candidate.name)
            averages, colored, seconds = _run(candidate, batches, samples, bar)
            evaluations.append(_summarize(candidate, averages, seconds, seed))
            columns[candidate.name] = colored
    report = Report(
        evaluations=evaluations,
        dataset=dataset,
        split=split,
        num_photos=len(photos),
        resolution=photos.resolution,
        true_colorfulness=true_colorfulness,
        hardware=_hardware(device),
    )
    if folder is not None:
        _write(report, _sheet(columns, photos, samples), folder)
    return report


def _baseline(name: str, mean_ab: Tensor) -> _Candidate:
    ab = mean_ab if name == "mean color" else torch.zeros_like(mean_ab)
    return _Candidate(name, lambda lightness: ab.expand(len(lightness), -1).unflatten(1, (2, 1, 1)))


def _network(
    name: str, model: str | os.PathLike | ColorizerModel, device: torch.device, token: str | None
) -> _Candidate:
    network = model if isinstance(model, ColorizerModel) else load_model(model, token=token)
    network = network.to(device).eval()

    def predict(lightness: Tensor) -> Tensor:
        size = working_size((lightness.shape[-1], lightness.shape[-2]), network)
        if lightness.shape[-2:] != size:
            lightness = F.interpolate(lightness, size, mode="bilinear", antialias=True)
        return network(lightness).ab

    return _Candidate(name, predict, network)


def _checked_device(device: str | torch.device) -> torch.device:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ColorizerError(
            f"The device {device} can't be used here ({str(error).splitlines()[0]}): try cpu."
        ) from error
    return torch.device(device)


def _sample_places(num_photos: int) -> list[int]:
    """Fixed places spread over the dataset, the same for every model and every run."""
    count = min(NUM_SAMPLES, num_photos)
    return [place * num_photos // count for place in range(count)]


def _describe_truth(batches: PhotoBatches) -> tuple[Tensor, float]:
    """The photos' mean ab (2,) and mean colorfulness, over all processes."""
    sums = torch.zeros(4, dtype=torch.float64)
    for batch in batches:
        rgb = batch["rgb"].float() / 255
        ab = rgb_to_lab(rgb)[:, 1:].mean(dim=(2, 3)).sum(0)
        sums += torch.cat((ab, colorfulness(rgb).sum()[None], ab.new_tensor([len(rgb)]))).double().cpu()
    a, b, colors, count = torch.stack(gather_object([sums])).sum(0)
    return torch.stack((a, b)).float().to(batches.device) / count.float(), float(colors / count)


@torch.inference_mode()
def _run(
    candidate: _Candidate, batches: PhotoBatches, samples: list[int], bar: tqdm
) -> tuple[Averages, dict[int, np.ndarray], float | None]:
    """The candidate's metrics, the photos of the sheet as it colors them, and the seconds a photo takes its network."""
    averages, colored, seconds = Averages(), {}, []
    for batch in batches:
        true_rgb = batch["rgb"].float() / 255
        lightness = rgb_to_lab(true_rgb)[:, :1]
        start = _now(batches.device)
        ab = candidate.predict(lightness)
        seconds.append((_now(batches.device) - start) / len(ab))
        pixels = batch["rgb"].permute(0, 2, 3, 1).cpu().numpy()
        merged = np.stack([merge(photo, photo_ab) for photo, photo_ab in zip(pixels, ab.cpu(), strict=True)])
        rgb = torch.from_numpy(merged).to(batches.device).permute(0, 3, 1, 2).float() / 255
        averages.add(batch["index"], compute_metrics(rgb, true_rgb))
        colored |= {i: photo for i, photo in zip(batch["index"].tolist(), merged, strict=True) if i in samples}
        bar.update()
    for others in gather_object([(averages, colored)]):
        averages.update(others[0])
        colored |= others[1]
    # The first batch also pays for memory and for the choice of kernels; the median leaves that out.
    return averages, colored, statistics.median(seconds) if seconds else None


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _summarize(candidate: _Candidate, averages: Averages, seconds: float | None, seed: int) -> Evaluation:
    means, intervals = averages.means(), averages.intervals(seed=seed)
    if candidate.network is None:
        return Evaluation(candidate.name, means, intervals)
    return Evaluation(
        candidate.name,
        means,
        intervals,
        approach=candidate.network.approach,
        num_parameters=sum(parameter.numel() for parameter in candidate.network.parameters()),
        photos_per_second=1 / seconds if seconds else None,
    )


def _sheet(columns: dict[str, dict[int, np.ndarray]], photos: PhotoDataset, samples: list[int]) -> Image.Image:
    truth = photos.batch(samples)["rgb"].permute(0, 2, 3, 1).numpy()
    rows = [
        (f"photo {index}", [*(colored[index] for colored in columns.values()), true])
        for index, true in zip(samples, truth, strict=True)
    ]
    return contact_sheet(rows, columns=[*columns, "truth"])


def _hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type.upper()} ({platform.machine()}), {torch.get_num_threads()} threads"


def _make_folder(output_dir: str | os.PathLike) -> Path:
    folder = Path(output_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ColorizerError(f"The folder {folder} can't be made: {error}. Choose another.") from error
    return folder


def _write(report: Report, sheet: Image.Image, folder: Path) -> None:
    texts = {"table.md": to_markdown(report), "table.csv": to_csv(report), "evaluation.json": to_json(report)}
    try:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        sheet.save(folder / "sheet.png")
    except OSError as error:
        raise ColorizerError(
            f"The results can't be written to {folder}: {error}. Make room or choose another."
        ) from error

"""Evaluate checkpoints over a dataset, all in the same way, beside the baselines that any of them has to beat."""

import os
import platform
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from colorizer.data import PhotoBatches, PhotoDataset
from colorizer.errors import ColorizerError
from colorizer.evaluation import labels, processes, stress
from colorizer.evaluation.averages import Averages
from colorizer.evaluation.candidates import BASELINES, Candidate, baseline, network_candidate
from colorizer.evaluation.details import sections
from colorizer.evaluation.matching import match_gain
from colorizer.evaluation.metrics import Truth
from colorizer.evaluation.names import model_names
from colorizer.evaluation.places import spread
from colorizer.evaluation.results import FILE_NAME, Evaluation, Report, Scores, to_json
from colorizer.evaluation.sheets import contact_sheet
from colorizer.evaluation.statistics import ColorStatistics, color_statistics
from colorizer.evaluation.tables import to_csv, to_markdown
from colorizer.modeling import ColorizerModel

NUM_SAMPLES = 12

NUM_CURVE_PHOTOS = 250
"""So many photos, spread over the dataset, draw the curves."""


def evaluate(
    models: Sequence[str | os.PathLike | ColorizerModel],
    photos: PhotoDataset,
    *,
    training_photos: PhotoDataset | None = None,
    validation_photos: PhotoDataset | None = None,
    dataset: str = "photos",
    split: str = "test",
    output_dir: str | os.PathLike | None = None,
    by_label: bool = False,
    aged: bool = False,
    size_photos: PhotoDataset | None = None,
    baselines: Sequence[str] = BASELINES,
    batch_size: int = 16,
    device: str | torch.device | None = None,
    seed: int = 0,
    token: str | None = None,
    progress: bool = False,
) -> Report:
    """Color the photos of a dataset by every model and compare with their true colors.

    The prediction is put on the true photo's own lightness as the pipeline does it, in 8 bits, so that what is measured
    is what a user gets. Each model is measured as it is, and at matched colorfulness: with its chroma scaled by the one
    gain that makes its validation photos as colorful as the true ones are. "gray" has no color at all, "mean color" the
    mean ab of the training photos everywhere, "mean by lightness" that of the training photos' pixels of its lightness.

    Each photo is converted once for all models, which are all in memory. Under `accelerate launch` or `torchrun` the photos
    are shared out over the processes, and every process returns the whole report; the first writes the files.

    Args:
        models: checkpoint names, folders, Hub ids, or models.
        training_photos: what the baselines know, and by whose colors the rebalanced AuC weights; `photos` unless given.
        validation_photos: what the gains are chosen on; `photos` unless given.
        dataset, split: what the tables call the photos.
        output_dir: where table.md, table.csv, evaluation.json and sheet.png (12 photos at fixed places, by every model)
            and sheet-matched.png (the same at matched colorfulness) are written; nothing is written without it.
        by_label: tell the photos' labels apart.
        aged: color photos that were turned old, too.
        size_photos: tell how far the colors move between sizes, on these; as large as the largest size to try.
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
    networks = [network_candidate(name, model, device, token) for name, model in zip(names, models, strict=True)]
    colors = color_statistics(training_photos or photos)
    candidates = [*(baseline(name, colors) for name in baselines), *networks]
    with tqdm(total=len(networks), desc="gains", unit="model", disable=not (progress and state.is_main_process)) as bar:
        for candidate in networks:
            gain = match_gain(candidate.color, validation_photos or photos, batch_size=batch_size)
            candidate.vary(gain, frozenset(spread(NUM_CURVE_PHOTOS, len(photos))))
            bar.update()
    batches = PhotoBatches(
        photos,
        batch_size,
        process_index=state.process_index,
        num_processes=state.num_processes,
        shuffle=False,
        drop_last=False,
    )
    samples = spread(NUM_SAMPLES, len(photos))
    truth = _run(candidates, batches, colors.bin_weights(), samples, progress=progress and state.is_main_process)
    report = Report(
        evaluations=[_summarize(candidate, seed) for candidate in candidates],
        dataset=dataset,
        split=split,
        num_photos=len(photos),
        resolution=photos.resolution,
        true_colorfulness=truth.means()["colorfulness"],
        hardware=_hardware(device),
        notes=_notes(colors, training_photos, validation_photos, networks),
        labels=labels.by_label({c.name: c.variants[0].averages for c in candidates}, photos) if by_label else None,
        size=stress.size_table(networks, size_photos, seed=seed) if size_photos is not None else None,
        age=stress.age_table(networks, photos, seed=seed, batch_size=batch_size) if aged else None,
    )
    if folder is not None:
        shown = [
            candidate for candidate in candidates if candidate.network is not None or candidate.name == BASELINES[0]
        ]
        sheets = {"sheet.png": _sheet(shown or candidates, photos, samples, 0)}
        if networks:
            sheets["sheet-matched.png"] = _sheet(networks, photos, samples, 1)
        _write(report, sheets, folder)
    return report


def _checked_device(device: str | torch.device) -> torch.device:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ColorizerError(
            f"The device {device} can't be used here ({str(error).splitlines()[0]}): try cpu."
        ) from error
    return torch.device(device)


def _run(
    candidates: Sequence[Candidate],
    batches: PhotoBatches,
    bin_weights: Tensor,
    samples: Sequence[int],
    *,
    progress: bool,
) -> Averages:
    """Measure every variant of every candidate on all photos; returns what was measured of the true ones."""
    of_truth = Averages()
    total = len(batches)
    with processes.photo_threads() as pool, tqdm(total=total, unit="batch", disable=not progress) as bar:
        for batch in batches:
            truths = list(pool.map(partial(_truth, bin_weights=bin_weights), batch["rgb"]))
            of_truth.add(batch["index"], {"colorfulness": torch.cat([truth.colorfulness for truth in truths])})
            lightness = torch.cat([truth.lab[:, :1] for truth in truths])
            for candidate in candidates:
                predicted = candidate.color_lightness(lightness)
                work = zip(batch["index"].tolist(), batch["rgb"], predicted, truths, strict=True)
                list(pool.map(partial(_measure, candidate, samples), *zip(*work, strict=True)))
            bar.update()
    for candidate in candidates:
        for variant in candidate.variants:
            variant.gather()
    of_truth.gather()
    return of_truth


def _truth(rgb: Tensor, bin_weights: Tensor) -> Truth:
    return Truth(rgb[None].float() / 255, bin_weights=bin_weights).prepare()


def _measure(candidate: Candidate, samples: Sequence[int], index: int, rgb: Tensor, ab: Tensor, truth: Truth) -> None:
    for variant in candidate.variants:
        if variant.places is None or index in variant.places:
            variant.measure(index, rgb.permute(1, 2, 0).numpy(), ab, truth, is_shown=index in samples)


def _summarize(candidate: Candidate, seed: int) -> Evaluation:
    scores = [
        Scores(variant.averages.means(), variant.averages.intervals(seed=seed), variant.gain)
        for variant in candidate.variants
    ]
    network = candidate.network
    if network is None:
        return Evaluation(scores[0].means, scores[0].intervals, name=candidate.name)
    return Evaluation(
        scores[0].means,
        scores[0].intervals,
        name=candidate.name,
        approach=network.approach,
        num_parameters=sum(parameter.numel() for parameter in network.parameters()),
        photos_per_second=candidate.photos_per_second,
        matched=scores[1],
        curve=candidate.curve(),
    )


def _notes(
    colors: ColorStatistics,
    training_photos: PhotoDataset | None,
    validation_photos: PhotoDataset | None,
    networks: Sequence[Candidate],
) -> list[str]:
    known = "training photos" if training_photos is not None else "the evaluated photos themselves, for want of others"
    notes = [
        f"The baselines' colors, and the weights of the rebalanced AuC, are from {colors.num_photos:,} of the {known}."
        if training_photos is not None
        else f"The baselines' colors, and the weights of the rebalanced AuC, are from {known}."
    ]
    if networks and validation_photos is None:
        notes.append("The gains were chosen on the evaluated photos themselves, for want of validation photos.")
    return notes


def _sheet(candidates: Sequence[Candidate], photos: PhotoDataset, samples: list[int], variant: int) -> Image.Image:
    """Photos at fixed places by each candidate, at the variant's gain, and as they truly are."""
    truth = photos.batch(samples)["rgb"].permute(0, 2, 3, 1).numpy()
    variants = [candidate.variants[variant] for candidate in candidates]
    rows = [
        (f"photo {index}", [*(each.colored[index] for each in variants), true])
        for index, true in zip(samples, truth, strict=True)
    ]
    gains = ["" if each.gain == 1 else f" × {each.gain:.2f}" for each in variants]
    columns = [f"{candidate.name}{gain}" for candidate, gain in zip(candidates, gains, strict=True)]
    # Small enough that many models stand side by side.
    height = max(96, min(240, 2300 // (len(columns) + 1) - 10))
    return contact_sheet(rows, columns=[*columns, "truth"], height=height)


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


def _write(report: Report, sheets: dict[str, Image.Image], folder: Path) -> None:
    markdown = [to_markdown(report), *(f"## {title}\n\n{text}\n\n{table}" for title, text, table in sections(report))]
    texts = {"table.md": "\n".join(markdown), "table.csv": to_csv(report), FILE_NAME: to_json(report)}
    try:
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name, sheet in sheets.items():
            sheet.save(folder / name)
    except OSError as error:
        raise ColorizerError(
            f"The results can't be written to {folder}: {error}. Make room or choose another."
        ) from error

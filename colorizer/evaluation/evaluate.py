"""Evaluation of checkpoints on a dataset, all in the same way, next to baselines that any of them has to beat."""

import os
import platform
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from tqdm.auto import tqdm

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.atomic_write import make_folder
from colorizer.data import PhotoBatches, PhotoDataset
from colorizer.data.photo_dataset import spread
from colorizer.errors import ColorizerError
from colorizer.evaluation.breakdowns import measure_labels, measure_leads
from colorizer.evaluation.candidates import Candidate, Variant, baseline, network_candidate
from colorizer.evaluation.color_statistics import ColorStatistics, color_statistics
from colorizer.evaluation.matched_gain import match_gain
from colorizer.evaluation.metrics import Truth
from colorizer.evaluation.other_photos import measure_others
from colorizer.evaluation.perceptual import Perception, frechet_distance
from colorizer.evaluation.result_files import write_results
from colorizer.evaluation.results import Evaluation, Report, Scores
from colorizer.evaluation.robustness import measure_aged, measure_sizes, sizes_of
from colorizer.hub.model_names import BASELINES, model_names
from colorizer.pipelines import processes
from colorizer.pipelines.device import checked_device

NUM_SAMPLES = 12

NUM_CURVE_PHOTOS = 250
"""Number of photos for the curves, spread over the dataset."""


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
    other_photos: Mapping[str, PhotoDataset] | None = None,
    perceptual: bool = False,
    baselines: Sequence[str] = BASELINES,
    batch_size: int = 16,
    device: str | torch.device | None = None,
    seed: int = 0,
    token: str | None = None,
    progress: bool = False,
) -> Report:
    """Color the photos of a dataset with every model and compare them with their true colors.

    The prediction is merged with the true photo's own lightness in 8 bits, as in the pipeline, so the metrics measure
    what a user gets. Each model is measured as is, and at matched colorfulness: with its chroma scaled by the gain that
    makes its validation photos as colorful as the true ones. Of the baselines, "gray" has no color, "mean color" has
    the mean ab of the training photos everywhere, and "mean by lightness" has the mean ab of the training pixels of the
    same lightness.

    Each photo is converted once for all models, which stay in memory together. Under `accelerate launch` or `torchrun`
    the photos are split across processes. Every process returns the whole report; the first writes the files.

    Args:
        models: checkpoint names, folders, Hub ids, or models.
        training_photos: split for computing the baselines and the weights of the rebalanced AuC (default: `photos`).
        validation_photos: split on which the gains are chosen (default: `photos`).
        dataset, split: names of the photos in the tables.
        output_dir: folder for table.md, table.csv, evaluation.json, sheet.png (12 photos at fixed places, by every
            model) and sheet-matched.png (the same at matched colorfulness); by default nothing is written.
        by_label: also report results per label.
        aged: also color artificially aged photos.
        size_photos: also measure how much colors change between sizes, on these photos of the largest size to try.
        other_photos: further datasets, by their names in the tables, on which the models are compared with gray.
        perceptual: also compute LPIPS and FID with networks from the Hub; a note reports any that can't be downloaded.
        batch_size: photos per batch and process.
        device: device of the networks (default: the process's own GPU, or the CPU if there is none).
        seed: seed of the bootstrap intervals.
        progress: show a progress bar.

    Raises:
        ColorizerError: no models, an unknown baseline, a missing device, `size_photos` that are too small, or a folder
            that can't be written.
        CheckpointError, HubError: a model can't be loaded.
    """
    if unknown := sorted(set(baselines) - set(BASELINES)):
        raise ColorizerError(f"Unknown baseline: {', '.join(unknown)}. Choose from: {', '.join(BASELINES)}.")
    if not models and not baselines:
        raise ColorizerError("Nothing to evaluate: name at least one model.")
    if size_photos is not None:
        sizes_of(size_photos)  # before the work that would be lost
    names = model_names(models)
    state = processes.join()
    device = state.device if device is None else torch.device(checked_device(device))
    folder = make_folder(output_dir) if output_dir is not None and state.is_main_process else None
    networks = [network_candidate(name, model, device, token) for name, model in zip(names, models, strict=True)]
    colors = color_statistics(training_photos or photos)
    candidates = [*(baseline(name, colors) for name in baselines), *networks]
    with tqdm(total=len(networks), desc="gains", unit="model", disable=not (progress and state.is_main_process)) as bar:
        for candidate in networks:
            gain = match_gain(candidate.color, validation_photos or photos, batch_size=batch_size)
            candidate.add_gain_variants(gain, frozenset(spread(NUM_CURVE_PHOTOS, len(photos))))
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
    perception = Perception(device, token=token) if perceptual else None
    truth = _run(
        candidates, batches, colors.bin_weights(), samples, perception, progress=progress and state.is_main_process
    )
    as_they_are = {candidate.name: candidate.variants[0].averages for candidate in candidates}
    report = Report(
        evaluations=[_summarize(candidate, truth, seed) for candidate in candidates],
        dataset=dataset,
        split=split,
        num_photos=len(photos),
        resolution=photos.resolution,
        true_colorfulness=truth.averages.means()["colorfulness"],
        hardware=_hardware_of(networks, device),
        notes=[
            *_notes(colors, training_photos, validation_photos, networks),
            *(perception.notes if perception else ()),
        ],
        leads=measure_leads(as_they_are, baselines, seed=seed),
        labels=measure_labels(as_they_are, photos) if by_label else None,
        size=measure_sizes(networks, size_photos, seed=seed) if size_photos is not None else None,
        age=measure_aged(networks, photos, seed=seed, batch_size=batch_size) if aged else None,
        others=measure_others(networks, other_photos, seed=seed, batch_size=batch_size) if other_photos else None,
    )
    if folder is not None:
        write_results(report, candidates, photos, samples, folder)
    return report


def _run(
    candidates: Sequence[Candidate],
    batches: PhotoBatches,
    bin_weights: Tensor,
    samples: Sequence[int],
    perception: Perception | None,
    *,
    progress: bool,
) -> Variant:
    """Measure every variant of every candidate on all photos. Return the measurements of the true photos."""
    of_truth = Variant(1.0)
    with processes.photo_threads() as pool, tqdm(total=len(batches), unit="batch", disable=not progress) as bar:
        for batch in batches:
            places = batch["index"].tolist()
            truths = list(pool.map(partial(_truth, bin_weights=bin_weights), batch["rgb"]))
            of_truth.averages.add(batch["index"], {"colorfulness": torch.cat([truth.colorfulness for truth in truths])})
            true_deep = _measure_perception(perception, of_truth, places, [truth.rgb for truth in truths], None)
            lightness = torch.cat([truth.lab[:, :1] for truth in truths])
            for candidate in candidates:
                work = places, batch["rgb"], candidate.color_lightness(lightness), truths
                colored = list(pool.map(partial(_measure, candidate, samples), *work))
                # The other variants, for the curve, have cheap metrics only.
                for number, variant in enumerate(candidate.variants[:2]):
                    _measure_perception(perception, variant, places, [photos[number] for photos in colored], true_deep)
            bar.update()
    for variant in (of_truth, *(variant for candidate in candidates for variant in candidate.variants)):
        variant.gather()
    return of_truth


def _measure_perception(
    perception: Perception | None,
    variant: Variant,
    places: list[int],
    photos: Sequence[Tensor],
    true_deep: list[Tensor] | None,
) -> list[Tensor]:
    """Record LPIPS and FID features of photos, (1, 3, H, W) each. Return the LPIPS features."""
    if perception is None:
        return []
    deep, features = perception.extract_features(torch.cat(list(photos)))
    if features is not None:
        variant.features |= dict(zip(places, features, strict=True))
    if true_deep is not None and (distances := perception.compare(deep, true_deep)):
        variant.averages.add(torch.tensor(places), distances)
    return deep


def _truth(rgb: Tensor, bin_weights: Tensor) -> Truth:
    return Truth(rgb[None].float() / 255, bin_weights=bin_weights).prepare()


def _measure(
    candidate: Candidate, samples: Sequence[int], index: int, rgb: Tensor, ab: Tensor, truth: Truth
) -> list[Tensor]:
    return [
        variant.measure(index, rgb.permute(1, 2, 0).numpy(), ab, truth, is_shown=index in samples)
        for variant in candidate.variants
        if variant.places is None or index in variant.places
    ]


def _summarize(candidate: Candidate, truth: Variant, seed: int) -> Evaluation:
    scores = [_score(variant, truth, seed) for variant in candidate.variants[:2]]
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


def _score(variant: Variant, truth: Variant, seed: int) -> Scores:
    means = variant.averages.means()
    if variant.features:
        places = sorted(truth.features)
        means["fid"] = frechet_distance(*(torch.stack([each.features[i] for i in places]) for each in (variant, truth)))
    return Scores(means, variant.averages.intervals(seed=seed), variant.gain)


def _notes(
    colors: ColorStatistics,
    training_photos: PhotoDataset | None,
    validation_photos: PhotoDataset | None,
    networks: Sequence[Candidate],
) -> list[str]:
    known = "training photos" if training_photos is not None else "the evaluated photos, since no others were given"
    notes = [
        f"The baselines and the weights of the rebalanced AuC are computed from {colors.num_photos:,} of the {known}."
        if training_photos is not None
        else f"The baselines and the weights of the rebalanced AuC are computed from {known}."
    ]
    if networks and validation_photos is None:
        notes.append("The gains are chosen on the evaluated photos, since no validation photos were given.")
    return notes


def hardware(device: torch.device) -> str:
    """Return the name of the GPU, or the CPU with the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    count = torch.get_num_threads()
    return f"{device.type.upper()} ({platform.machine()}), {count} thread{'s' if count > 1 else ''}"


def _hardware_of(networks: Sequence[Candidate], device: torch.device) -> str:
    """Return the hardware, and on a CPU by what the networks are computed."""
    if device.type == "cuda":
        return hardware(device)
    backends = " and ".join(sorted({candidate.backend for candidate in networks}))
    return f"{hardware(device)}, {backends or 'no network'}"

"""Files written by an evaluation: tables, evaluation.json and contact sheets."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from colorizer.atomic_write import lock_folder, write_text
from colorizer.data import PhotoDataset
from colorizer.errors import ColorizerError
from colorizer.evaluation.candidates import Candidate
from colorizer.evaluation.contact_sheets import contact_sheet
from colorizer.evaluation.report_sections import all_tables
from colorizer.evaluation.results import FILE_NAME, MATCHED_SHEET, SHEET, Report, to_json
from colorizer.evaluation.tables import to_csv
from colorizer.hub.model_names import BASELINES
from colorizer.photos.files.saving import save_image


def write_results(
    report: Report, candidates: Sequence[Candidate], photos: PhotoDataset, samples: list[int], folder: Path
) -> None:
    """Write table.md, table.csv, evaluation.json, and contact sheets of the photos at `samples`.

    The sheets show the networks as is, next to gray, and at matched colorfulness.

    Raises:
        ColorizerError: the files can't be written.
    """
    texts = {
        "table.md": all_tables(report),
        "table.csv": to_csv(report),
        FILE_NAME: to_json(report),
    }
    networks = [candidate for candidate in candidates if candidate.network is not None]
    gray = [candidate for candidate in candidates if candidate.name == BASELINES[0]]
    sheets = {SHEET: _sheet([*gray, *networks] or candidates, photos, samples, 0)}
    if networks:
        sheets[MATCHED_SHEET] = _sheet(networks, photos, samples, 1)
    try:
        with lock_folder(folder):  # files of two evaluations would not belong together
            for name, text in texts.items():
                write_text(folder / name, text)
            for name, sheet in sheets.items():
                save_image(sheet, folder / name)
            if not networks:
                (folder / MATCHED_SHEET).unlink(missing_ok=True)  # of an earlier evaluation
    except OSError as error:
        raise ColorizerError(
            f"The results can't be written to {folder}: {error}. Free some space or choose another folder."
        ) from error


def _sheet(candidates: Sequence[Candidate], photos: PhotoDataset, samples: list[int], variant: int) -> Image.Image:
    """Lay out photos at fixed places: by each candidate, at the variant's gain, and in their true colors."""
    truth = photos.batch(samples)["rgb"].permute(0, 2, 3, 1).numpy()
    variants = [candidate.variants[variant] for candidate in candidates]
    rows = [
        (f"photo {index}", [*(each.colored[index] for each in variants), true])
        for index, true in zip(samples, truth, strict=True)
    ]
    gains = ["" if each.gain == 1 else f" × {each.gain:.2f}" for each in variants]
    columns = [f"{candidate.name}{gain}" for candidate, gain in zip(candidates, gains, strict=True)]
    # Small enough to fit many models side by side.
    height = max(96, min(240, 2300 // (len(columns) + 1) - 10))
    return contact_sheet(rows, columns=[*columns, "truth"], height=height)

"""Write the model cards of the package's checkpoints.

python -m colorizer.release.package_cards model_cards
"""

import sys
from pathlib import Path

from colorizer.checkpoints import checkpoint_folder, list_checkpoints
from colorizer.hub.cards import write_card


def write_package_cards(output_dir: str | Path) -> list[Path]:
    """Write the card of every checkpoint of the package into `output_dir` as NAME.md. Return their paths.

    The terms of their training photos are read from training_photos.md in that folder.
    """
    output_dir = Path(output_dir)
    terms = (output_dir / "training_photos.md").read_text(encoding="utf-8").strip()
    return [
        write_card(checkpoint_folder(name), output=output_dir / f"{name}.md", name=name, data_terms=terms)
        for name in list_checkpoints()
    ]


if __name__ == "__main__":
    write_package_cards(sys.argv[1])

"""Train the arms of the protocol, `recipes/protocol.yaml`, each at the rate that the learning-rate finder suggests.

    python -m colorizer.release.protocol [ARM …]

Every arm is a run in `runs/protocol`. One that was interrupted goes on, one that is finished is left alone. Without names,
these are the arms that have no result in `model_cards/protocol` yet.
"""

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from colorizer.atomic_write import write_text
from colorizer.errors import ColorizerError
from colorizer.training import parse_runs, train_runs
from colorizer.training.lr_curve import Curve

RECIPE = Path("recipes/protocol.yaml")
RUNS = Path("runs/protocol")
RESULTS = Path("model_cards/protocol")


def read_arms(recipe: Path = RECIPE) -> dict[str, dict[str, object]]:
    """Return the settings of each arm by its name."""
    content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    return {name: content["settings"] | arm for name, arm in content["arms"].items()}


def train_arm(name: str, settings: Mapping[str, object], folder: Path = RUNS) -> Path:
    """Train an arm, unless its run in `folder` is finished, and return the run's folder."""
    run = folder / name
    if (run / "training.json").exists():
        return run
    run.mkdir(parents=True, exist_ok=True)
    config = folder / f"{name}.yaml"
    write_text(config, yaml.safe_dump(dict(settings) | {"output_dir": str(run)}, sort_keys=False))
    if not (run / "lr_finder.csv").exists():
        train_runs(parse_runs(["--config", str(config), "--find_lr"]))
    rates = [
        word for option, rate in suggested_rates(run / "lr_finder.csv").items() for word in (option, f"{rate:.2g}")
    ]
    resume = ["--resume_from_checkpoint", "latest"] if any(run.glob("checkpoint-*")) else ["--overwrite_output_dir"]
    return train_runs(parse_runs(["--config", str(config), *rates, *resume]))


def suggested_rates(table: Path) -> dict[str, float]:
    """Return the learning-rate arguments that `lr_finder.csv` suggests: the smaller suggestion, for the network's player.

    Raises:
        ColorizerError: a curve suggests no rate; the message says why.
    """
    curves: dict[tuple[str, int], Curve] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            player, starts = row["player"], int(row["starts"])
            curve = curves.setdefault((player, starts), Curve(player, starts))
            curve.add(float(row["learning_rate"]), float(row["loss"]))
    networks = [curve for curve in curves.values() if curve.name != "discriminator"]
    options = ["--learning_rate"] if len(networks) == 1 else ["--pretrain_learning_rate", "--learning_rate"]
    suggestions = [curve.suggest() for curve in networks]
    if reasons := [suggestion.reason for suggestion in suggestions if suggestion.smaller is None]:
        raise ColorizerError(f"{table} suggests no learning rate: {reasons[0]}.")
    return {option: suggestion.smaller for option, suggestion in zip(options, suggestions, strict=True)}


if __name__ == "__main__":
    arms = read_arms()
    for arm in sys.argv[1:] or [name for name in arms if not (RESULTS / f"{name}.json").is_file()]:
        # The run's record names the command that trains this arm alone.
        sys.argv[1:] = [arm]
        print(train_arm(arm, arms[arm]))

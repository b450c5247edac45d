"""Train an approach: `accelerate launch train_accelerate.py --approach NAME --dataset_name DATA --output_dir FOLDER`."""

import sys

from colorizer.launcher import end_with_launcher
from colorizer.lenient_output import lenient_output
from colorizer.programs import run_program


def main() -> None:
    # Imported here, so that importing this file stays cheap.
    from colorizer.training import parse_runs, train_runs

    with lenient_output():
        train_runs(parse_runs())


if __name__ == "__main__":
    end_with_launcher()
    sys.exit(run_program("error", main))

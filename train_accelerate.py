"""Train an approach: `accelerate launch train_accelerate.py --approach NAME --dataset_name DATA --output_dir FOLDER`."""

import sys

from colorizer.errors import ColorizerError, printable, system_reason
from colorizer.launcher import end_with_launcher
from colorizer.lenient_output import lenient_output


def main() -> int:
    end_with_launcher()
    # Imported here, so that importing this file stays cheap.
    from colorizer.training import parse_runs, train_runs

    try:
        with lenient_output():
            train_runs(parse_runs())
    except ColorizerError as error:
        print(printable(f"error: {error}"), file=sys.stderr)
        return 2
    except (OSError, MemoryError) as error:
        print(printable(f"error: {system_reason(error)}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

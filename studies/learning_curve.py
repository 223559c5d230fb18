"""Draws the learning curve of a network again from its history.csv alone, also during the training.

python -m studies.learning_curve saved_models/NAME/history.csv   a picture learning_curve.png beside the file
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from figures.training_figures import best_epoch_of, learning_curve_figure
from networks.network_folder import HISTORY_COLUMNS, NetworkFolder, use_description_of
from plotting import save_figure
from system.errors import InputError, exit_status
from system.files import png_path, posix


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("history", metavar="history.csv", help="of a network in saved_models, or a copy elsewhere")
    parser.add_argument("--output", metavar="FILE.png", help="by default learning_curve.png beside the file")
    given = parser.parse_args(arguments)
    return exit_status(lambda: run(Path(posix(given.history)), given.output))


def run(file: Path, output: str | None) -> None:
    """Draws the figure of a history.csv. Raises InputError if one of the names is not usable; nothing is written."""
    path = png_path(output, file.with_name("learning_curve.png"))
    use_description_of([NetworkFolder(file.parent)])
    table = read_history(file)
    save_figure(learning_curve_figure(table, best_epoch_of(table), f"Training of {file.resolve().parent.name}"), path)
    print(f"Learning curve in {path}")


def read_history(file: Path) -> pd.DataFrame:
    """Reads a history.csv. Raises InputError if it is not one."""
    try:
        table = pd.read_csv(file)
        missing = [name for name in HISTORY_COLUMNS if name not in table]
        if missing or table.empty:
            raise ValueError(f"no column {', '.join(missing)}" if missing else "no epoch yet")
        words = [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]
        if words:
            raise ValueError(f"text in column {', '.join(words)}")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{file}: cannot be read ({reason}); give the history.csv of a network") from error
    return table


if __name__ == "__main__":
    sys.exit(main())

"""Keep the numbers of a run in the book: `python tools/record.py runs/kermany book/reference/kermany-cpu`."""

import argparse
import json
from pathlib import Path

import pandas as pd

from bookchain.provenance import data_sets, executed, makers, resources
from bookchain.provenance_page import MISSING, parameters
from cxrlib.figures.tables import QUALITY_NAMES, SCORE_NAMES

TABLES = {
    "01-preprocessing": ["table-1", "lungs-summary"],
    "02-noise-and-blur": ["readings", "corrupted"],
    "03-pretext-learning": ["kept", "ablation"],
    "07-evaluation": ["table-2", "haarpsi", "table-3", "areas", "operating-points"],
    "08-significance": ["verdicts"],
}
COUNTS = ("tp", "fn", "fp", "tn")
DECIMALS = {"PSNR (dB)": 2, "seconds": 0, "memory (GB)": 1}  # of all else: 3


def record(run: Path, target: Path) -> None:
    """Copy a run's main tables, and say what made them.

    Numbers only: no image, no file name, no path of the machine.

    Args:
        run: Folder of a finished run.
        target: Folder for the CSV files, `resources.csv` (seconds and memory by chapter) and `provenance.json`.

    Raises:
        FileNotFoundError: If the run has no finished chapter.
    """
    notebooks = executed(run)
    target.mkdir(parents=True, exist_ok=True)
    for chapter, names in TABLES.items():
        for name in names:
            source = run / chapter / f"{name}.csv"
            if source.is_file():
                frame = pd.read_csv(source)
                frame = frame[[column for column in frame if not column.endswith("_loss")]]  # one can subtract
                counts = [column for column in COUNTS if column in frame]
                _write(frame.drop(columns=counts), target / f"{chapter[:2]}-{name}.csv")
                if counts:  # in a table of their own, or no phone shows the scores beside them
                    upper = {count: count.upper() for count in counts}
                    _write(frame[["model", *counts]].rename(columns=upper), target / f"{chapter[:2]}-counts.csv")
    _write(resources(run), target / "resources.csv")
    changed = {
        chapter: differing
        for chapter, settings in parameters(run).items()
        if (differing := {name: used for name, (used, own) in settings.items() if used != own})
    }
    provenance = {
        "preset": run.name,
        "started": min(notebook["metadata"]["papermill"]["start_time"] for notebook in notebooks.values())[:16],
        "data sets": data_sets(run).to_dict("records"),
        "made by": _each_once(makers(run)),
        "parameters that differ from the chapters' own": changed,
    }
    (target / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n")


def _each_once(made_by: dict[str, dict]) -> list[dict]:
    """List what made the chapters, each once, with the chapters that it made."""
    found: list[dict] = []
    for chapter, maker in made_by.items():
        made = {name: value for name, value in maker.items() if name != "finished"} or {"commit": MISSING}
        known = next((entry for entry in found if entry | {"chapters": []} == made | {"chapters": []}), None)
        if known is None:
            found.append(known := {"chapters": [], **made})
        known["chapters"].append(chapter)
    return found


def _write(frame: pd.DataFrame, path: Path) -> None:
    frame = frame.rename(columns=SCORE_NAMES | QUALITY_NAMES)
    for name in frame.select_dtypes("float"):
        frame[name] = frame[name].map(f"{{:.{DECIMALS.get(name, 3)}f}}".format, na_action="ignore")
    frame.to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder, for example runs/kermany")
    parser.add_argument("target", type=Path, help="folder for the numbers")
    record(**vars(parser.parse_args()))

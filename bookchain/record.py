"""Keep the numbers of a run in the book: `python -m bookchain.record runs/kermany book/reference/kermany-cpu`."""

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import pandas as pd

from bookchain.plan import DATA
from cxrlib.tables import SCORE_NAMES

TABLES = {
    "01-preprocessing": ["table-1", "lungs-summary"],
    "02-noise-and-blur": ["readings", "corrupted"],
    "03-pretext-learning": ["kept"],
    "07-evaluation": ["table-2", "haarpsi", "table-3", "areas"],
    "08-significance": ["verdicts"],
}
PACKAGES = ("keras", "tensorflow", "numpy", "pandas", "scikit-learn", "opencv-python-headless")


def record(run: Path, target: Path) -> None:
    """Copy a run's main tables, and say what made them.

    Numbers only: no image, no file name, no path of the machine.

    Args:
        run: Folder of a finished run.
        target: Folder for the CSV files, `resources.csv` (seconds and memory by chapter) and `provenance.json`.

    Raises:
        FileNotFoundError: If the run has no finished chapter.
    """
    executed = sorted((run / "executed").glob("*.ipynb"))
    if not executed:
        raise FileNotFoundError(f"{run}: no executed chapter; run `make book` first")
    target.mkdir(parents=True, exist_ok=True)
    for chapter, names in TABLES.items():
        for name in names:
            source = run / chapter / f"{name}.csv"
            if source.is_file():
                _write(pd.read_csv(source), target / f"{chapter[:2]}-{name}.csv")
    _write(resources(run), target / "resources.csv")
    parameters = {path.stem: values for path in executed if (values := _parameters(path))}
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=40"], capture_output=True, text=True)
    provenance = {
        "preset": run.name,
        "commit": commit.stdout.strip() or "unknown",
        "started": min(nbformat.read(path, as_version=4).metadata.papermill.start_time for path in executed)[:16],
        "device": f"{platform.machine()}, {os.cpu_count()} cores, no GPU told of",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "parameters that differ from the chapters' own": parameters,
    }
    (target / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n")


def resources(run: Path) -> pd.DataFrame:
    """Read Snakemake's benchmarks.

    Args:
        run: Folder of a run.

    Returns:
        One row a chapter: chapter, seconds, memory in GB (the largest of the process tree).
    """
    rows = []
    for path in sorted((run / "benchmarks").glob("*.tsv")):
        measured = pd.read_csv(path, sep="\t").iloc[-1]
        rows.append((path.stem, round(measured.s), round(measured.max_rss / 1024, 2)))
    return pd.DataFrame(rows, columns=["chapter", "seconds", "memory (GB)"])


def _parameters(path: Path) -> dict:
    given = nbformat.read(path, as_version=4).metadata.papermill.parameters
    return {name: ("given" if name in DATA else value) for name, value in given.items() if name != "run"}


def _write(frame: pd.DataFrame, path: Path) -> None:
    frame.rename(columns=SCORE_NAMES).to_csv(path, index=False, float_format="%.4g", lineterminator="\n")


def main() -> int:
    """Record one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder, for example runs/kermany")
    parser.add_argument("target", type=Path, help="folder for the numbers")
    arguments = parser.parse_args()
    record(arguments.run, arguments.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The origin of a run's numbers: recorded when a chapter ends, without slow imports, and read for the book."""

import json
import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

MARKER = "complete.json"  # a chapter writes it last: a folder without it is never taken for finished
ROOT = Path(__file__).resolve().parents[1]
GPUS = Path("/proc/driver/nvidia/gpus")  # NVIDIA's driver names its cards here, and no library need be loaded
PACKAGES = (
    *("keras", "numpy", "pandas", "scipy", "scikit-learn", "scikit-image", "statsmodels", "opencv-python-headless"),
    *("pydicom", "matplotlib", "papermill", "snakemake", "jupyter-book"),
)


def environment(root: Path = ROOT) -> dict[str, Any]:
    """Return what this process computes with, in less than 0.3 s: nothing is imported for its version.

    Args:
        root: The project's root.

    Returns:
        `commit` ("unknown" without Git), `backend` of Keras (where this process has loaded Keras), `versions` by
        package, and `machine`: architecture, cores, memory in GB, operating system, and GPU, Keras's devices and the
        number of threads where they are known. No host, user or path.
    """
    keras = sys.modules.get("keras")
    backend = {"backend": keras.backend.backend()} if keras else {}
    versions = {"Python": platform.python_version()}
    for name in (*backend.values(), *PACKAGES):
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    release = re.match(r"[\d.]*\d", platform.release())  # what follows is a distributor's, or a machine's, own
    machine = {
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "threads": os.environ.get("TF_NUM_INTRAOP_THREADS"),  # which the chain sets
        "memory (GB)": _memory(),
        "operating system": f"{platform.system()} {release[0] if release else ''}".strip(),
        "GPU": _gpus(),
        "devices of Keras": _devices(keras),
    }
    known = {name: value for name, value in machine.items() if value}
    return {"commit": _commit(root), **backend, "versions": versions, "machine": known}


def made_by(root: Path = ROOT) -> dict[str, Any]:
    """Return the record that a chapter writes at its end: `environment`, and `finished` (UTC)."""
    try:
        made = environment(root)
    except Exception as error:  # hours of training must not be lost for their label
        made = {"fault": type(error).__name__}
    return made | {"finished": f"{datetime.now(UTC):%Y-%m-%d %H:%M}"}


def executed(run: Path) -> dict[str, dict]:
    """Return the executed chapters of a run: notebooks as JSON, by chapter, in order.

    Raises:
        FileNotFoundError: If there are none.
    """
    paths = sorted((run / "executed").glob("*.ipynb"))
    if not paths:
        raise FileNotFoundError(f"{run}: no executed chapter; run `make book` first")
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def makers(run: Path) -> dict[str, dict[str, Any]]:
    """Return the record of each executed chapter; empty if the run is older than this record."""
    made: dict[str, dict[str, Any]] = dict.fromkeys(executed(run), {})
    for chapter in made:
        with suppress(OSError, ValueError):  # gone or damaged: then the chapter will be executed again
            made[chapter] = json.loads((run / chapter / MARKER).read_text()).get("made_by", {})
    return made


def resources(run: Path) -> pd.DataFrame:
    """Return Snakemake's benchmarks: one row per chapter, with seconds and memory in GB (of its largest process)."""
    rows = []
    for path in sorted((run / "benchmarks").glob("*.tsv")):
        measured = pd.read_csv(path, sep="\t").iloc[-1]
        rows.append((path.stem, round(measured.s), round(measured.max_rss / 1024, 2)))
    return pd.DataFrame(rows, columns=["chapter", "seconds", "memory (GB)"])


def data_sets(run: Path) -> pd.DataFrame:
    """Return the data sets that chapter 1 found: dataset, images, origin, sha256; no row for an older run."""
    path = run / "01-preprocessing" / "data-sets.csv"
    return pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=["dataset", "images", "origin", "sha256"])


def _commit(root: Path) -> str:
    if (root / ".git").exists():  # else Git would tell of a repository that the project happens to lie in
        trusted = f"safe.directory={root.resolve()}"  # the user's own settings are out of reach here
        command = ["git", "-c", trusted, "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=40"]
        with suppress(OSError, subprocess.SubprocessError):
            said = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=10, check=True)
            return said.stdout.strip()
    return "unknown"


def _memory() -> float | None:
    with suppress(AttributeError, ValueError, OSError):  # a system that does not tell
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3, 1)
    return None


def _gpus() -> str:
    with suppress(OSError):
        said = "\n".join(file.read_text() for file in sorted(GPUS.glob("*/information")))
        return ", ".join(re.findall(r"^Model:\s*(.+?)\s*$", said, re.M))
    return ""


def _devices(keras: Any) -> str:
    with suppress(Exception):  # Keras raises what it likes where a backend has no list, as PyTorch's
        return ", ".join(keras.distribution.list_devices())
    return ""

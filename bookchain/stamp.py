"""What a chapter is made by: told as it ends, by the standard library alone, wherever it runs."""

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

ROOT = Path(__file__).resolve().parents[1]
GPUS = Path("/proc/driver/nvidia/gpus")  # NVIDIA's driver names its cards here, and no library need be loaded
PACKAGES = (
    *("keras", "numpy", "pandas", "scipy", "scikit-learn", "scikit-image", "statsmodels", "opencv-python-headless"),
    *("pydicom", "matplotlib", "papermill", "snakemake", "jupyter-book"),
)


def environment(root: Path = ROOT) -> dict[str, Any]:
    """Tell what this process computes with, in less than 0.3 s: nothing is imported for its version.

    Args:
        root: The project's root.

    Returns:
        `commit` ("unknown" without Git), `backend` of Keras (where this process has loaded Keras), `versions` by
        package, and `machine`: architecture, cores, memory in GB, operating system, and GPU and Keras's devices where
        they are known. No host, user or path.
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
        "memory (GB)": _memory(),
        "operating system": f"{platform.system()} {release[0] if release else ''}".strip(),
        "GPU": _gpus(),
        "devices of Keras": _devices(keras),
    }
    known = {name: value for name, value in machine.items() if value}
    return {"commit": _commit(root), **backend, "versions": versions, "machine": known}


def stamp(root: Path = ROOT) -> dict[str, Any]:
    """Give what a chapter writes at its end: `environment`, and `finished` (UTC)."""
    try:
        made = environment(root)
    except Exception as error:  # hours of training must not be lost for their label
        made = {"fault": type(error).__name__}
    return made | {"finished": f"{datetime.now(UTC):%Y-%m-%d %H:%M}"}


def _commit(root: Path) -> str:
    if (root / ".git").exists():  # else Git would tell of a repository that the project happens to lie in
        command = ["git", "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=40"]
        with suppress(OSError, subprocess.SubprocessError):
            told = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=10, check=True)
            return told.stdout.strip()
    return "unknown"


def _memory() -> float | None:
    with suppress(AttributeError, ValueError, OSError):  # a system that does not tell
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3, 1)
    return None


def _gpus() -> str:
    with suppress(OSError):
        told = "\n".join(file.read_text() for file in sorted(GPUS.glob("*/information")))
        return ", ".join(re.findall(r"^Model:\s*(.+?)\s*$", told, re.M))
    return ""


def _devices(keras: Any) -> str:
    with suppress(Exception):  # Keras raises what it likes where a backend has no list, as PyTorch's
        return ", ".join(keras.distribution.list_devices())
    return ""

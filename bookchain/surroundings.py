"""The surroundings that a chapter is executed and a site rendered in: the same on every machine.

A user's settings for Python, Keras, Matplotlib, IPython and Jupyter would reach the numbers or the pages without a
word, and their homes would be written to. So each run has a home of its own, in its folder.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

DROPPED = ("PYTHON", "KERAS_", "TF_", "MPL", "MATPLOTLIB", "IPYTHON", "JUPYTER", "XDG_", "PIP_", "SNAKEMAKE_", "SPHINX")
KEPT = ("TF_FORCE_GPU_", "TF_GPU_")  # what a GPU's memory needs, and no number depends on
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def surroundings(
    root: Path, home: Path, environment: Mapping[str, str], backend: str = "", threads: int = 0
) -> dict[str, str]:
    """Return the environment variables for a process of a run, and create the home folder that they name.

    Args:
        root: The project's root: its code is what is imported.
        home: Folder for all that programs keep of their own: settings, caches, temporary files.
        environment: The user's environment; all but `DROPPED` stays, such as the paths of programs.
        backend: Keras's; empty: that of the environment, or TensorFlow.
        threads: Of one computation; sums of another number of parts differ in their last digits. 0: the cores.

    Returns:
        Environment variables by name.
    """
    root, home = root.resolve(), home.resolve()
    paths = map(Path, filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)))
    added = [str(path) for path in paths if root in path.resolve().parents]  # such as that of another backend
    folders = {
        "HOME": home,
        "TMPDIR": home / "tmp",
        "JOBLIB_TEMP_FOLDER": home / "tmp",
        "XDG_CACHE_HOME": home / "cache",
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "data",
        "XDG_STATE_HOME": home / "state",
        "KERAS_HOME": home / "keras",
        "MPLCONFIGDIR": home / "matplotlib",
        "IPYTHONDIR": home / "ipython",
        "JUPYTER_CONFIG_DIR": home / "jupyter",
        "JUPYTER_DATA_DIR": home / "jupyter",
        "JUPYTER_PATH": home / "jupyter",
    }
    kernel = home / "jupyter" / "kernels" / "python3" / "kernel.json"
    for folder in (*folders.values(), kernel.parent):
        folder.mkdir(parents=True, exist_ok=True)
    # Looked for first, so that no kernel of that name elsewhere is taken for this environment's Python.
    start = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = json.dumps({"argv": start, "display_name": "Python 3 (ipykernel)", "language": "python"})
    if not kernel.is_file() or kernel.read_text() != spec:  # else another chapter's kernel may be reading it
        kernel.write_text(spec)
    kept = {name: value for name, value in environment.items() if not name.startswith(DROPPED) or name.startswith(KEPT)}
    return (
        kept
        | {name: str(folder) for name, folder in folders.items()}
        | dict.fromkeys(THREADS, str(threads or cores()))
        | {
            "KERAS_BACKEND": backend or environment.get("KERAS_BACKEND") or "tensorflow",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PYTHONPATH": os.pathsep.join([str(root), *added]),
            "PYTHONNOUSERSITE": "1",
            "PYTHONUTF8": "1",
            "PYTHONHASHSEED": "0",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_DETERMINISTIC_OPS": "1",  # TensorFlow's choice of thread-safe but varying sums is switched off
        }
    )


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""Clear what a killed run leaves: papermill without its Snakemake, its kernel, and Snakemake's lock.

`python -m bookchain.execute` ends the orphans of this project only, and unlocks only if no run of it is alive.
"""

import shutil
import sys
from pathlib import Path

import psutil

from bookchain.chapter import project_root

STARTED = ("papermill runs/", "tail -f runs/", "ipykernel")  # what the chapter rule's shell starts, and its kernel


def command(process: psutil.Process) -> str:
    """Give a process's command line; empty where it is gone or not ours to see."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def in_project(root: Path) -> list[psutil.Process]:
    """Give the processes whose working directory is the project's root."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()) == root:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def is_run(process: psutil.Process) -> bool:
    """Tell whether a process is Snakemake itself, and not a shell or editor that names it."""
    words = command(process).split()
    return any(Path(word).name == "snakemake" for word in words[:3])


def orphans(root: Path) -> list[psutil.Process]:
    """Give the processes of this project's chapters that no living Snakemake watches over."""
    found = []
    for process in in_project(root):
        try:
            # The chain alone sets this variable for papermill, and papermill hands it to its kernel.
            ours = "CXRLIB_PROGRESS" in process.environ() or "tail -f runs/" in command(process)
            watched = any(is_run(parent) for parent in process.parents())
        except psutil.Error:
            continue
        if ours and not watched and any(part in command(process) for part in STARTED):
            found.append(process)
    return found


def main() -> int:
    """End orphans, then unlock."""
    root = project_root()
    left = orphans(root)
    for process in left:
        print(f"ending what a killed run left: {process.pid} {command(process)[:80]}", file=sys.stderr)
        process.kill()
    psutil.wait_procs(left, timeout=5)
    if not any(is_run(process) for process in in_project(root)):
        shutil.rmtree(root / ".snakemake" / "locks", ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

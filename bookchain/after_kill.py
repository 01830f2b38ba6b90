"""Clear what a killed run leaves: papermill without its Snakemake, its kernel, and Snakemake's lock.

`python -m bookchain.after_kill` ends the orphans of this project only, and unlocks only if no run of it is alive.
"""

import os
import shutil
import sys
from pathlib import Path

import psutil

from bookchain.chapter import project_root


def _here(process: psutil.Process, root: Path) -> bool:
    try:
        return Path(process.cwd()) == root
    except (psutil.Error, OSError):
        return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def living_runs(root: Path) -> list[psutil.Process]:
    """Give the Snakemake processes that work in this project."""
    own = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in own
        and "snakemake" in _command(process)
        and _here(process, root)
        and "papermill" not in _command(process)
    ]


def orphans(root: Path) -> list[psutil.Process]:
    """Give the processes of this project's chapters that no living Snakemake watches over."""
    found = []
    for process in psutil.process_iter():
        command = _command(process)
        if _here(process, root) and (
            "papermill runs/" in command or "tail -f runs/" in command or "ipykernel" in command
        ):
            try:
                above = [_command(parent) for parent in process.parents()]
            except psutil.Error:
                continue
            watched = any("snakemake" in line for line in above)
            by_hand = any("jupyter" in line for line in above)
            if not watched and not by_hand and _started_by_chain(process):
                found.append(process)
    return found


def _started_by_chain(process: psutil.Process) -> bool:
    """The chain alone sets this variable for papermill, and so for its kernel; `tail` is named by its log."""
    try:
        return "CXRLIB_PROGRESS" in process.environ() or "tail -f runs/" in _command(process)
    except psutil.Error:
        return False


def main() -> int:
    """End orphans, then unlock."""
    root = project_root()
    alive = living_runs(root)
    left = orphans(root)
    for process in left:
        print(f"ending what a killed run left: {process.pid} {_command(process)[:80]}", file=sys.stderr)
        for part in [*process.children(recursive=True), process]:
            part.kill()
    psutil.wait_procs(left, timeout=5)
    if not alive:
        shutil.rmtree(root / ".snakemake" / "locks", ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

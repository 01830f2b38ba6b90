"""Write a cohort: a new folder that appears only when it is complete, and worker processes."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from joblib import Parallel, cpu_count, delayed


@contextmanager
def new_folder(root: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `root` that is renamed to `root` when the block ends without an error.

    Args:
        root: Folder to make; it must not exist, or it must be empty.

    Raises:
        FileExistsError: `root` is a file, or a folder that is not empty.
    """
    root = Path(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise FileExistsError(f"{root} is not empty; name a new folder, or delete this one first")
    root.parent.mkdir(parents=True, exist_ok=True)
    partial = root.with_name(f".{root.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        if root.exists():
            root.rmdir()
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _single_threaded(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    # One OpenCV thread a process: the processes already use all cores.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return function(*arguments)
    finally:
        cv2.setNumThreads(threads)


def map_jobs(function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], workers: int | None = None) -> list[Any]:
    """Return the results of `function(*job)` for all jobs, in order, from `workers` processes (default: all cores)."""
    workers = min(workers or cpu_count(), max(len(jobs), 1))
    return Parallel(n_jobs=workers)(delayed(_single_threaded)(function, job) for job in jobs)

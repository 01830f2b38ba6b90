"""Work on many files in several processes: in order, and only a few files ahead of the caller."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from joblib import cpu_count
from joblib.externals.loky import ProcessPoolExecutor

from cxrlib import progress

FEW = 32  # files that are read sooner than processes start


def map_files(
    function: Callable[[str], Any], paths: Sequence[str], workers: int = -1, description: str = "", together: int = 1
) -> Iterator[Any]:
    """Call a function for each file; memory does not grow with the number of files.

    Args:
        function: Function of a path, from a module that the processes can import.
        paths: Files.
        workers: Processes; -1 for one per core. With 1, or few files, this process does the work.
        description: Text of a progress bar; without it there is no bar.
        together: Files that a process gets at once; more than 1 saves time if results are small.

    Yields:
        Results, in the order of the files.

    Raises:
        Exception: Whatever the function raises, when it is the turn of that file.

    >>> list(map_files(len, ["a.png", "b.jpeg"]))
    [5, 6]
    """
    count = cpu_count() if workers == -1 else workers
    here = count == 1 or len(paths) < FEW
    with progress.bar(description, len(paths), " images") if description else nullcontext() as bar:
        for result in map(function, paths) if here else _in_processes(function, list(paths), count, together):
            yield result
            if bar is not None:
                bar.update()


def _in_processes(function: Callable[[str], Any], paths: list[str], count: int, together: int) -> Iterator[Any]:
    ahead = deque()
    # Not joblib's generator, which reads on however slowly its images are used, and holds them all; and not loky's
    # reusable pool, which joblib would take for its own.
    with ProcessPoolExecutor(max_workers=count) as pool:
        for start in range(0, len(paths), together):
            ahead.append(pool.submit(_call, function, paths[start : start + together]))
            if len(ahead) == 2 * count:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()


def _call(function: Callable[[str], Any], paths: list[str]) -> list[Any]:
    return [function(path) for path in paths]

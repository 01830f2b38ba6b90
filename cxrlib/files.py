"""Files that are there when they are whole, and not before, even where the power fails."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def flush_to_disk(path: str | Path) -> None:
    """Wait until what was written to a file is on the disk, where a loss of power cannot reach it.

    Args:
        path: The file; whatever wrote it has closed or flushed it.

    Raises:
        OSError: If there is no such file, or the disk fails.
    """
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def move_into_place(partial: str | Path, path: str | Path) -> None:
    """Give a finished file the name under which others look for it, once all of it is on the disk.

    Without the wait, a loss of power could leave the new name over an empty file: file systems may write a name before
    the content.

    Args:
        partial: The finished file, on the same file system as `path`.
        path: Its new name; what was there before is replaced.

    Raises:
        OSError: If one of the two cannot be written.
    """
    flush_to_disk(partial)
    os.replace(partial, path)
    with suppress(OSError):  # some network file systems cannot flush a folder: there the old name may come back
        folder = os.open(Path(path).parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a name to write to, `partial-` before that of `path`, that becomes `path` when the block ends.

    An error in the block, a kill or a loss of power leaves whatever was at `path` before. So nobody takes half a file
    for a result.

    Args:
        path: The file to be; its folder exists.

    Raises:
        OSError: If the folder takes no file.
    """
    path = Path(path)
    partial = path.with_name(f"partial-{path.name}")
    try:
        yield partial
        move_into_place(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)

"""Files that are there when they are whole, and not before."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield a name to write to, `partial-` before that of `path`, that becomes `path` when the block ends.

    An error in the block, or a kill, leaves whatever was at `path` before. So nobody takes half a file for a result.

    Args:
        path: The file to be; its folder exists.

    Raises:
        OSError: If the folder takes no file.
    """
    path = Path(path)
    partial = path.with_name(f"partial-{path.name}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)

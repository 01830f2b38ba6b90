"""Progress bars: on the terminal, or in the file that the chain follows while a chapter runs."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tqdm import tqdm


@contextmanager
def stream() -> Iterator[TextIO]:
    """Yield what bars are drawn on: the file that CXRLIB_PROGRESS names, or standard error.

    A chapter's own standard error is part of its page; the chain sets the variable to the chapter's log.
    """
    path = os.environ.get("CXRLIB_PROGRESS")
    if not path:
        yield sys.stderr
        return
    with open(path, "a", buffering=1) as log:
        yield log


@contextmanager
def bar(description: str, total: int, unit: str, initial: int = 0) -> Iterator[tqdm]:
    """Draw one bar.

    Args:
        description: What is going on.
        total: Steps in all.
        unit: What a step is.
        initial: Steps that were done before, by a run that was interrupted.

    Yields:
        The bar; its `update` counts.
    """
    with stream() as target:
        options = {"ascii": True, "leave": False, "mininterval": 1}
        with tqdm(desc=description, total=total, unit=unit, initial=initial, file=target, **options) as shown:
            yield shown

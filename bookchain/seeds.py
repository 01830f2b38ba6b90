"""Several seeds of one study: which chapters each seed has for itself, in which folder, and with which number.

The first seed is the book's own run. All others lie in it, in `seed-2`, `seed-3` and so on.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bookchain.presets import PlanError

STEP = 1000  # chapters add small numbers to their seed for streams of their own, so seeds lie further apart
COLLECTED = ("03-pretext-learning", "05-ensembles", "07-evaluation")  # what the tables over all seeds are made from
SPLIT = ("01-preprocessing", "02-noise-and-blur")  # shared by all seeds, unless a preset says `vary_split: true`


def count(given: Any) -> int:
    """Read how many seeds a user asks for.

    Raises:
        PlanError: It is no positive whole number.

    >>> count("3"), count(1)
    (3, 1)
    """
    text = str(given).strip()
    if not (text.isascii() and text.isdigit() and int(text)):
        raise PlanError(f"SEEDS={given}: give a positive whole number, for example make book SEEDS=5")
    return int(text)


def folder(run: str, number: int) -> str:
    """Give the run folder of a seed, counted from 1.

    >>> folder("runs/quick", 1), folder("runs/quick", 3)
    ('runs/quick', 'runs/quick/seed-3')
    """
    return run if number == 1 else f"{run}/seed-{number}"


def value(first: int | None, number: int) -> dict[str, int]:
    """Give the parameter `seed` of a chapter for a seed, counted from 1; nothing for a chapter that has none.

    >>> value(20240702, 2), value(None, 2)
    ({'seed': 20241702}, {})
    """
    return {} if first is None else {"seed": (first + STEP * (number - 1)) % 2**32}  # NumPy's seeds end there


def replicated(needs: Mapping[str, list[str]], vary_split: bool) -> list[str]:
    """List the chapters that each seed executes for itself: those that the tables over all seeds need.

    Args:
        needs: The chapters that each chapter needs, in order.
        vary_split: Each seed has a split, and with it a preprocessing, of its own.

    >>> replicated({"01-preprocessing": [], "04-b": ["01-preprocessing"], "05-ensembles": ["04-b"], "06-c": []}, False)
    ['04-b', '05-ensembles']
    """
    found, waiting = set(), {*COLLECTED} & {*needs}
    while waiting:
        found |= waiting
        waiting = {name for chapter in waiting for name in needs[chapter]} - found
    return [name for name in needs if name in found and (vary_split or name not in SPLIT)]


def link_shared(run: Path, shared: Iterable[str]) -> None:
    """Put links to the chapters that a seed shares into its folder, which is then read like any other run.

    What an earlier run, with a split of its own, left in a link's place is deleted.

    Args:
        run: The seed's folder.
        shared: Names of the chapters, which lie in the folder above.
    """
    for name in shared:
        place = run / name
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        if not place.is_symlink():
            place.symlink_to(Path("..", name), target_is_directory=True)

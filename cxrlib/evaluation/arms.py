"""The role of a classifier in the comparison of starts, read from its name alone.

Pretext arms are named after the encoders of the registered tasks, so an added task gets its role by itself. "Random
start, Den-P's moments" and "Den-P, blocks 1-2" are arms that keep a part of an encoder.
"""

import re
from collections.abc import Iterable, Mapping

import pandas as pd

from cxrlib.evaluation.published import TABLE_3
from cxrlib.restoration.tasks import TASKS

ENSEMBLES = ("SA", "SLSQP-WA", "A-F")
CONTROL = "Dense head"  # of A-F: one dense layer on the same features
TWICE = ", twice"  # behind an arm's name: the average of two trainings of it, the control of SA
BASELINE, RANDOM = "Baseline", "Random start"  # a variant follows after a comma: "Baseline, ImageNet scaling"
ROLES = ("baseline", "random", "pretext", "transplant", "ensemble", "control", "other")
_MOMENTS, _BLOCKS = re.compile(rf"{RANDOM}, (.+)'s moments"), re.compile(r"(.+), blocks? 1(?:-([2-4]))?")


def role(name: str) -> str:
    """Return the role of a classifier, one of `ROLES`.

    >>> [role(name) for name in ("Baseline, ImageNet scaling", "Deb-P", "A-F", "Dense head", "mine")]
    ['baseline', 'pretext', 'ensemble', 'control', 'other']
    >>> [role(name) for name in ("Random start, Den-P's moments", "Den-P, blocks 1-2", "Den-P, twice")]
    ['random', 'transplant', 'control']
    """
    if derived_from(name)[1]:
        return "transplant"
    kind = name.split(",")[0]
    if kind in (BASELINE, RANDOM):
        return "baseline" if kind == BASELINE else "random"
    if name in ENSEMBLES:
        return "ensemble"
    if name == CONTROL or name.endswith(TWICE):
        return "control"
    return "pretext" if name in {task.encoder for task in TASKS.values()} else "other"


def with_role(names: Iterable[str], *roles: str) -> list[str]:
    """Return the names that have one of these roles, in the order of the names.

    Raises:
        ValueError: There is no such role.
    """
    if unknown := set(roles) - set(ROLES):
        raise ValueError(f"no role {', '.join(sorted(unknown))}: choose from {', '.join(ROLES)}")
    return [name for name in names if role(name) in roles]


def derived_from(name: str) -> tuple[str, int]:
    """Return the encoder that an arm keeps a part of, and how many of its first blocks; 0 if it keeps only the moments.

    Returns:
        The encoder and the number of blocks; ("", 0) for any other arm.

    >>> derived_from("Den-P, blocks 1-2"), derived_from("Random start, Den-P's moments"), derived_from("Den-P")
    (('Den-P', 2), ('Den-P', 0), ('', 0))
    """
    if found := _BLOCKS.fullmatch(name):
        return found[1], int(found[2] or 1)
    found = _MOMENTS.fullmatch(name)
    return (found[1], 0) if found else ("", 0)


def controlled_by(control: str) -> str:
    """Give the ensemble that a control belongs to.

    >>> controlled_by("Dense head"), controlled_by("Den-P, twice")
    ('A-F', 'SA')
    """
    return "A-F" if control == CONTROL else "SA"


def controls_of(name: str, names: Iterable[str]) -> list[str]:
    """Return the names that an arm is compared with: baselines and random starts, of moments only its own.

    >>> controls_of("Den-P", ["Baseline", "Deb-P", "Random start, Den-P's moments", "Random start, Deb-P's moments"])
    ['Baseline', "Random start, Den-P's moments"]
    """
    return [other for other in with_role(names, "baseline", "random") if derived_from(other)[0] in ("", name)]


def compared(names: Iterable[str]) -> list[tuple[str, str]]:
    """Give the pairs that the paper's claims are about, and their controls: the one that is to be beaten comes first.

    That is each pretext arm with its controls, each ensemble with its own, and the attention-fuzzy ensemble with the
    paper's other models.

    >>> compared(["Baseline", "Den-P", "SA", "Den-P, twice", "A-F"])
    [('Baseline', 'Den-P'), ('Den-P, twice', 'SA'), ('Baseline', 'A-F'), ('Den-P', 'A-F'), ('SA', 'A-F')]
    """
    names = list(names)
    arms = [(control, name) for name in with_role(names, "pretext") for control in controls_of(name, names)]
    ensembles = [(control, controlled_by(control)) for control in with_role(names, "control")]
    rivals = [(name, "A-F") for name in names if name in {*TABLE_3} - {"A-F"}]
    return arms + [(first, second) for first, second in ensembles + rivals if second in names]


def with_added(names: Iterable[str], available: Iterable[str]) -> list[str]:
    """Return the names, followed by the available pretext arms that the paper does not have.

    So a task that is switched on for pretext learning has an arm in all later chapters by itself.

    >>> with_added(["Baseline", "Den-P"], ["Den-P", "Deb-P", "Fil-P", "A-F"])
    ['Baseline', 'Den-P', 'Fil-P']
    """
    names = list(names)
    return [*names, *(name for name in with_role(available, "pretext") if name not in {*names, *TABLE_3})]


def did_not_learn(history: pd.DataFrame) -> str:
    """Return what kept a network from learning, from the history that `training.train` returns.

    Args:
        history: One row per epoch, with `best` and `state`; a history without states says nothing.

    Returns:
        The state of the epoch whose weights are kept, or "" if it is "learning" or unknown.
    """
    state = history.state[history.best].iloc[0] if "state" in history else ""
    return "" if state == "learning" else state


def notes(states: Mapping[str, str]) -> dict[str, str]:
    """Return the name of each network, followed by its state if it did not learn, for tables and legends.

    >>> notes({"Den-P": "", "Deb-P": "idle"})
    {'Den-P': 'Den-P', 'Deb-P': 'Deb-P (idle)'}
    """
    return {name: f"{name} ({state})" if state else name for name, state in states.items()}


def notice(states: Mapping[str, str]) -> str:
    """Return the notice, in Markdown, that a page shows if some networks did not learn; "" if all did.

    Args:
        states: Name of each network to what `did_not_learn` returns.
    """
    idle = [noted for name, noted in notes(states).items() if noted != name]
    if not idle:
        return ""
    return (
        f"**Did not learn in this run: {', '.join(idle)}.** An idle network is no better than one constant answer, and "
        "a saturated one can no longer learn. Its numbers describe that answer, not a method."
    )

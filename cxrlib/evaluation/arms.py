"""What part a classifier plays in the comparison of starts, known by its name alone.

Pretext arms are named after the encoders of the registered tasks, so that an added task takes its part by itself.
"""

from collections.abc import Iterable

from cxrlib.restoration.tasks import TASKS

ENSEMBLES = ("SA", "SLSQP-WA", "A-F")
BASELINE, RANDOM = "Baseline", "Random start"  # a variant follows after a comma: "Baseline, ImageNet scaling"
ROLES = ("baseline", "random", "pretext", "ensemble", "other")


def role(name: str) -> str:
    """Tell the part of a classifier, one of `ROLES`.

    >>> [role(name) for name in ("Baseline, ImageNet scaling", "Deb-P", "A-F", "mine")]
    ['baseline', 'pretext', 'ensemble', 'other']
    """
    kind = name.split(",")[0]
    if kind in (BASELINE, RANDOM):
        return "baseline" if kind == BASELINE else "random"
    if name in ENSEMBLES:
        return "ensemble"
    return "pretext" if name in {task.encoder for task in TASKS.values()} else "other"


def with_role(names: Iterable[str], *roles: str) -> list[str]:
    """Give those names that have one of these roles, in the order of the names.

    Raises:
        ValueError: There is no such role.
    """
    if unknown := set(roles) - set(ROLES):
        raise ValueError(f"no role {', '.join(sorted(unknown))}: choose of {', '.join(ROLES)}")
    return [name for name in names if role(name) in roles]

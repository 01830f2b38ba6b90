"""The line at the head of every page: what the numbers were made from, and what they are not for."""

from collections.abc import Mapping


def line(sets: Mapping[str, str], origins: Mapping[str, str], table: str = "", seeds: int = 1) -> str:
    """Write the line.

    Args:
        sets: Data set of each purpose, as `Plan.sets` gives them.
        origins: Origin of each purpose's images, as `Plan.origins` gives them.
        table: File name of the reader's own table, if a purpose has it.
        seeds: How many seeds the run has; the pages show the first.
    """
    shown = f" Seed 1 of {seeds}." if seeds > 1 else ""
    if origins["classification"] == "real" and sets["classification"] == "vindr":
        return f"Made from credentialed data (VinDr-PCXR): do not publish these pages.{shown} Not for clinical use."
    whose = {
        "kermany": ("real radiographs", " (Kermany et al. 2018, CC BY 4.0)"),
        "own": (f"images of {table}", ""),
    }
    real = {purpose: whose[sets[purpose]] for purpose, origin in origins.items() if origin == "real"}
    if not real:
        return f"Synthetic demo: not patients, not for clinical use.{shown}"
    if len(set(real.values())) == 1 and len(real) == 2:
        made = f"This run used {''.join(real['restoration'])}."
    else:
        parts = [f"{what} for {purpose}{licence}" for purpose, (what, licence) in real.items()]
        made = f"This run used {' and '.join(parts)}."
        for purpose in origins.keys() - real.keys():
            made = f"{made[:-1]}, a synthetic demo for {purpose}."
    if "own" in sets.values():
        made += " Publish the pages only if you may publish the images."
    return f"{made}{shown} Not for clinical use."

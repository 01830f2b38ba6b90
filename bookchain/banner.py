"""The line at the head of every page: what the numbers were made from, and what they are not for."""

from collections.abc import Mapping


def line(preset: str, sets: Mapping[str, str], origins: Mapping[str, str], table: str = "", seeds: int = 1) -> str:
    """Write the line.

    Args:
        preset: The preset's name.
        sets: Data set of each purpose, as `Plan.sets` gives them.
        origins: Origin of each purpose's images, as `Plan.origins` gives them.
        table: File name of the reader's own table, if a purpose has it.
        seeds: How many seeds the run has; the pages show the first.
    """
    if origins["classification"] == "real" and sets["classification"] == "vindr":
        shown = f" Seed 1 of {seeds}." if seeds > 1 else ""
        return f"Made from credentialed data (VinDr-PCXR): do not publish these pages.{shown} Not for clinical use."
    whose = {
        "kermany": ("real radiographs", " (Kermany et al. 2018, CC BY 4.0)"),
        "own": (f"images of {table}", ""),
    }
    real = {purpose: whose[sets[purpose]] for purpose, origin in origins.items() if origin == "real"}
    if not real:
        made = "This run used synthetic radiographs: none of its numbers describe patients."
    elif len(set(real.values())) == 1 and len(real) == 2:
        made = f"This run used {''.join(real['restoration'])}."
    else:
        parts = [f"{what} for {purpose}{licence}" for purpose, (what, licence) in real.items()]
        made = f"This run used {' and '.join(parts)}."
        for purpose in origins.keys() - real.keys():
            fault = f"none of its numbers on {purpose} describe patients"
            made = f"{made[:-1]}, synthetic ones for {purpose}: {fault}."
    others = "Numbers of the paper and of earlier runs are marked as such."
    if "own" in sets.values():
        others = (
            "The book does not know under which licence or agreement these images are: publish the pages only if "
            f"you may publish the images, which the pages show. {others}"
        )
    shown = f", seed 1 of {seeds}" if seeds > 1 else ""
    return f"{made} {others} Preset {preset}{shown}. Not for clinical use."

"""Pages of a run on the reader's own images: what to read for which word, and captions that claim no radiograph."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

TEMPLATE = Path(__file__).parent / "templates" / "own.md"
FOOTER = "The images of this run are not the book's: neither licence holds for them."
WORDS = {"radiograph": "image", "radiographs": "images", "children": "patients", "child": "patient"}


def notice(run: Path, parameters: Mapping[str, Any]) -> str:
    """Write the note at the head of each chapter that uses the images; "" where none of them are the reader's own.

    Args:
        run: Run folder in which chapter 1 has finished.
        parameters: The parameters that chapter 1 was executed with.
    """
    purposes = [name for name in ("restoration", "classification") if parameters.get(name) == "own"]
    if not purposes:
        return ""
    with (run / "01-preprocessing/classes.csv").open() as file:
        names = [row["name"] for row in csv.DictReader(file)]
    values = {"table": Path(parameters["cohort_table"]).name, "negative": names[0], "positive": names[1]}
    told = {name: re.sub(r"([\\`*_{}\[\]<>$])", r"\\\1", value) for name, value in values.items()}
    return Template(TEMPLATE.read_text()).substitute(told, purposes=" and ".join(purposes))


def reword(text: str) -> str:
    """Take radiographs and children out of a caption.

    >>> reword("A chest radiograph twice; the child's other radiographs as they come.")
    "An image twice; the patient's other images as they come."
    """
    text = re.sub(r"\bChest radiograph", "Radiograph", text)
    text = re.sub(r"\bchest (?=radiograph)", "", text)
    text = re.sub(r"\b([Aa]) (?=radiograph\b)", r"\1n ", text)
    text = re.sub(rf"\b({'|'.join(sorted(WORDS, key=len, reverse=True))})\b", lambda found: WORDS[found[0]], text)
    return re.sub(r"\bRadiograph", "Image", text)


def reword_captions(notebook) -> None:
    """Do so with the captions and alternative texts of all figures of a notebook."""
    for cell in notebook.cells:
        shown = cell.metadata.get("mystnb", {})
        for place, name in (("figure", "caption"), ("image", "alt")):
            if name in shown.get(place, {}):
                shown[place][name] = reword(shown[place][name])

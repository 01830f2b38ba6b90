"""What a run puts on the book's first page: a slider, the audit's main figure, and four lines on what was found."""

from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from string import Template

import nbformat
from bs4 import BeautifulSoup

TEMPLATE = Path(__file__).with_name("templates") / "front.md"
SLIDER = ("07-evaluation", "fig-examples-slider")  # chapter, and name of the figure
FIGURE = ("09-auditing-the-paper", "fig-audit-verdict")


def write(run: Path, book: Path, values: Mapping[str, str]) -> None:
    """Write `front.md`, which book/intro.md includes, and its picture.

    Args:
        run: Run folder with the executed chapters.
        book: Folder of the prose in the site that is being made.
        values: What `findings_page.found` gives.

    Raises:
        ValueError: A chapter does not show its figure.
    """
    html, _ = _shown(run, *SLIDER)
    slider = BeautifulSoup(html["text/html"], "html.parser").select_one(".before-after")
    data, alt = _shown(run, *FIGURE)
    if "image/svg+xml" in data:
        picture, content = "front-audit.svg", data["image/svg+xml"].encode()
    else:
        picture, content = "front-audit.png", b64decode(data["image/png"])
    (book / picture).write_bytes(content)
    front = Template(TEMPLATE.read_text()).substitute(values, slider=slider, picture=picture, alt=" ".join(alt.split()))
    (book / "front.md").write_text(front)


def _shown(run: Path, chapter: str, name: str) -> tuple[dict, str]:
    """Give what a figure's cell shows, by MIME type, and its alternative text."""
    for cell in nbformat.read(run / "executed" / f"{chapter}.ipynb", as_version=4).cells:
        told = cell.metadata.get("mystnb", {})
        if told.get("figure", {}).get("name") == name:
            data = {kind: value for output in cell.outputs for kind, value in output.get("data", {}).items()}
            if {"text/html", "image/png", "image/svg+xml"} & data.keys():
                return data, told.get("image", {}).get("alt", "")
    raise ValueError(f"{run}/executed/{chapter}.ipynb: {name} is not shown; run `make book` to execute it again")

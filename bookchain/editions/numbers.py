"""The numbers of a finished run, put into the sentences of a chapter that nobody has run yet."""

import re
from pathlib import Path

import nbformat
from myst_nb.core.variables import format_plain_text

from bookchain.editions.commonmark import fences

RECORD = "application/papermill.record/"  # what `glue` keeps a value as
ROLE = re.compile(r"\{glue:(text|md)\}`([^`:]+):?([^`]*)`")


def glued(executed: Path) -> dict[str, str]:
    """Give what an executed notebook has glued, each value as it was printed; nothing if there is no such notebook."""
    return glued_in(nbformat.read(executed, as_version=4)) if executed.is_file() else {}


def glued_in(notebook) -> dict[str, str]:
    """Give what the outputs of a notebook have glued, by name: Markdown as its text, else the value as printed."""
    found = {}
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        data = output.get("data", {})
        for kind in ("text/markdown", "text/plain"):  # glued Markdown has both, and prints as an object of Python's
            if RECORD + kind in data:
                found[output.metadata.scrapbook.name] = data[RECORD + kind]
                break
    return found


def with_numbers(notebook, values: dict[str, str]):
    """Put values in place of their names, in the prose and the captions of a notebook.

    Numbers and single words become bold; a name that has no value stays.
    """
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = in_text(cell.source, values)
        elif caption := cell.metadata.get("mystnb", {}).get("figure", {}).get("caption"):
            cell.metadata.mystnb.figure.caption = in_text(caption, values)
    return notebook


def in_text(text: str, values: dict[str, str]) -> str:
    """Put values in place of their names in a text of MyST Markdown.

    >>> in_text("{glue:text}`gain:.1f` dB by {glue:text}`way`, {glue:text}`other`", {"gain": "2.25", "way": "'area'"})
    '**2.2** dB by **area**, {glue:text}`other`'
    """
    lines = text.split("\n")
    for fence in reversed(fences(text)):
        if fence.name == "glue:md" and fence.argument in values:
            lines[slice(*fence.lines)] = [values[fence.argument]]

    def shown(found: re.Match) -> str:
        kind, name, form = found.groups()
        if name not in values:
            return found[0]
        value = values[name] if kind == "md" else format_plain_text(values[name], form or "s")
        return value if kind == "md" or " " in value else f"**{value}**"

    return ROLE.sub(shown, "\n".join(lines))

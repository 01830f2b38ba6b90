"""MyST Markdown of the chapters turned into what JupyterLab, Colab and VS Code show without MyST.

`plain_markdown` turns a text, `plain_notebook` a whole chapter. References keep the book's own numbers: tables,
figures, equations and exercises are counted within their chapter, as Sphinx counts them for the rendered book.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from mdit_py_plugins.colon_fence import colon_fence_plugin
from nbformat.v4 import new_markdown_cell
from pybtex.database import parse_file

from bookchain import quiz
from bookchain.dependencies import read_notebook, sources
from bookchain.provenance import ROOT

ADMONITIONS = {"admonition", "caution", "hint", "important", "note", "seealso", "tip", "warning"}
COMMONMARK = MarkdownIt("commonmark").use(colon_fence_plugin)
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s:]+)\)")
ROLE = re.compile(r"\{([\w:]+)\}`([^`]+)`")


class Fence(NamedTuple):
    """A fenced block: a directive's name (empty for code), the words after it, options, content; and its lines.

    `lines` are its first line in the text, and the one after its last.
    """

    name: str
    argument: str
    options: dict[str, str]
    content: str
    lines: tuple[int, int]


def fences(text: str) -> list[Fence]:
    """Find the fenced blocks of a Markdown text (of backticks or colons) that lie in no other."""
    found = []
    for token in COMMONMARK.parse(text):
        if token.type in {"fence", "colon_fence"}:
            name, argument = re.match(r"(?:\{([\w:-]+)\})?\s*(.*)", token.info.strip()).groups(default="")
            head = re.match(r"(?::[\w-]+:.*\n?)*" if name else "", token.content)[0]
            options = dict(re.findall(r"^:([\w-]+):[ \t]*(.*)", head, re.M))
            found.append(Fence(name, argument, options, token.content[len(head) :].strip("\n"), tuple(token.map)))
    return found


@cache
def labels(root: Path) -> dict[str, str]:
    """Give what a reference to each label of the book reads, for example "Table 2.1"."""
    found = {}
    for path in sources(root):
        counts = Counter()
        for cell in read_notebook(path).cells:
            for name, kind in _numbered(cell):
                counts[kind] += 1
                found[name] = f"{kind} {int(path.name[:2])}.{counts[kind]}"
    return found


def exercise_number(label: str) -> str:
    """Give the number of an exercise, for example "2.1", by its label; the label where the book does not number it."""
    return labels(ROOT).get(label, label).removeprefix("Exercise ")


def _numbered(cell) -> Iterator[tuple[str, str]]:
    """Give label and kind of all that the book numbers in a cell."""
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    if "name" in figure and "caption" in figure:
        yield figure["name"], "Table" if "table" in figure.get("classes", "").split() else "Figure"
    if cell.cell_type == "markdown":
        for fence in fences(cell.source):
            if "label" in fence.options and fence.name in {"math", "exercise"}:
                yield fence.options["label"], {"math": "Equation", "exercise": "Exercise"}[fence.name]


def plain_notebook(notebook):
    """Give a chapter with plain Markdown, and the captions of its outputs below them.

    Raises:
        ValueError: If a text cites what book/references.bib does not have.
    """
    plain = deepcopy(notebook)
    plain.cells = []
    for cell in deepcopy(notebook.cells):
        if cell.cell_type == "markdown":
            cell.source = plain_markdown(cell.source)
        if cell.cell_type != "markdown" or cell.source:
            plain.cells.append(cell)
        for name, _ in _numbered(cell) if cell.cell_type == "code" else ():
            caption = plain_markdown(cell.metadata.mystnb.figure.caption)
            plain.cells.append(new_markdown_cell(f"**{_label(name)}.** {caption}"))
    return plain


def with_equal_ids(notebook):
    """Number the cells of a notebook: nbformat draws ids at random, and equal chapters are to give equal files."""
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    return notebook


def plain_markdown(text: str) -> str:
    """Turn MyST Markdown into plain Markdown; directives and roles that are not known stay as they are.

    Raises:
        ValueError: If the text cites what book/references.bib does not have.
    """
    lines, pieces, position = text.split("\n"), [], 0
    for fence in fences(text):
        first, last = fence.lines
        pieces.append(_inline("\n".join(lines[position:first])))
        shown = _block(fence)
        if shown is None:
            pieces.append("\n".join(lines[first:last]))
        elif shown:
            indent = re.match(r"\s*", lines[first])[0]
            pieces.append("\n".join(f"{indent}{line}".rstrip() for line in shown.split("\n")))
        position = last
    pieces.append(_inline("\n".join(lines[position:])))
    return "\n".join(pieces).strip("\n")


def _block(fence: Fence) -> str | None:
    """Give a directive in plain Markdown; None where it is to stay as it is."""
    label = fence.options.get("label", "")
    if fence.name == "math":
        return _equation(fence.content, label)
    if fence.name == "exercise":
        number = labels(ROOT).get(label, "Exercise")
        title = re.sub(r"^ex-(\d+-)?", "", label).replace("-", " ")
        time = f" ({fence.argument})" if fence.argument else ""
        return f"### {number}: {title}{time}\n\n{plain_markdown(fence.content)}"
    if fence.name == "solution-start":
        return f"**Solution of {_label(fence.argument)}**"
    if fence.name == "solution-end":
        return ""
    if fence.name.startswith("glue:"):
        return _role(fence.name, fence.argument)
    if fence.name == "dropdown":
        return _details(fence.argument, plain_markdown(fence.content))
    if fence.name == "quiz":
        question, answers = quiz.read(fence.content)
        shown = [
            _details(answer.text, f"**{quiz.VERDICTS[answer.right]}** {plain_markdown(answer.feedback)}")
            for answer in answers
        ]
        return "\n\n".join([f"**{_inline(question)}**", *shown])
    if fence.name in ADMONITIONS:
        titled = fence.name == "admonition"
        title = fence.argument if titled else fence.name.capitalize()
        content = plain_markdown(fence.content if titled else f"{fence.argument}\n{fence.content}")
        if "dropdown" in fence.options.get("class", ""):
            return _details(title, content)
        # JupyterLab takes formulas out before it reads the quotation marks: a formula must not hold any.
        content = re.sub(r"\$\$.*?\$\$", lambda found: found[0].replace("\n", " "), content, flags=re.S)
        return "\n".join(f"> {line}".rstrip() for line in f"**{_inline(title)}**\n\n{content}".split("\n"))
    return None


def _equation(formula: str, label: str) -> str:
    formula = re.sub(r"\n\s*\n", "\n", formula.strip())
    if r"\\" in formula and r"\begin{" not in formula:
        formula = f"\\begin{{aligned}}\n{formula}\n\\end{{aligned}}"
    tag = f"\n\\tag{{{_label(label).removeprefix('Equation ').strip('()')}}}" if label else ""
    return f"$$\n{formula}{tag}\n$$"


def _details(title: str, content: str) -> str:
    summary = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(_inline(title), quote=False))
    return f"<details>\n<summary>{summary}</summary>\n\n{content}\n\n</details>"


def _inline(text: str) -> str:
    """Turn what is outside directives: roles and links."""
    text = ROLE.sub(lambda found: _role(found[1], found[2]) or found[0], text)
    return LINK.sub(lambda found: _link(found[1], found[2]) or found[0], text)


def _role(name: str, content: str) -> str | None:
    if name.startswith("glue:"):
        return f"`{content.split(':')[0]}`"
    if name.startswith("cite"):
        return _citation(content, textual=name == "cite:t")
    if name in {"eq", "numref"}:
        return _label(content)
    return content.partition(" <")[0] if name == "term" else None


def _label(name: str) -> str:
    """Give what a reference to a label reads; of one that the book does not have, the label's words."""
    words = re.sub(r"^[a-z]+-(?=.)", "", name).replace("-", " ")
    return labels(ROOT).get(name) or (f"({words})" if name.startswith("eq-") else words)


def _link(text: str, target: str) -> str | None:
    """Give a link between pages in the form that works between files; None for a link that leads elsewhere."""
    page = re.sub(r"(\.md|\.ipynb)?(#.*)?$", "", target)
    source = ROOT / "notebooks" / f"{page}.md"
    if not page or not source.is_file():
        return None
    title = re.search(r"^# (.*)", source.read_text(), re.M)
    return f"[{text or title[1]}]({page}{'.md' if '/' in page else '.ipynb'})"


@cache
def _bibliography() -> dict:
    return dict(parse_file(ROOT / "book" / "references.bib").entries)


def _citation(keys: str, textual: bool) -> str:
    found = []
    for key in keys.replace(" ", "").split(","):
        if key not in _bibliography():
            raise ValueError(f"book/references.bib: no entry {key!r}; add it, or correct the citation")
        entry = _bibliography()[key]
        names = [" ".join(map(str, p.rich_prelast_names + p.rich_last_names)) for p in entry.persons["author"]]
        many = len(names) > 2 or names[-1] == "others"
        authors = f"{names[0]} et al." if many else " & ".join(names)
        found.append(f"{authors} ({entry.fields['year']})" if textual else f"{authors} {entry.fields['year']}")
    return "; ".join(found) if textual else f"({'; '.join(found)})"

"""What the chapters say: every number in prose comes from the run, every table and figure says what it is."""

import re

import pytest
from conftest import ROOT, SOURCES

from bookchain.captions import ORIGINS, PURPOSES
from bookchain.dependencies import code_cells, read_notebook
from bookchain.editions.commonmark import fences

PAGES = sorted((ROOT / "book").glob("*.md"))

NOT_PROSE = (
    # Blocks that are not prose
    r"(?ms)^(`{3,}|:{3,})\{(?:math|bibliography|literalinclude|csv-table|eval-rst|toctree)\}.*?^\1\s*$",
    r"(?ms)^```(?:bash|python|yaml|text)?\n.*?^```\s*$",
    r"(?ms)^\$\$.*?\$\$",
    r"(?m)^[`:]{3,}\{[\w:-]+\}(?: ex-[\w-]+)?",  # the directive's name; what follows a dropdown is its title
    r"(?m)^:\w[\w-]*:.*$",
    r"(?m)^\([\w-]+\)=$",
    r"\{[\w:]+\}`[^`]*`",  # roles: glue, cite, eq, numref, term
    r"`[^`]*`",
    r"\$[^$]*\$",  # numbers of a definition stand in math
    r"\]\([^)]*\)",
    r"https?://\S+",
    r"(?m)^\s*\d+\.(?=\s)",  # numbered lists
    r"CC BY 4\.0|VGG-16|Inception-V3|JPEG 2000|Keras 3|PEP \d+|Python 3\.1\d(?:(?:, | or )3\.1\d)*",  # names
    r"(?i)\b(?:chapters?|sections?|tables?|figures?|equations?|eqs?\.)\s+\d[\d.]*"  # references
    r"(?:(?:,|\s+to|\s+and|, and|-)\s*\d[\d.]*)*",
)
MOVING = r"\b(sliders|thresholds|moving_images)\.\w+\("  # what makes pictures that move


def stray_numbers(text, pattern=r"\S*\d\S*"):
    """Give the numbers in a text that no run made and no definition has."""
    bare = [number for number in re.findall(r"\$\s*([+-]?\d*[.]\d{3,})\s*\$", text)]  # a result dressed as a definition
    for part in NOT_PROSE:
        text = re.sub(part, " ", text)
    return bare + re.findall(pattern, text)


def captions(notebook):
    for cell in code_cells(notebook):
        options = cell.metadata.get("mystnb", {})
        if "figure" in options:
            yield options["figure"], options.get("image", {}), cell


def prose(notebook):
    yield from (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for figure, image, _ in captions(notebook):
        yield figure["caption"]
        yield image.get("alt", "")


def test_numbers_are_found_and_definitions_are_not():
    text = (
        "AUC rose to 0.93 in 12 runs of chapter 7 ($C = 30$, {glue:text}`n`, `x[3]`, VGG-16, Tables 2 and 3, $0.912$)."
    )
    assert stray_numbers(text) == ["0.912", "0.93", "12"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_number_in_a_chapter_comes_from_its_run(source):
    found = {number: text[:80] for text in prose(read_notebook(source)) for number in stray_numbers(text)}
    assert not found, "use glue for a result, math for a definition"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_no_page_tells_a_result_by_hand(page):
    assert not stray_numbers(page.read_text(), r"\S*\d[.]\d\S*|\d+\s?%"), "a result comes from a file or a run"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_captions_are_complete(source):
    found = list(captions(read_notebook(source)))
    assert found
    for figure, image, cell in found:
        kind, classes = figure["name"].partition("-")[0], figure["classes"].split()
        assert kind in {"fig", "tab"}, figure["name"]
        assert ("table" in classes) == (kind == "tab"), figure["name"]
        assert set(classes) & {*PURPOSES, *ORIGINS}, f"{figure['name']}: say what it was made from"
        assert figure["caption"].strip().endswith("."), figure["name"]
        if kind == "fig" and not re.search(MOVING, cell.source):  # those carry their words themselves
            assert len(image.get("alt", "").split()) >= 6, f"{figure['name']}: say what the figure shows"


def test_names_of_tables_and_figures_are_unique_and_used():
    names = [figure["name"] for source in SOURCES for figure, *_ in captions(read_notebook(source))]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_opens_and_closes_as_all_do(source):
    cells = read_notebook(source).cells
    for part in ("- **You will be able to** ", "- **You need** ", "- **In the paper:** "):
        assert part in cells[0].source
    headings = re.findall(r"(?m)^## (.+)$", "\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))
    assert headings[-3:] == ["Check yourself", "Summary", "What the paper leaves open"]
    text = source.read_text()
    assert text.count("{exercise}") >= 2
    assert text.count("{quiz}") >= 2
    posed = [fence for cell in cells if cell.cell_type == "markdown" for fence in fences(cell.source)]
    for fence in posed:
        if fence.name == "exercise":
            assert re.fullmatch(r"about \w+ minutes", fence.argument), fence.options
            assert [inner.argument for inner in fences(fence.content) if inner.name == "dropdown"] == ["Hint"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_chapter_opens_with_a_number_and_three_lines_that_the_run_fills_in(source):
    first = fences(read_notebook(source).cells[0].source)[0]
    assert (first.name, first.argument) == ("admonition", "In one minute")
    assert first.options == {"class": "one-minute"}
    number, _, rest = first.content.partition("\n\n")
    lines = re.split(r"(?m)^- ", rest)[1:]
    assert number.startswith("{glue:text}`"), "a number of the run comes first"
    assert len(lines) == 3
    assert sum("{glue:text}`" in line for line in lines) >= 2, "what was found is the run's to say"


def long_lines(text, width=100):
    """Give the lines of prose that are too long, outside code, math, tables and the heads of directives."""
    lines, found = re.sub(r"(?s)\$\$.*?\$\$", "", text).splitlines(), []
    for fence in fences("\n".join(lines)):
        lines[slice(*fence.lines)] = [""] * (fence.lines[1] - fence.lines[0])
        if fence.name not in ("", "code-cell", "math", "csv-table", "list-table", "eval-rst"):
            found += long_lines(fence.content)
    return found + [line for line in lines if len(line) > width and not re.match(r"\||#", line)]


@pytest.mark.parametrize("path", [*SOURCES, *PAGES, *ROOT.glob("*.md")], ids=lambda path: path.stem)
def test_prose_is_wrapped_and_code_fits_the_page(path):
    assert long_lines(path.read_text()) == []
    code = (cell.source for cell in code_cells(read_notebook(path))) if path in SOURCES else ()
    assert [line for source in code for line in source.splitlines() if len(line) > 88] == []

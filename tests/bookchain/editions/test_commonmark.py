"""Plain Markdown of the chapters: readable without MyST, and with the numbers that the rendered book has."""

import re

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, SOURCES
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookchain.dependencies import read_notebook
from bookchain.editions import commonmark
from bookchain.editions.commonmark import labels, plain_markdown, plain_notebook

OWN_LABELS = {
    "eq-noise": "Equation 2.1",
    "tab-kernels": "Table 2.3",
    "fig-blur": "Figure 2.2",
    "ex-02-sigma": "Exercise 2.2",
}


@pytest.fixture
def own_labels(monkeypatch):
    """The labels of a book that no change of the chapters changes."""
    monkeypatch.setattr(commonmark, "labels", lambda root: OWN_LABELS)


@pytest.mark.parametrize(
    ("myst", "expected"),
    [
        ("in {eq}`eq-noise`,", "in Equation 2.1,"),
        ("in {eq}`eq-else`,", "in (else),"),
        ("{numref}`tab-kernels` and {numref}`fig-blur`", "Table 2.3 and Figure 2.2"),
        ("{term}`logits <logit>` and {term}`quantum\nnoise`", "logits and quantum\nnoise"),
        ("{glue:text}`gain:.1f` dB; {glue:text}`n`; {glue:md}`framing`", "`gain` dB; `n`; `framing`"),
        ("VGG-16 {cite:p}`simonyan2015`.", "VGG-16 (Simonyan & Zisserman 2015)."),
        ("{cite:p}`ronneberger2015, kraft1988`", "(Ronneberger et al. 2015; Kraft 1988)"),
        ("{cite:t}`zunair2021` and {cite:t}`karner2024`", "Zunair & Ben Hamza (2021) and Karner et al. (2024)"),
        ("see [chapter 7](07-evaluation)", "see [chapter 7](07-evaluation.ipynb)"),
        ("see [it](07-evaluation.md#auc)", "see [it](07-evaluation.ipynb)"),
        ("see [running](../book/running)", "see [running](../book/running.md)"),
        ("see [a page](https://example.org/a) or [b](c)", "see [a page](https://example.org/a) or [b](c)"),
        ("$x_{{i}}$ {kbd}`Shift`", "$x_{{i}}$ {kbd}`Shift`"),
    ],
)
def test_roles_links_and_targets(own_labels, myst, expected):
    assert plain_markdown(myst) == expected


@pytest.mark.parametrize(
    ("myst", "expected"),
    [
        ("a\n```{math}\n:label: eq-noise\nx\n```\nb", "a\n$$\nx\n\\tag{2.1}\n$$\nb"),
        ("```{math}\n:label: eq-else\nx\n```", "$$\nx\n\\tag{else}\n$$"),
        ("```{math}\na &= b \\\\\n\nc &= d\n```", "$$\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n$$"),
        (
            "```{exercise}\n:label: ex-02-sigma\n\nIn {eq}`eq-noise`?\n```",
            "### Exercise 2.2: sigma\n\nIn Equation 2.1?",
        ),
        (
            "````{exercise} five minutes\n:label: ex-02-sigma\nWhy?\n\n```{dropdown} Hint\nSo.\n```\n````",
            "### Exercise 2.2: sigma (five minutes)\n\nWhy?\n\n<details>\n<summary>Hint</summary>\n\nSo.\n\n</details>",
        ),
        (
            "```{quiz}\nIs `a`\nin {eq}`eq-noise`?\n\n- [ ] `b` < c.\n\n  Not by {numref}`fig-blur`.\n"
            "- [x] As $d$\n  is.\n\n  So.\n\n  Indeed.\n```",
            "**Is `a` in Equation 2.1?**\n\n"
            "<details>\n<summary><code>b</code> &lt; c.</summary>\n\n**No.** Not by Figure 2.2.\n\n</details>\n\n"
            "<details>\n<summary>As $d$ is.</summary>\n\n**Right.** So.\n\nIndeed.\n\n</details>",
        ),
        ("```{solution-start} ex-02-sigma\n:class: dropdown\n```\n\nSo.", "**Solution of Exercise 2.2**\n\nSo."),
        ("So.\n\n```{solution-end}\n```", "So."),
        (
            ":::{dropdown} Is `a` < {term}`b`?\nNo.\n:::",
            "<details>\n<summary>Is <code>a</code> &lt; b?</summary>\n\nNo.\n\n</details>",
        ),
        (":::{note}\n:class: dropdown\nYes.\n:::", "<details>\n<summary>Note</summary>\n\nYes.\n\n</details>"),
        ("```{tip} Short.\nAnd {eq}`eq-noise`.\n```", "> **Tip**\n>\n> Short.\n> And Equation 2.1."),
        (
            "::::{important}\n```{math}\nx\n```\n::::",
            "> **Important**\n>\n> $$ x $$",
        ),
        ("- a\n  ```{math}\n  x\n  ```\n- b", "- a\n  $$\n  x\n  $$\n- b"),
        ("```{glue:md} framing\n:format: myst\n```", "`framing`"),
        ("```{glossary}\n{eq}`a`\n```", "```{glossary}\n{eq}`a`\n```"),
        (
            "````python\n```{tip}\n{eq}`a` [](07-evaluation)\n```\n````",
            "````python\n```{tip}\n{eq}`a` [](07-evaluation)\n```\n````",
        ),
    ],
)
def test_directives(own_labels, myst, expected):
    assert plain_markdown(myst) == expected


def test_link_without_text_shows_the_pages_title():
    title = re.search(r"^# (.*)", (ROOT / "notebooks/07-evaluation.md").read_text(), re.M)[1]
    assert plain_markdown("of [](07-evaluation) in") == f"of [{title}](07-evaluation.ipynb) in"


def test_unknown_citation_is_named_with_its_remedy():
    with pytest.raises(ValueError, match=r"book/references\.bib: no entry 'nobody1900'; add it, or correct"):
        plain_markdown("{cite:p}`nobody1900`")


def test_captions_stand_below_their_outputs(own_labels):
    figure = {"name": "tab-kernels", "caption": "Kernels of {eq}`eq-noise`.", "classes": "table calculated"}
    cells = [
        new_code_cell("table", metadata={"mystnb": {"figure": figure}}),
        new_markdown_cell("```{solution-end}\n```"),
    ]
    made = plain_notebook(new_notebook(cells=cells))
    assert [cell.source for cell in made.cells] == ["table", "**Table 2.3.** Kernels of Equation 2.1."]
    assert len(cells) == 2


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_myst_is_left_in_a_chapter(path):
    text = "\n".join(cell.source for cell in plain_notebook(read_notebook(path)).cells if cell.cell_type == "markdown")
    assert re.findall(r"\{[a-z]+(?::[a-z]+)?\}`|^[`:]{3,}\{|^:\w+:|\]\(\)|\[\]\(|^\([\w-]+\)=$|\{\{ ", text, re.M) == []
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_numbers_are_those_of_the_rendered_book(project):
    pages = {
        path.stem: BeautifulSoup(
            (project / "runs/tiny/site/_build/html/notebooks" / f"{path.stem}.html").read_text(), "html.parser"
        )
        for path in SOURCES
    }
    compared = 0
    for name, text in labels(project).items():
        kind, _, number = text.rpartition(" ")
        if kind not in {"Equation", "Exercise", "Figure", "Table"}:
            continue
        page = pages[SOURCES[int(number.partition(".")[0]) - 1].stem]
        place = page.find(id=f"equation-{name}" if kind == "Equation" else name)
        assert place, f"{name}: nothing with this label on its page"
        shown = place.select_one(".eqno, .caption-number").text.strip("()¶# \n")
        assert shown == (number if kind == "Equation" else text), name
        compared += 1
    assert compared > 20

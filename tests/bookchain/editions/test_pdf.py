"""The printed book: all chapters on one page, nothing folded away, printed when formulas and pictures are there."""

import re
import shutil
import subprocess

import matplotlib.pyplot as plt
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT

from bookchain.editions import pdf

BANNER = 'Made from "credentialed" data: do not publish. 100 \\ 1'
REFERENCES = "@book{one, author={One, A.}, title={First}, publisher={P}, year={2001}}\n"
REFERENCES += "@book{two, author={Two, B.}, title={Second}, publisher={P}, year={2002}}\n"
INTRO = "# The book\n\nAs {cite:t}`two` says. [See the listing](reference/listing.md).\n"
CHAPTER = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, name: python3}
---
# A chapter

After {cite:t}`one`, $\\frac{1}{2}$ and

$$\\sqrt{x}$$ (eq-root)

![a picture](picture.png)

```{code-cell} ipython3
:tags: [hide-input]
hidden = 1
```

```{exercise}
:label: ex-1
Say why.
```

```{solution-start} ex-1
:class: dropdown
```
Because.
```{solution-end}
```

```{admonition} More
:class: dropdown
Folded words.
```

| a | b |
|---|---|
| 1 | 2 |
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A small assembled site with all that print must cope with."""
    folder = tmp_path_factory.mktemp("run") / "site"
    for place in ("book/_static", "notebooks"):
        (folder / place).mkdir(parents=True)
    shutil.copy(ROOT / "book/_static/print.css", folder / "book/_static")
    (folder / "book/references.bib").write_text(REFERENCES)
    (folder / "book/intro.md").write_text(INTRO)
    (folder / "book/bibliography.md").write_text("# Bibliography\n\n```{bibliography}\n```\n")
    (folder / "book/reference").mkdir()
    (folder / "book/reference/index.md").write_text("# Reference\n\nOn the site.\n")
    (folder / "book/reference/listing.md").write_text("# Listing\n\n## A module\n\nIts code.\n")
    (folder / "notebooks/01-a.md").write_text(CHAPTER)
    plt.imsave(folder / "notebooks/picture.png", [[0, 1], [1, 0]])
    contents = {"format": "jb-book", "root": "book/intro"}
    contents["chapters"] = [{"file": "notebooks/01-a"}, {"file": "book/bibliography"}]
    contents["chapters"] += [{"file": "book/reference/index", "sections": [{"file": "book/reference/listing"}]}]
    (folder / "_toc.yml").write_text(yaml.safe_dump(contents))
    settings = {"html_static_path": ["book/_static"], "html_theme_options": {"announcement": BANNER}}
    config = {
        "title": "The book",
        "bibtex_bibfiles": ["book/references.bib"],
        "execute": {"execute_notebooks": "off"},
        "sphinx": {"extra_extensions": ["sphinx-mathjax-offline", "sphinx_exercise"], "config": settings},
    }
    (folder / "_config.yml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture(scope="module")
def single(site):
    before = sorted(site.rglob("*"))
    page = pdf.one_page(site, site.parent / "printed")
    assert sorted(site.rglob("*")) == before, "the site that is read in a browser is left alone"
    return page


@pytest.fixture(scope="module")
def printed(single):
    """The page to print, in the folder that its links are named from."""
    page = single.parents[1] / "printed.html"
    page.write_text(pdf.printable(single.read_text()))
    return page


@pytest.fixture(scope="module")
def soup(printed):
    return BeautifulSoup(printed.read_text(), "html.parser")


def test_all_chapters_are_there_with_a_list_of_them(soup):
    assert [link.get_text() for link in soup.select(".printed-contents a")] == [
        "A chapter",
        "Bibliography",
        "Reference",
    ]
    for link in soup.select(".printed-contents a"):
        assert soup.find(id=link["href"].removeprefix("#")).name == "section"


def test_pages_below_others_are_not_printed_and_nothing_links_to_them(soup):
    assert "On the site." in soup.get_text()
    assert "Its code." not in soup.get_text()
    assert "See the listing." in soup.get_text()
    there = {element["id"] for element in soup.select("[id]")}
    assert {link["href"][1:] for link in soup.select('a[href^="#"]')} <= there


def test_nothing_is_folded_away_and_nothing_answers_to_a_click(soup):
    assert all(details.has_attr("open") for details in soup.select("details"))
    assert "hidden = 1" in soup.select_one("details").get_text()
    assert {"Because.", "Folded words."} <= {text.get_text().strip() for text in soup.select("p")}
    assert not soup.select("button, .headerlink, aside, nav, input[type=range]")
    assert all("mathjax" in str(script).lower() for script in soup.select("script"))
    assert soup.html["data-theme"] == "light"


def test_files_that_the_page_names_are_there(soup, printed):
    names = [tag.get("href") or tag["src"] for tag in soup.select("link[href], script[src], img")]
    assert any(name.startswith("_images/") for name in names)
    for name in names:
        assert (printed.parent / name.partition("?")[0]).is_file(), name


def test_each_citation_leads_to_its_own_entry(soup):
    cited = {}
    for link in soup.select("a.reference[href*='#entry-']"):
        cited[link.get_text()] = soup.find(id=link["href"].removeprefix("#")).get_text()
    assert len(cited) == 2
    for words, entry in cited.items():
        assert ("First" in entry) == ("One" in words)


def test_banner_stands_on_every_sheet(soup):
    style = soup.select_one("head style").get_text()
    assert r'@top-center { content: "Made from \"credentialed\" data: do not publish. 100 \\ 1"; }' in style


needs_browser = pytest.mark.skipif(not any(map(shutil.which, pdf.BROWSERS)), reason="no Chromium or Chrome here")


def pages(path):
    return len(re.findall(rb"/Type /Page\b", path.read_bytes()))


@needs_browser
def test_prints_sheets_of_a4_one_a_chapter(printed, tmp_path):
    pytest.importorskip("playwright", reason="Playwright is not installed: `make test-browser` brings it")
    target = tmp_path / "book.pdf"
    pdf.print_page(printed, target)
    assert pages(target) == 4
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", target.read_bytes())
    assert {(round(float(w)), round(float(h))) for w, h in boxes} == {(595, 842)}
    if shutil.which("pdftotext"):
        command = ["pdftotext", str(target), "-"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert text.count("do not publish. 100 \\ 1") == 4
        assert "frac" not in text, "formulas are set before the page is printed"
        assert "4/4" in text.replace(" ", "")
        assert "Folded words." in text


@needs_browser
def test_picture_that_is_missing_is_named_not_left_out(printed, tmp_path):
    pytest.importorskip("playwright", reason="Playwright is not installed: `make test-browser` brings it")
    page = printed.with_name("faulty.html")
    page.write_text(re.sub(r'src="_images/[^"]+"', 'src="_images/lost.png"', printed.read_text()))
    with pytest.raises(pdf.PdfError, match="faulty.html: not shown: picture .*lost.png"):
        pdf.print_page(page, tmp_path / "book.pdf")


def test_run_without_a_site_says_what_to_do(tmp_path):
    with pytest.raises(pdf.PdfError, match="no book has been assembled here; run `make book` first"):
        pdf.one_page(tmp_path, tmp_path / "printed")


def test_machine_without_a_browser_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pdf.PdfError, match="install Chromium or Chrome"):
        pdf.browser()

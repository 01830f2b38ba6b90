"""What a page loads and says of itself: tried on a small site that Sphinx builds with the book's own extension."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from pybtex.database import parse_string

from bookchain import pages

CONFIG = f"""
project, extensions = "probe", ["myst_nb", "sphinx_exercise", "sphinx_togglebutton", "bookchain.pages"]
html_theme, html_baseurl, book_date = "sphinx_book_theme", "https://jane.example/book/", "2026-05-04"
templates_path, html_static_path = [{str(ROOT / "book/_templates")!r}], [{str(ROOT / "book/_static")!r}]
html_theme_options = {{"article_footer_items": ["cite.html"]}}
nb_execution_mode, myst_enable_extensions, root_doc = "off", ["dollarmath"], "first"
"""
FIRST = """# First

- A list is no description of a page, however long it is.

This paragraph says what the page is about, and is long enough to be its description.

```{toctree}
second
```
"""
SECOND = """# Second & last

One equation: $x^2$.

```{exercise}
:label: ex-a
Do it.
```

```{solution} ex-a
:class: dropdown
Done.
```

```{exercise}
:label: ex-b
Do it again.
```
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sphinx")
    for name, text in {"conf.py": CONFIG, "first.md": FIRST, "second.md": SECOND}.items():
        (folder / name).write_text(text)
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(folder), str(folder / "html")]
    subprocess.run(command, check=True)
    return folder / "html"


def soup(site, name):
    return BeautifulSoup((site / f"{name}.html").read_text(), "html.parser")


def loaded(page):
    return " ".join(
        tag.get("src") or tag.get("href") for tag in page.select("head script[src], head link[href], script[src]")
    )


def test_a_page_loads_only_what_it_needs(site):
    first, second = (loaded(soup(site, name)) for name in ("first", "second"))
    for part in ("mathjax", "togglebutton"):
        assert part not in first.lower()
        assert part in second.lower()
    assert "fontawesome" not in first + second
    assert not (site / "_static/vendor/fontawesome").exists()
    assert "pydata-sphinx-theme.js" in first


def test_a_page_says_what_it_is_and_where_it_lives(site):
    page = soup(site, "first")
    told = {tag.get("name") or tag.get("property"): tag["content"] for tag in page.select("meta[content]")}
    assert told["description"].startswith("This paragraph says what the page is about")
    assert told["og:image"] == "https://jane.example/book/_static/card.png"
    assert (site / "_static/card.png").is_file()
    assert page.select_one("link[rel=canonical]")["href"] == told["og:url"] == "https://jane.example/book/first.html"
    assert page.title.text == "First", "the root bears no second name"
    assert soup(site, "second").title.text.startswith("Second & last \N{EM DASH} ")


def test_no_id_occurs_twice(site):
    for name in ("first", "second", "search", "404"):
        ids = [tag["id"] for tag in soup(site, name).find_all(id=True)]
        assert len(ids) == len(set(ids)), name
    assert {"ex-a-exercise-content", "ex-b-exercise-content"} <= {
        tag["id"] for tag in soup(site, "second").find_all(id=True)
    }


def test_every_page_can_be_cited(site):
    box = soup(site, "second").select_one("details.cite")
    (entry,) = parse_string(box.pre.text, "bibtex").entries.values()
    assert entry.fields["title"] == r"{Second \& last}"
    assert (entry.fields["year"], entry.fields["date"]) == ("2026", "2026-05-04")
    assert entry.fields["url"] == "https://jane.example/book/second.html"
    assert entry.fields["version"] == pages.CITATION["version"]
    assert [str(author).strip("{}") for author in entry.persons["author"]] == pages.authors()
    assert pages.CITATION["title"] in entry.fields["howpublished"]


def test_root_leads_on_and_a_map_lists_the_pages(site):
    root = soup(site, "index")
    assert root.title.text == pages.CITATION["title"]
    assert root.select_one("meta[http-equiv=refresh]")["content"].endswith("first.html")
    listed = [entry.text for entry in ET.parse(site / "sitemap.xml").iter() if entry.tag.endswith("loc")]
    assert listed == ["https://jane.example/book/first.html", "https://jane.example/book/second.html"]


def test_a_page_for_wrong_addresses_leads_back_from_anywhere(site):
    page = soup(site, "404")
    assert page.base["href"] == "https://jane.example/book/"
    assert page.select_one("article a")["href"] == "first.html"


def test_no_vendors_script_writes_to_the_console(site):
    for name in pages.TALKATIVE:
        assert not re.search(r"console\.\w+\(", (site / name).read_text()), name

"""Chapters in the reader's own browser: loaded when asked for, run whole, with the numbers of the book's run."""

import ast
import gzip
import hashlib
import json
import mimetypes
import re
from collections import namedtuple
from urllib.parse import urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect

from bookchain.editions.lite import CHAPTERS, pure_wheel

# Where the kernel gets Python from: these requests are answered from a folder, and the site is the published one.
PYODIDE = re.compile(r"https://[^/]+/pyodide/v0\.27\.\d+/full/([\w.-]+)")
# Pure stand-ins for what Pyodide publishes and the folder lacks, with what they need.
ADDED = {
    "statsmodels": ["numpy", "scipy", "pandas", "patsy", "packaging"],
    "patsy": ["numpy", "six"],
    "jinja2": ["markupsafe"],
    "markupsafe": [],
}
COMPRESSED = {".js", ".wasm", ".json", ".css", ".html", ".ipynb", ".svg"}  # by those who serve them
FINISHED = """() => document.querySelector("[data-mime-type='application/vnd.jupyter.error']") ||
    [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].every(it => /\\d/.test(it.textContent))"""
PICTURES = {"image/png", "image/svg+xml"}
SECONDS = 600  # for a chapter, on a machine that is busy with other things

Ran = namedtuple("Ran", "texts tables pictures errors bytes promised")


@pytest.fixture(scope="session", params=CHAPTERS)
def stem(request):
    return request.param


@pytest.fixture(scope="session")
def distribution(request, tmp_path_factory):
    """Function that gives the file that Pyodide publishes under a name."""
    folder, added = request.config.getoption("pyodide"), tmp_path_factory.mktemp("pyodide")
    if folder is None:
        pytest.skip("no Pyodide is given; `make test-lite` brings one")
    lock = json.loads((folder / "pyodide-lock.json").read_text())
    for package, needed in ADDED.items():
        wheel = pure_wheel(package, added)
        lock["packages"][package] = {
            **{"name": package, "version": wheel.name.split("-")[1], "file_name": wheel.name, "imports": [package]},
            **{"depends": needed, "install_dir": "site", "package_type": "package", "unvendored_tests": False},
            "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        }
    (added / "pyodide-lock.json").write_text(json.dumps(lock))
    return lambda file: next(place / file for place in (added, folder) if (place / file).is_file())


@pytest.fixture(scope="session")
def ran(stem, site, address, browser, distribution):
    """What a reader sees who presses the button on a chapter's page and runs all cells."""
    loaded = set()

    def answer(route):
        path = distribution(PYODIDE.match(route.request.url)[1])
        loaded.add(path)
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        route.fulfill(path=path, headers={"access-control-allow-origin": "*", "content-type": kind})

    def note(request):
        if request.url.startswith(address):
            loaded.add(site / urlsplit(request.url).path.lstrip("/"))

    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.route(PYODIDE, answer)
        page = context.new_page()
        page.set_default_timeout(1000 * SECONDS)
        page.goto(f"{address}notebooks/{stem}.html")
        page.on("request", note)
        button = page.locator("a.run-here")
        promised = int(re.search(r"(\d+) MB", button.inner_text())[1])
        button.click()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.locator("[data-command='runmenu:run-all']").click()
        page.wait_for_function(FINISHED)
        outputs = page.locator(".jp-OutputArea-output")
        return Ran(
            texts=outputs.filter(has=page.locator("pre")).all_inner_texts(),
            tables=[table.inner_html() for table in outputs.locator("table").all()],
            pictures=outputs.locator("img").count(),
            errors=page.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts(),
            bytes=sum(map(_transferred, loaded)),
            promised=promised,
        )


def _transferred(path):
    data = path.read_bytes() if path.is_file() else b""
    return len(gzip.compress(data, 6) if path.suffix in COMPRESSED else data)


@pytest.fixture(scope="session")
def executed(site, stem):
    """The chapter as the book's run executed it."""
    path = site.parents[2] / "executed" / f"{stem}.ipynb"
    return [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]


def cells(table):
    """Give a table's words, a list a line, without the empty places that pandas leaves in its head."""
    lines = BeautifulSoup(table, "html.parser").find_all("tr")
    words = ([cell.get_text(strip=True) for cell in line.find_all(["th", "td"])] for line in lines)
    return [[word for word in line if word.strip("\xa0")] for line in words]


def test_page_loads_nothing_of_it_before_the_button_is_pressed(stem, site, address, browser):
    if not (site / "lite").is_dir():
        pytest.skip("this site was built without; `make lite` builds it")
    with browser.new_context() as context:
        asked, page = [], context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}notebooks/{stem}.html", wait_until="networkidle")
        expect(page.locator("a.run-here")).to_be_visible()
    assert f"{address}notebooks/{stem}.html" in asked
    assert not [url for url in asked if "/lite/" in url or "pyodide" in url]


def test_whole_chapter_runs(ran, executed):
    assert ran.errors == []
    assert ran.pictures == sum(bool(PICTURES & output.get("data", {}).keys()) for output in executed)
    assert ran.pictures


def test_every_number_is_that_of_the_book(ran, executed):
    """By other versions of NumPy, SciPy and pandas, so to nine digits."""
    printed = dict(line.split(": ", 1) for text in ran.texts for line in text.splitlines() if re.match(r"\w+: ", line))
    book = {}
    for output in executed:
        if scrap := output.get("metadata", {}).get("scrapbook"):
            said = {kind.rpartition("/")[2]: data for kind, data in output.data.items()}
            book[scrap["name"]] = said["markdown"] if "markdown" in said else ast.literal_eval(said["plain"])
    assert len(book) > 20
    assert printed.keys() >= book.keys()
    for key, value in book.items():
        there = printed[key] if isinstance(value, str) else pytest.approx(float(printed[key]), rel=1e-9)
        assert value == there, key


def test_every_table_is_that_of_the_book(ran, executed):
    pages = [output.get("data", {}).get("text/html", "") for output in executed]
    book = [str(table) for page in pages for table in BeautifulSoup(page, "html.parser").find_all("table")]
    assert len(book) > 5
    assert [cells(table) for table in ran.tables] == [cells(table) for table in book]


def test_button_says_how_much_it_loads(ran):
    assert ran.promised == pytest.approx(ran.bytes / 1e6, abs=5)

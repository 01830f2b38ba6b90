"""Headless Chromium before the built site: `make test-browser`, or `pytest tests/browser --site FOLDER`."""

import shutil
from collections import namedtuple
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: CI runs as root, and the browser reads nothing but this site. No name is resolved but our own.
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
]
SIZES = {"wide": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
READY = "Promise.all([document.fonts.ready, window.MathJax?.startup?.promise]).then(() => true)"
UNFOLD = """() => {
    const still = document.createElement("style");
    still.textContent = "*, *::before, *::after { transition: none !important; animation: none !important; }";
    document.head.append(still);
    document.querySelectorAll("details").forEach(details => details.open = true);
    document.querySelectorAll(".toggle-hidden .toggle-button").forEach(button => button.click());
}"""

View = namedtuple("View", "page faults outside")


def pytest_addoption(parser):
    parser.addoption(
        "--pyodide", type=Path, help="folder of a Pyodide, for the tests of what runs in a reader's browser"
    )
    parser.addoption("--site", type=Path, default=ROOT / "runs/quick/site/_build/html", help="folder of the built site")


def pytest_configure(config):
    if not (config.getoption("site") / "index.html").is_file():
        raise pytest.UsageError(f"{config.getoption('site')} holds no site; run `make book` first")


def pytest_generate_tests(metafunc):
    """Give tests their pages.

    `document` is every HTML file; `name` the same less index.html, which only leads on, 404.html, whose links lead from
    the root, and most listings of source code, which are all alike; `chapter` is every chapter. What runs in a reader's
    browser (lite/) is JupyterLite's own, and no page of the book. The scope keeps the tests of a page together, so that
    all of them share its views.
    """
    site = metafunc.config.getoption("site")
    documents = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    documents = [document for document in documents if not document.startswith(("_static/", "lite/"))]
    listings = [document for document in documents if document.startswith("_modules/")]
    chapters = [document for document in documents if document.startswith("notebooks/")]
    names = [document for document in documents if document not in ("index.html", "404.html", *listings[2:])]
    for argument, values in (("document", documents), ("name", names), ("chapter", chapters)):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, values, scope="session")


@pytest.fixture(scope="session")
def site(request):
    return request.config.getoption("site")


@pytest.fixture(scope="session")
def soups(site):
    """Function that gives a page's parsed HTML, each page parsed once."""
    parsed = {}

    def soup(name):
        if name not in parsed:
            parsed[name] = BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser")
        return parsed[name]

    return soup


class QuietHandler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def address(site):
    """Address of a server of the site on a free port, with a slash at its end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(site))) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if executable is None:
        pytest.exit(f"no browser: none of {', '.join(CHROMIUM)} is on the path; install Chromium", returncode=1)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=SWITCHES)
        yield started
        started.close()


@pytest.fixture(scope="session")
def visit(browser, address):
    """Function that opens a page of the site and gives its View: the page, its faults, its requests to other hosts.

    A size, a theme and a purpose have one page, used again: a new one would start a process that compiles all scripts.
    """
    views = {}

    def new_view(size, theme):
        context = browser.new_context(viewport=SIZES[size])
        context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
        view = View(context.new_page(), faults=[], outside=[])
        note = view.faults.append
        view.page.on("requestfailed", lambda request: note(f"failed: {request.url}"))
        view.page.on("response", lambda response: response.status < 400 or note(f"{response.status}: {response.url}"))
        view.page.on("pageerror", lambda error: note(f"script: {error}"))
        view.page.on("console", lambda entry: note(f"console: {entry.text}"))
        ours = (address, "data:", "blob:", "about:")
        view.page.on("request", lambda request: request.url.startswith(ours) or view.outside.append(request.url))
        return view

    def visit(name, size="wide", theme="light", purpose="own"):
        key = size, theme, purpose
        if key not in views:
            views[key] = new_view(size, theme)
        view = views[key]
        view.page.goto("about:blank")  # what the page before still did is not this page's
        view.faults.clear()
        view.outside.clear()
        view.page.goto(address + name)
        view.page.evaluate(READY)
        return view

    return visit


@pytest.fixture(scope="session")
def views(name, visit):
    """One page twice: "dark" on a wide screen and "phone" in light. Tests may unfold it and switch the theme."""
    return {
        "dark": visit(name, "wide", "dark", purpose="shared"),
        "phone": visit(name, "phone", "light", purpose="shared"),
    }


@pytest.fixture
def fresh(visit):
    """Function that opens a page for a test that works on it."""
    return lambda name, size="wide": visit(name, size).page


@pytest.fixture(scope="session")
def unfold():
    """Function that opens all that a page has folded away."""
    return lambda page: page.evaluate(UNFOLD)

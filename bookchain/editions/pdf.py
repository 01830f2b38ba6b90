"""Print the book that a run has rendered: `python -m bookchain.editions.pdf runs/quick` writes runs/quick/book.pdf.

Sphinx puts all chapters onto one page, `printable` takes from it what a sheet of paper cannot do, and Chromium prints
it with book/_static/print.css.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

from bookchain.chapter import project_root
from cxrlib.files import written_whole

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--allow-file-access-from-files", "--disable-gpu", "--no-first-run"]  # fonts lie in files beside the page
FINISHED = "() => Promise.all([document.fonts.ready, window.MathJax?.startup?.promise]).then(() => null)"
FAULTS = """() => [
    ...[...document.images].filter(image => !image.naturalWidth).map(image => `picture ${image.src.slice(0, 200)}`),
    ...[...document.querySelectorAll(".math")].filter(formula => !formula.querySelector("mjx-container"))
        .map(formula => `formula ${formula.textContent}`),
]"""

TEXT_WIDTH = 658  # CSS pixels between the margins of print.css: (210 - 2 * 18) mm at 96 pixels an inch
# One table wider than the paper would make Chromium shrink all pages.
NARROWED = """() => {
    for (const table of document.querySelectorAll("table, mjx-container[display]")) {
        const share = table.parentElement.clientWidth / table.scrollWidth;
        if (share < 1) table.style.zoom = share;
    }
}"""


class PdfError(RuntimeError):
    """A fault that the user can correct; the message names the place and the remedy."""


def one_page(site: Path, target: Path) -> Path:
    """Build the result of `bookchain.site.assemble` as one page, in a folder of its own, and return that page.

    Raises:
        PdfError: If the site is not there, or Sphinx cannot build it.
    """
    if not (site / "_toc.yml").is_file():
        raise PdfError(f"{site}: no book has been assembled here; run `make book` first")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    config = yaml.safe_load((site / "_config.yml").read_text())
    config.setdefault("sphinx", {}).setdefault("extra_extensions", []).append("bookchain.editions.pdf")
    (target / "_config.yml").write_text(yaml.safe_dump(config))
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(site), "--builder", "singlehtml"]
    command += ["--config", str(target / "_config.yml"), "--path-output", str(target)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        raise PdfError(
            f"{site}: Sphinx cannot make one page of it; correct the faults that it names:\n{built.stderr[-2000:]}"
        )
    root = yaml.safe_load((site / "_toc.yml").read_text())["root"]
    return target / "_build" / "singlehtml" / f"{root}.html"


def setup(app) -> dict:
    """Sphinx extension of the single page: what writes a node of HTML writes it here too.

    Sphinx asks the handlers of HTML only where a builder has none of its own; sphinx-exercise gives this one three,
    and Sphinx then knows no other extension's nodes.
    """

    def take_over(app) -> None:
        handlers = app.registry.translation_handlers
        handlers["singlehtml"] = {**handlers.get("html", {}), **handlers.get("singlehtml", {})}

    app.connect("builder-inited", take_over)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def printable(html: str) -> str:
    """Return the single page ready to print: no navigation, no script except MathJax, all unfolded, contents added."""
    page = BeautifulSoup(html, "html.parser")
    article = page.select_one("article.bd-article")
    for unwanted in article.select("script, button, .headerlink, input[type=range]"):
        unwanted.decompose()
    for folded in article.select("details"):
        folded["open"] = ""
    for picture in article.select("img[loading]"):
        del picture["loading"]
    _mend_citations(article)
    _leave_out_pages_below_others(article)
    banner = page.select_one(".bd-header-announcement__content")
    for link in banner.select("a") if banner else ():
        link.decompose()  # it would lead nowhere on paper
    words = " ".join(banner.get_text().split()) if banner else ""
    if title := article.select_one("h1"):
        title.insert_after(_contents(page, article))
    head = [str(tag) for tag in page.select('head title, head link[rel="stylesheet"]')]
    head += [str(tag) for tag in page.select("script") if "mathjax" in str(tag).lower()]
    quoted = words.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'<!DOCTYPE html>\n<html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8">'
        f'{"".join(head)}<link rel="stylesheet" href="_static/print.css">'
        f'<style>@page {{ @top-center {{ content: "{quoted}"; }} }}</style></head>'
        f'<body class="printed"><main>{article}</main></body></html>'
    )


def _mend_citations(article) -> None:
    """Let citations point at their entries: Sphinx numbers them page by page, so numbers repeat on a single page."""
    for entry in article.select("div.citation[id]"):
        number, entry["id"] = entry["id"], f"entry-{entry['id']}"
        for link in article.select(f'a.reference[href$=".html#{number}"]'):
            link["href"] = f"#{entry['id']}"


def _leave_out_pages_below_others(article) -> None:
    """Drop the listings of the code reference, which are as long as all chapters; links to them become plain text."""
    for below in article.select(".toctree-wrapper .toctree-wrapper"):
        below.decompose()
    there = {element["id"] for element in article.select("[id]")}
    for link in article.select('a[href^="#"]'):
        if link["href"][1:] not in there:
            link.unwrap()


def _contents(page: BeautifulSoup, article):
    """Return a list of the chapters, with links to them."""
    contents = page.new_tag("ul", attrs={"class": "printed-contents"})
    for chapter in article.select(".toctree-wrapper > section"):
        heading = chapter.find(["h1", "h2"])
        link = page.new_tag("a", href=f"#{chapter['id']}")
        link.string = heading.get_text()
        item = page.new_tag("li")
        item.append(link)
        contents.append(item)
    return contents


def browser() -> str:
    """Find Chromium, or Chrome.

    Raises:
        PdfError: If none is installed.
    """
    if found := next(filter(None, map(shutil.which, BROWSERS)), None):
        return found
    raise PdfError(f"no browser to print with: install Chromium or Chrome; one of {', '.join(BROWSERS)} must be found")


def print_page(page: Path, target: Path) -> None:
    """Print a page as PDF, when its formulas and pictures are there.

    Raises:
        PdfError: If no browser is there, or a picture or formula of the page cannot be shown.
    """
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]  # Chromium has no sandbox for root
    from playwright.sync_api import sync_playwright  # `make pdf` brings it

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser(), args=flags)
        tab = chromium.new_page(viewport={"width": TEXT_WIDTH, "height": 1000})
        tab.emulate_media(media="print")
        tab.goto(page.resolve().as_uri())
        tab.evaluate(FINISHED)
        if faults := tab.evaluate(FAULTS):
            raise PdfError(f"{page}: not shown: {'; '.join(faults[:5])}; correct the chapter that contains it")
        tab.evaluate(NARROWED)
        with written_whole(target) as partial:
            tab.pdf(path=partial, prefer_css_page_size=True, print_background=True, outline=True, tagged=True)


def main() -> int:
    """Print a run's book."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder, for example runs/quick")
    run = project_root() / parser.parse_args().run
    try:
        single = one_page(run / "site", run / "printed")
        page = run / "printed" / "_build" / "singlehtml" / "printed.html"
        page.write_text(printable(single.read_text()))
        print_page(page, run / "book.pdf")
    except PdfError as error:
        sys.exit(str(error))
    print(f"Open {run / 'book.pdf'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

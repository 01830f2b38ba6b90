"""Sphinx extension: what a page loads, and what it says of itself to search engines and to those who cite it.

The rest of a website, too: a page for addresses that lead nowhere, a map of the site, a title for its root.
"""

import re
import shutil
from collections.abc import Iterable
from html import escape, unescape
from pathlib import Path
from xml.sax.saxutils import escape as escape_xml

import yaml
from docutils import nodes

from bookchain.provenance import ROOT

# What a page loads only if its body holds one of these: script or style sheet (a part of its name or text) to markup.
NEEDED_BY = {
    "mathjax": ('class="math',),
    "thebe": (),
    "togglebutton": ('class="toggle', " dropdown"),
    "toggleHint": ('class="toggle', " dropdown"),
    "toggleOpenOnPrint": ('class="toggle', " dropdown"),
    "clipboard": ('class="highlight',),
    "copybutton": ('class="highlight',),
    "design-tabs": ("sd-tab-set",),
    "sphinx-design": ('class="sd-', " sd-"),
    "mystnb": ('class="cell',),
    "exercise.css": ("exercise", "solution"),
    "pygments": ('class="highlight', "<code"),
    "api.css": ('class="py ', "literal"),
}
# At the head of every page; book/_static/book.js has the function.
CODE_SWITCH = {
    "type": "javascript",
    "javascript": "switchCode()",
    "tooltip": "Show all code, on every page",
    "icon": "fas fa-code",
    "text": "Code",
    "label": "code-switch",
}
# Vendors' scripts that report their own doings to the console.
TALKATIVE = (
    *("_static/scripts/sphinx-book-theme.js", "_static/scripts/pydata-sphinx-theme.js", "_static/togglebutton.js"),
    "search.html",
)
LONGEST_DESCRIPTION = 200  # characters; search engines show about as many


def lean(app, pagename, templatename, context, doctree) -> None:
    """Have a page load what its body needs, and no inline script twice: a second `const` would be an error.

    Add the switch that shows all code: this runs after the theme, which empties the list of buttons.
    """
    context.setdefault("header_buttons", []).insert(0, CODE_SWITCH)
    body = context.get("body") or ""
    unneeded = [part for part, marks in NEEDED_BY.items() if not any(mark in body for mark in marks)]
    for kind in ("script_files", "css_files"):
        kept: dict[str, object] = {}
        for file in context.get(kind, []):
            inline = getattr(file, "attributes", {}).get("body") or ""
            text = inline or str(getattr(file, "filename", file))
            if not any(part.lower() in text.lower() for part in unneeded):
                kept.setdefault(text, file)
        context[kind] = list(kept.values())


def description(doctree: nodes.document | None) -> str:
    """Give the first paragraph of a page that is no part of a list, a table or a box, cut at a word."""
    boxed = (nodes.list_item, nodes.Admonition, nodes.entry, nodes.container, nodes.figure, nodes.field)
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        parent = paragraph.parent
        while parent is not None and not isinstance(parent, boxed):
            parent = parent.parent
        text = re.sub(r" \[[^]]*\d{4}\w?\]", "", " ".join(paragraph.astext().split()))  # without citations
        if parent is None and len(text) > 40:
            return text if len(text) <= LONGEST_DESCRIPTION else text[:LONGEST_DESCRIPTION].rpartition(" ")[0] + " …"
    return ""


def describe(app, pagename, templatename, context, doctree) -> None:
    """Give a page its description, a picture for those who share it, and how to cite it.

    The root has the book's name; other pages have it after their own.
    """
    base, root = app.config.html_baseurl, pagename == app.config.root_doc
    title = unescape(re.sub(r"<[^>]+>", "", context.get("title") or app.config.project))
    if root:
        context["docstitle"] = ""
    told = description(doctree) or CITATION["title"]
    picture = f"{base}_static/card.png" if base else context["pathto"]("_static/card.png", resource=True)
    properties = {"og:type": "website" if root else "article", "og:title": title, "og:site_name": CITATION["title"]}
    properties |= {"og:description": told, "og:image": picture}
    if base:
        properties["og:url"] = context.get("pageurl") or base
    tags = [f'<meta name="description" content="{escape(told)}" />']
    tags += [f'<meta property="{name}" content="{escape(value)}" />' for name, value in properties.items()]
    if pagename == "404":  # a server shows it at any address, and its links have to lead from there
        tags.insert(0, f'<base href="{escape(base or "/")}" />')
    context["metatags"] = "\n    ".join([context.get("metatags", ""), *tags])
    if doctree is not None:
        date = app.config.book_date or str(CITATION.get("date-released", ""))
        context["cite"] = cite(title, pagename, context.get("pageurl") if base else None, date, root)


CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def authors() -> list[str]:
    """List the authors of CITATION.cff: a person with the family name first, a group by its name."""
    return [
        author.get("name") or f"{author['family-names']}, {author['given-names']}" for author in CITATION["authors"]
    ]


def cite(title: str, pagename: str, address: str | None, date: str, whole: bool = False) -> dict[str, str]:
    """Give how to cite a page: as `text`, and as a BibTeX entry, `bibtex`.

    Args:
        title: The page's.
        pagename: What Sphinx calls it, for example notebooks/07-evaluation.
        address: Where it is published; None if nobody knows.
        date: Of the numbers on the page, as YYYY-MM-DD.
        whole: Whether it represents the whole book.
    """
    book, version = CITATION["title"], CITATION["version"]
    where = f"In: {book}, version {version}" if not whole else f"Version {version}"
    text = f"{'; '.join(authors())} ({date[:4]}). {title if not whole else book}. {where}, {date}."
    fields = {
        "author": " and ".join(name if ", " in name else f"{{{name}}}" for name in authors()),
        "title": f"{{{book if whole else title}}}",
        "howpublished": None if whole else f"In: {book}",
        "year": date[:4],
        "date": date,
        "version": version,
        "url": address,
    }
    key = "learning-from-noise" if whole else f"learning-from-noise-{pagename.rpartition('/')[2]}"
    lines = [f"  {name} = {{{value}}},".replace("&", r"\&") for name, value in fields.items() if value]
    return {"text": f"{text} {address or ''}".strip(), "bibtex": "\n".join([f"@misc{{{key},", *lines, "}"])}


def unique_ids(app, doctree: nodes.document) -> None:
    """Name the contents of exercises and solutions after them: sphinx-exercise gives them all one name."""
    for section in doctree.findall(nodes.section):
        if section["ids"] in (["exercise-content"], ["solution-content"]):
            section["ids"] = [f"{section.parent.get('label')}-{section['ids'][0]}"]


def not_found(app) -> Iterable[tuple[str, dict, str]]:
    """Give the page that servers show where there is none, `404.html`."""
    body = (
        "<h1>This page is not here</h1><p>It may have moved, or the address has a slip in it. "
        f'The <a href="{app.config.root_doc}.html">first page</a> leads everywhere, and the '
        '<a href="search.html">search</a> finds every word of the book.</p>'
    )
    yield "404", {"title": "Page not found", "body": body}, "page.html"


def finish(app, error) -> None:
    """Complete the built site: a root with a title, a map for search engines, silent scripts, no id twice."""
    if error or app.builder.name != "html":
        return
    site, base, first = Path(app.outdir), app.config.html_baseurl, f"{app.config.root_doc}.html"
    canonical = f'<link rel="canonical" href="{base}{first}" />' if base else ""
    (site / "index.html").write_text(
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8" /><title>{escape(CITATION["title"])}</title>'
        f'{canonical}<meta http-equiv="refresh" content="0; url={first}" /></head>'
        f'<body><p><a href="{first}">{escape(CITATION["title"])}</a></p></body></html>\n'
    )
    if base:
        pages = sorted(name for name in app.env.found_docs)
        entries = "".join(f"<url><loc>{escape_xml(f'{base}{name}.html')}</loc></url>\n" for name in pages)
        schema = "http://www.sitemaps.org/schemas/sitemap/0.9"
        head = '<?xml version="1.0" encoding="utf-8"?>\n'
        (site / "sitemap.xml").write_text(f'{head}<urlset xmlns="{schema}">\n{entries}</urlset>\n')
    for path in (site / name for name in TALKATIVE):
        path.write_text(re.sub(r"\bconsole\.\w+\(", "void(", path.read_text(encoding="utf-8")), encoding="utf-8")
    search = site / "search.html"
    search.write_text(search.read_text(encoding="utf-8").replace('id="search-input"', 'id="search-field"', 1))
    shutil.rmtree(site / "_static/vendor/fontawesome", ignore_errors=True)  # book/_static/icons.css has the icons


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_config_value("book_date", "", "html")
    app.connect("doctree-read", unique_ids)
    app.connect("html-collect-pages", not_found)
    app.connect("html-page-context", describe, priority=400)  # before the theme drops templates that are empty
    app.connect("html-page-context", lean, priority=900)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

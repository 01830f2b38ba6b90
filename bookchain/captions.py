"""Sphinx extension: numbered tables, captions that say what numbers were made from and by which code, and one repair.

A code cell says in its metadata what its output is (`mystnb: figure: name, caption, classes`). MyST-NB makes a figure
of it; here a figure of class `table` becomes a table with a number of its own, whose caption is the HTML table's. To
each caption come a badge for each origin among the classes and a link to the cell, and to the cell's code links to the
functions of `cxrlib` that it calls.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from inspect import isfunction

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.transforms import SphinxTransform

ORIGINS = ("synthetic", "real", "published", "calculated", "unknown")  # the last: where no run is known
PACKAGES = ("cxrlib", "phantom")  # whose functions a caption links to
EXPLAINED = "book/provenance"  # the page that the banner leads to
PURPOSES = ("restoration", "classification")  # classes whose origin depends on the data that the run was given


class captioned_table(nodes.figure):  # noqa: N801  (docutils names nodes so)
    """An output that counts as a table."""


def origins(classes: list[str], by_purpose: dict[str, str]) -> list[str]:
    """Give the origins of an output, each once, from its classes and the origin of each purpose's data in this run."""
    found = (by_purpose.get(name, "unknown") if name in PURPOSES else name for name in classes)
    return list(dict.fromkeys(name for name in found if name in ORIGINS))


def imported(sources: Iterable[str]) -> dict[str, str]:
    """Give what code cells import of this project's packages: the name they use to the name in full."""
    names = {}
    for tree in filter(None, map(_parsed, sources)):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
                names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def functions(source: str, names: Mapping[str, str]) -> list[str]:
    """Give the functions of this project that a cell calls or passes on, in full, each once, in order.

    `names` is what `imported` gives for the chapter.
    """
    found = []
    for node in ast.walk(_parsed(source) or ast.Module([], [])):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            found.append((node.lineno, node.col_offset, f"{names[node.value.id]}.{node.attr}"))
        elif isinstance(node, ast.Name) and node.id in names:
            found.append((node.lineno, node.col_offset, names[node.id]))
    return [name for name in dict.fromkeys(name for *_, name in sorted(found)) if _is_function(name)]


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except SyntaxError:  # a cell with magics
        return None


def _is_function(name: str) -> bool:
    module, _, function = name.rpartition(".")
    try:
        return isfunction(getattr(import_module(module), function, None))
    except ImportError:  # a variable of the chapter that is called like a module
        return False


def one_head(html: str) -> str:
    """Put the names of a table's index beside those of its columns: pandas gives them a line of their own."""
    page = BeautifulSoup(html, "html.parser")
    for head in page.select("thead"):
        *above, last = head.find_all("tr")
        cells, names = (above[-1].find_all("th") if above else []), last.find_all("th")
        words = [cell.get_text(strip=True) for cell in names]
        count = sum(map(bool, words))
        is_names = count and not any(words[count:]) and len(cells) == len(names)
        if is_names and not any(cell.get_text(strip=True) for cell in cells[:count]):
            for cell, name in zip(cells[:count], names[:count], strict=True):
                cell.replace_with(name.extract())
            last.decompose()
    return str(page)


def with_caption(html: str) -> str:
    """Make a figure's caption the caption of the table in it, and say of each head what it is the head of.

    A table without a row says so. A picture of a table, or a text in its place, keeps its caption.
    """
    page = BeautifulSoup(html, "html.parser")
    table, words = page.find("table"), page.select_one("figcaption > p")
    if table is None or words is None:
        return html
    caption = f"<caption>{words.extract()}</caption>"
    page.figcaption.unwrap()  # docutils ends it with the figure: the table is in it
    for head in table.find_all("th"):
        across = head.find_parent("thead") is not None
        if not head.get_text(strip=True):
            head.name = "td"  # a corner: the head of nothing
        elif across:
            head["scope"] = "colgroup" if int(head.get("colspan", 1)) > 1 else "col"
        else:
            head["scope"] = "rowgroup" if int(head.get("rowspan", 1)) > 1 else "row"
    rows = table.find_all("tr")
    if rows and table.thead and table.thead.find_all("tr") == rows:
        cells = sum(int(cell.get("colspan", 1)) for cell in rows[-1].find_all(["td", "th"]))
        (table.tbody or table).append(
            BeautifulSoup(f'<tr><td class="no-row" colspan="{cells}">none in this run</td></tr>', "html.parser")
        )
    return re.sub(r"<table\b[^>]*>", lambda opened: opened[0] + caption, str(page), count=1)


def visit_table(translator, node) -> None:
    """Begin a captioned table as a figure is begun."""
    node["begins"] = len(translator.body)
    translator.visit_figure(node)


def depart_table(translator, node) -> None:
    """End it, and move its caption into the table: the number is in it only now."""
    translator.depart_figure(node)
    written = translator.body[node["begins"] :]
    translator.body[node["begins"] :] = [with_caption("".join(written))]


class Captions(SphinxTransform):
    """Make tables of figures of class `table`, and complete the captions of all outputs."""

    default_priority = 400

    def apply(self, **_) -> None:
        """Change the document in place."""
        cells = [node for node in self.document.findall(nodes.container) if node.get("nb_element") == "cell_code"]
        self._names = imported(_source(cell) for cell in cells)
        for cell in cells:
            for figure in list(cell.findall(nodes.figure)):
                self._complete(figure, cell)

    def _complete(self, figure: nodes.figure, cell: nodes.container) -> None:
        caption = next((child for child in figure.children if isinstance(child, nodes.caption)), None)
        if caption is None or not figure["names"]:
            return
        if "table" in figure["classes"]:
            figure = self._as_table(figure)
            figure.remove(caption)
            figure.insert(0, caption)
            for output in figure.findall(nodes.raw):
                if "<thead" in output.astext():
                    output.children, output.rawsource = [nodes.Text(one_head(output.astext()))], ""
        target = f"cell-{figure['names'][0]}"
        cell["ids"].append(target)
        for name in origins(figure["classes"], self.config.book_origins):
            caption += [nodes.Text(" "), _badge(name)]
        link = nodes.reference("", "code", refuri=f"#{target}", internal=True)
        caption += [nodes.Text(" "), nodes.inline("", "", link, classes=["made-by"])]
        code = next((part for part in cell.children if part.get("nb_element") == "cell_code_source"), None)
        if code is not None and (links := self._links(cell)):
            code += nodes.paragraph("", "Functions: ", *links, classes=["functions"])

    def _as_table(self, figure: nodes.figure) -> captioned_table:
        table = captioned_table("", *figure.children, **figure.attributes)
        figure.replace_self(table)
        table["classes"].remove("table")  # the theme frames what is called so
        for identifier in table["ids"]:
            self.document.ids[identifier] = table
        return table

    def _links(self, cell: nodes.container) -> list[nodes.Node]:
        links: list[nodes.Node] = []
        for name in functions(_source(cell), self._names):
            label = nodes.literal("", name.rpartition(".")[2])
            xref = pending_xref(
                "", label, refdomain="py", reftype="obj", reftarget=name, refexplicit=True, refwarn=False
            )
            xref["refdoc"] = self.env.docname
            links += [nodes.Text(", "), xref]
        return links[1:]


def _source(cell: nodes.container) -> str:
    """Give a cell's code: its first literal block that is no output."""
    found = (block.astext() for block in cell.findall(nodes.literal_block) if block.parent.get("nb_element"))
    return next(found, "")


def _badge(name: str) -> nodes.inline:
    return nodes.inline("", name, classes=["origin", f"origin-{name}"])


def origin_role(name, rawtext, text, lineno, inliner, options=None, content=None):
    """Set an origin's badge into prose, as the role `origin` does with `real`; the signature is docutils'."""
    if text in ORIGINS:
        return [_badge(text)], []
    message = inliner.reporter.error(f"no origin {text!r}; choose one of {', '.join(ORIGINS)}", line=lineno)
    return [inliner.problematic(rawtext, rawtext, message)], [message]


def banner_link(app, pagename, templatename, context, doctree) -> None:
    """Let the banner of each page lead to the page that says what the numbers were made from."""
    if words := context.get("theme_announcement"):
        context["theme_announcement"] = f'{words} <a href="{context["pathto"](EXPLAINED)}">What is this?</a>'


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_config_value("book_origins", {}, "env")
    app.add_enumerable_node(
        captioned_table,
        "table",
        html=(visit_table, depart_table),
    )
    app.add_role("origin", origin_role)
    app.add_transform(Captions)
    app.connect("html-page-context", banner_link, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

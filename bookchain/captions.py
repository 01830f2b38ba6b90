"""Sphinx extension: numbered tables, and captions that say what the numbers were made from and which code made them.

A code cell says in its metadata what its output is (`mystnb: figure: name, caption, classes`). MyST-NB makes a figure
of it; here a figure of class `table` becomes a table with a number of its own, its caption on top. To each caption come
a badge for each origin among the classes, a link to the cell, and links to the functions of `cxrlib` that it calls.
"""

import ast
from importlib import import_module

from bs4 import BeautifulSoup
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.transforms import SphinxTransform

ORIGINS = ("synthetic", "real", "published", "calculated", "unknown")  # the last: no run has been told of
TASKS = ("restoration", "classification")  # classes whose origin depends on the data that the run was given


class captioned_table(nodes.figure):  # noqa: N801  (docutils names nodes so)
    """An output that counts as a table."""


def origins(classes: list[str], by_task: dict[str, str]) -> list[str]:
    """Give the origins of an output, each once.

    Args:
        classes: Classes of the figure: names of tasks, "published", "calculated", and others, which are passed over.
        by_task: Origin of each task's data in this run, "synthetic" or "real".
    """
    found = (by_task.get(name, "unknown") if name in TASKS else name for name in classes)
    return list(dict.fromkeys(name for name in found if name in ORIGINS))


def functions(source: str, modules: frozenset[str] | set[str]) -> list[str]:
    """Give the functions that a cell calls as `module.function`, each once, in order.

    Args:
        source: The cell's source.
        modules: Names of the package's modules; what is called on anything else is passed over.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell with magics
        return []
    found = [
        (node.lineno, node.col_offset, f"{node.value.id}.{node.attr}")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    ]
    return list(dict.fromkeys(name for *_, name in sorted(found) if name.rpartition(".")[2].islower()))


def reference_name(function: str) -> str | None:
    """Give the name under which the code reference has a function of `cxrlib`.

    Args:
        function: As a chapter calls it, `module.function`.

    Returns:
        `cxrlib.module.function`, with the module that it is written in; None if there is no such function, since a
        chapter's own variable may be called like a module.
    """
    module, _, name = function.rpartition(".")
    found = getattr(import_module(f"cxrlib.{module}"), name, None)
    if not callable(found):
        return None
    return f"cxrlib.{function}" if found.__module__.startswith(f"cxrlib.{module}") else f"{found.__module__}.{name}"


def one_head(html: str) -> str:
    """Put the names of a table's index beside those of its columns: pandas gives them a line of their own.

    Args:
        html: An output; tables in it are as pandas writes them.
    """
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


class Captions(SphinxTransform):
    """Make tables of figures of class `table`, and complete the captions of all outputs."""

    default_priority = 400

    def apply(self, **_) -> None:
        """Change the document in place."""
        for cell in list(self.document.findall(_is_cell)):
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
        caption += [nodes.Text(" "), nodes.inline("", "", *self._links(cell, target), classes=["made-by"])]

    def _as_table(self, figure: nodes.figure) -> captioned_table:
        table = captioned_table("", *figure.children, **figure.attributes)
        figure.replace_self(table)
        table["classes"].remove("table")  # the theme frames what is called so
        for identifier in table["ids"]:
            self.document.ids[identifier] = table
        return table

    def _links(self, cell: nodes.container, target: str) -> list[nodes.Node]:
        links: list[nodes.Node] = [nodes.reference("", "code", refuri=f"#{target}", internal=True)]
        sources = [block.astext() for block in cell.findall(nodes.literal_block) if block.parent.get("nb_element")]
        source = sources[0] if sources else ""
        found = map(reference_name, functions(source, set(self.config.book_modules)))
        for name in dict.fromkeys(filter(None, found)):
            label = nodes.literal("", name.rpartition(".")[2])
            xref = pending_xref(
                "", label, refdomain="py", reftype="obj", reftarget=name, refexplicit=True, refwarn=False
            )
            xref["refdoc"] = self.env.docname
            links += [nodes.Text(", "), xref]
        return links


def _is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _badge(name: str) -> nodes.inline:
    return nodes.inline("", name, classes=["origin", f"origin-{name}"])


def origin_role(name, rawtext, text, lineno, inliner, options=None, content=None):
    """Set an origin's badge into prose, as the role `origin` does with `real`; the signature is docutils'."""
    if text in ORIGINS:
        return [_badge(text)], []
    message = inliner.reporter.error(f"no origin {text!r}; choose one of {', '.join(ORIGINS)}", line=lineno)
    return [inliner.problematic(rawtext, rawtext, message)], [message]


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_config_value("book_origins", {}, "env")
    app.add_config_value("book_modules", [], "env")
    app.add_enumerable_node(
        captioned_table,
        "table",
        html=(lambda self, node: self.visit_figure(node), lambda self, node: self.depart_figure(node)),
    )
    app.add_role("origin", origin_role)
    app.add_transform(Captions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

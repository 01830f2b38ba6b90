"""The code reference in book/api: each module on one page, each public name described there, once."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DIRECTIVE = re.compile(r"^\.\. automodule:: (\S+)\n((?:   :.+\n)*)", re.MULTILINE)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    dotted(path): ast.parse(path.read_text())
    for package in ("cxrlib", "bookchain")
    for path in sorted((ROOT / package).rglob("*.py"))
}
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "book" / "api").glob("*.md"))}
DIRECTIVES = [match.groups() for page in PAGES.values() for match in DIRECTIVE.finditer(page)]
OPTIONS = {module: options for module, options in DIRECTIVES if module in MODULES}


def public(body):
    return {node.name: node for node in body if isinstance(node, DEFINITIONS) and not node.name.startswith("_")}


def excluded(module):
    return set(re.findall(r"\w+", OPTIONS[module].partition(":exclude-members:")[2]))


def all_names(module):
    """Give what `__all__` lists, which is what Sphinx then shows; None where there is none, or it is passed over."""
    for node in MODULES[module].body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return None if ":ignore-module-all:" in OPTIONS[module] else ast.literal_eval(node.value)
    return None


def shown(module):
    """Give each function and class that a module's entry shows, as the module it is written in and its name."""
    tree = MODULES[module]
    own = public(tree.body)
    origin = {name: module for name in own}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            origin |= {alias.name: node.module for alias in node.names}
    names = set(all_names(module) or own) - excluded(module)
    return [(origin[name], name) for name in names if name in origin and name in public(MODULES[origin[name]].body)]


def test_each_module_is_on_exactly_one_page():
    assert Counter(module for module, _ in DIRECTIVES) == Counter(list(MODULES))


def test_each_page_is_in_the_table_of_contents():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    files = [entry["file"] for chapter in chapters for entry in (chapter, *chapter.get("sections", []))]
    assert {f"book/api/{name}" for name in PAGES} == {file for file in files if file.startswith("book/api/")}


def test_each_public_name_is_shown_exactly_once():
    entries = Counter(entry for module in OPTIONS for entry in shown(module))
    assert entries == Counter((module, name) for module in OPTIONS for name in public(MODULES[module].body))


@pytest.mark.parametrize("module", MODULES)
def test_each_public_name_has_a_docstring(module):
    tree = MODULES[module]
    assert ast.get_docstring(tree)
    for name, node in public(tree.body).items():
        members = public(node.body) if isinstance(node, ast.ClassDef) else {}
        bare = [inner for inner, member in {name: node, **members}.items() if not ast.get_docstring(member)]
        assert not bare, f"{module}.{name}: no docstring on {', '.join(bare)}"


@pytest.mark.parametrize("module", OPTIONS)
def test_fields_of_named_tuples_are_left_to_the_docstring(module):
    """Sphinx would show each as "Alias for field number 0"."""
    for origin, name in shown(module):
        node = public(MODULES[origin].body)[name]
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "") == "NamedTuple" for base in node.bases):
            fields = {inner.target.id for inner in node.body if isinstance(inner, ast.AnnAssign)}
            assert fields <= excluded(module), f"{module}: add the fields of {name} to its :exclude-members:"

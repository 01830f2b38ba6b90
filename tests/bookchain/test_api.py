"""The house: each module on one page of the code reference, each name described, and importable from one place only."""

import ast
import re
from collections import Counter

import pytest
import yaml
from conftest import ROOT

from bookchain.dependencies import code

PACKAGES = ("cxrlib", "phantom", "bookchain")
DIRECTIVE = re.compile(r"^\.\. automodule:: (\S+)\n((?:   :.+\n)*)", re.MULTILINE)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {dotted(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}
MODULES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "book" / "api").glob("*.md"))}
OPTIONS = {match[1]: match[2] for page in PAGES.values() for match in DIRECTIVE.finditer(page)}
USERS = {
    **{str(path.relative_to(ROOT)): path.read_text() for path in (*FILES.values(), *(ROOT / "tests").rglob("*.py"))},
    **{path.name: code(path) for path in sorted((ROOT / "notebooks").glob("*.md"))},
}


def defined(module):
    """Give the names that a module makes itself: functions, classes and constants."""
    names = {node.name for node in MODULES[module].body if isinstance(node, DEFINITIONS)}
    assigned = [node for node in MODULES[module].body if isinstance(node, ast.Assign | ast.AnnAssign)]
    stored = (name for node in assigned for name in ast.walk(node) if isinstance(name, ast.Name))
    return names | {name.id for name in stored if isinstance(name.ctx, ast.Store)}


def second_addresses(source):
    """List what a source takes from a module that only passes it on, as `module.name`."""
    found, modules = [], {}
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                if (name := f"{node.module}.{alias.name}") in MODULES:
                    modules[alias.asname or alias.name] = name
                elif alias.name not in defined(node.module):
                    found.append(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            module = modules[node.value.id]
            imports = [n for n in MODULES[module].body if isinstance(n, ast.ImportFrom) and n.module in MODULES]
            passed_on = {alias.asname or alias.name for n in imports for alias in n.names}
            if node.attr in passed_on:
                found.append(f"{module}.{node.attr}")
    return found


@pytest.mark.parametrize("user", USERS)
def test_each_name_has_one_address(user):
    assert second_addresses(USERS[user]) == []


def test_a_second_address_is_seen():
    source = "from bookchain.chapter import MARKER\nfrom bookchain import chapter\nchapter.written_whole"
    assert second_addresses(source) == ["bookchain.chapter.MARKER", "bookchain.chapter.written_whole"]


@pytest.mark.parametrize("module", [name for name, path in FILES.items() if path.name == "__init__.py"])
def test_packages_pass_nothing_on(module):
    assert [type(node) for node in MODULES[module].body] == [ast.Expr], "a docstring, and nothing else"


def test_the_phantom_stands_alone():
    for name, tree in MODULES.items():
        if name.startswith("phantom"):
            imports = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
            assert not imports & {"cxrlib", "bookchain"}, name


def test_each_module_is_on_exactly_one_page():
    listed = [match[1] for page in PAGES.values() for match in DIRECTIVE.finditer(page)]
    assert Counter(listed) == Counter(list(MODULES))


def test_each_page_is_in_the_table_of_contents():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    chapters = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    files = [entry["file"] for chapter in chapters for entry in (chapter, *chapter.get("sections", []))]
    assert {f"book/api/{name}" for name in PAGES} == {file for file in files if file.startswith("book/api/")}


@pytest.mark.parametrize("module", OPTIONS)
def test_fields_of_named_tuples_are_left_to_the_docstring(module):
    """Sphinx would show each as "Alias for field number 0"."""
    classes = [node for node in MODULES[module].body if isinstance(node, ast.ClassDef)]
    tuples = [node for node in classes if any(getattr(base, "id", "") == "NamedTuple" for base in node.bases)]
    fields = {inner.target.id for node in tuples for inner in node.body if isinstance(inner, ast.AnnAssign)}
    assert fields <= set(re.findall(r"\w+", OPTIONS[module].partition(":exclude-members:")[2]))

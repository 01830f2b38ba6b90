"""Chapters for the reader's browser: what they may need, what the notebook holds, and the wheels that go with it."""

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookchain.dependencies import code, declared, import_graph, module_fingerprints, parameter_values
from bookchain.editions import lite
from bookchain.plan import DATA

FIRST_CELL = (ROOT / "bookchain/templates/lite.txt").read_text()
THERE = {"numpy", "IPython", "myst_nb"}  # pandas brings the first, the kernel the second, the first cell the third


def imported(source):
    """Give the packages that a source imports anywhere, less Python's own."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return {name.partition(".")[0] for name in found} - sys.stdlib_module_names


def python(text):
    return "\n".join(line for line in text.splitlines() if not line.startswith("%"))


@pytest.mark.parametrize("chapter", lite.CHAPTERS)
def test_a_chapter_for_the_browser_needs_nothing_that_is_not_loaded_there(chapter):
    path = ROOT / "notebooks" / f"{chapter}.md"
    assert declared(path).needs == []
    assert not set(DATA) & parameter_values(path).keys()
    own = {"cxrlib", "bookchain"}
    needed = imported(code(path))
    for module in module_fingerprints(path, ROOT, import_graph(ROOT, own)):
        place = ROOT.joinpath(*module.split("."))
        needed |= imported((place / "__init__.py" if place.is_dir() else place.with_suffix(".py")).read_text())
    assert {"pandas", "scipy"} <= needed
    assert needed - own <= imported(python(FIRST_CELL)) | THERE


def test_first_cell_gives_a_chapter_a_folder_and_prints_what_is_glued():
    chapter = "\nfrom bookchain.chapter import Chapter\nfrom myst_nb import glue\n"
    chapter += (
        "print(Chapter('09-a', 'runs/quick').folder)\nglue('p', 0.5, display=False)\nglue('said', Markdown('not so'))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "BOOKCHAIN_WRITES"}
    command = [sys.executable, "-c", python(FIRST_CELL) + chapter]
    done = subprocess.run(
        command, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    folder, *glued = done.stdout.splitlines()
    assert glued == ["p: 0.5", "said: not so"]
    assert Path(folder).parts[-3:] == ("runs", "quick-own", "09-a")
    assert ROOT not in Path(folder).parents


def chapter():
    def scrap(name, value, **more):
        data = {"application/papermill.record/text/plain": value}
        data |= {f"application/papermill.record/text/{kind}": text for kind, text in more.items()}
        about = {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
        return new_output("display_data", data=data, metadata=about)

    text = "{glue:md}`said`: {glue:text}`p:.2f` of {glue:text}`who`, not {glue:text}`lost`; [see](08-significance), [it](https://a.org)."
    said = scrap("said", "<IPython.core.display.Markdown object>", markdown="**not so**")
    cells = [new_markdown_cell("# Title"), lite.button("09-a"), new_markdown_cell(text)]
    return new_notebook(
        cells=[
            *cells,
            new_code_cell("1 + 1", outputs=[scrap("p", "0.1234"), scrap("who", "'A-F'"), said], execution_count=7),
        ]
    )


def test_notebook_has_its_numbers_and_no_output_and_links_only_to_what_it_can_reach():
    notebook = lite.browser_notebook(chapter())
    nbformat.validate(notebook)
    opening, first, title, text, cell = notebook.cells
    assert "Nothing here is for clinical use" in " ".join(opening.source.replace("\n>", "\n").split())
    assert first.source.splitlines()[2] == "%pip install --quiet --no-deps cxrlib"
    assert title.source == "# Title"
    assert text.source == "**not so**: **0.12** of **A-F**, not `lost`; see, [it](https://a.org)."
    assert (cell.source, cell.outputs, cell.execution_count) == ("1 + 1", [], None)
    assert nbformat.writes(notebook) == nbformat.writes(lite.browser_notebook(chapter()))


def test_the_site_has_the_edition_once_its_packages_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "lite").mkdir()
    assert lite.packages() is None  # an installation that was cut short
    (tmp_path / "lite" / "installed").touch()
    assert lite.packages() == tmp_path / "lite"


def test_a_pure_wheel_is_installed_by_pip_and_holds_nothing_compiled(tmp_path):
    wheel = lite.pure_wheel("markupsafe", tmp_path)
    assert wheel.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".so", ".pyc"))]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-qq",
        "--no-index",
        "--no-deps",
        "--target",
        tmp_path / "there",
        wheel,
    ]
    subprocess.run(pip, check=True)
    run = "import markupsafe; print(markupsafe.__file__, markupsafe.escape('<'))"
    done = subprocess.run(
        [sys.executable, "-c", run], env={"PYTHONPATH": tmp_path / "there"}, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == [str(tmp_path / "there" / "markupsafe" / "__init__.py"), "&lt;"]


def test_own_wheel_holds_the_code_and_leaves_the_project_as_it_was(tmp_path):
    before = set(ROOT.iterdir())
    lite.own_wheel(ROOT, tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"cxrlib/evaluation/audit.py", "bookchain/chapter.py", "bookchain/templates/lite.txt"} <= set(names)
    assert set(ROOT.iterdir()) == before

"""Chapters that run in the reader's own browser, without a server: JupyterLite, in the folder `lite` of the site.

JupyterLite's packages are no part of the book's environment. `make lite` puts them into a folder of their own; from
then on each rendering of the site has this edition. Python itself (Pyodide) and the packages that a chapter computes
with come from where Pyodide publishes them, when a reader asks for them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell
from wheel.wheelfile import WheelFile

from bookchain.editions.commonmark import plain_notebook, with_equal_ids
from bookchain.editions.numbers import glued_in, with_numbers

CHAPTERS = ("09-auditing-the-paper",)  # they need no data, no other chapter and no TensorFlow
MEGABYTES = 70  # what a first visit loads, most of it Python's packages; a browser test measures it
TEMPLATES = Path(__file__).parents[1] / "templates"
KERNEL = "@jupyterlite/pyodide-kernel-extension"
SETTINGS = {
    "appName": "The book in your browser",
    # Chapters write to memory, so no worker has to serve their files; the others lead to what is not built.
    "disabledExtensions": [
        "@jupyterlite/application-extension:service-worker-manager",
        "@jupyter-notebook/notebook-extension:checkpoints",
        "@jupyter-notebook/notebook-extension:tab-icon",
        "@jupyterlite/notebook-application-extension:logo",
    ],
    "litePluginSettings": {f"{KERNEL}:kernel": {"disablePyPIFallback": True}},  # nothing from anywhere else
}
RELATIVE_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)\s]+\)")  # to pages that this edition has not


def packages() -> Path | None:
    """Give the folder that `make lite` has put JupyterLite's packages into; None where it has not."""
    folder = Path(sys.prefix) / "lite"
    return folder if (folder / "installed").is_file() else None


def button(chapter: str):
    """Make the cell of a chapter's page with the link to this edition; the page loads nothing of it by itself."""
    address = f"../lite/notebooks/index.html?path={chapter}.ipynb"
    words = f"Run in your browser (loads about {MEGABYTES} MB)"
    link = f'<a class="run-here sd-btn sd-btn-outline-primary" href="{address}">{words}</a>'
    return new_markdown_cell(link, metadata={"edition": "page"})


def browser_notebook(chapter):
    """Give a chapter as the notebook that runs in a browser.

    Args:
        chapter: The chapter as the site has it, with the outputs of its execution.

    Returns:
        Notebook in plain Markdown, without outputs, its glued numbers in the text, with a first cell that loads what
        the chapter computes with.
    """
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python", "display_name": "Python (Pyodide)"}})
    notebook.cells = [cell for cell in chapter.cells if cell.metadata.get("edition") != "page"]
    notebook = with_numbers(notebook, glued_in(notebook))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook = plain_notebook(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = RELATIVE_LINK.sub(r"\1", cell.source)
    opening, first = ((TEMPLATES / name).read_text().strip() for name in ("lite.md", "lite.txt"))
    notebook.cells[:0] = [new_markdown_cell(opening), new_code_cell(first)]
    return with_equal_ids(notebook)


def own_wheel(root: Path, folder: Path) -> None:
    """Build the project's wheel from a copy of its code: setuptools would leave its own files in the project."""
    with TemporaryDirectory() as copy:
        for name in ("cxrlib", "bookchain", "phantom"):
            shutil.copytree(root / name, Path(copy, name), ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(root / name, copy)
        command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation", "--no-index"]
        # pip asks for the versions of other programs, and these may write into the home of its user.
        own_home = {**os.environ, "HOME": copy}
        subprocess.run([*command, "--wheel-dir", str(folder), copy], check=True, env=own_home)


def pure_wheel(name: str, folder: Path) -> Path:
    """Pack a package that is installed here as a wheel for any machine, without what is compiled in it.

    Raises:
        importlib.metadata.PackageNotFoundError: If it is not installed.
    """
    found = distribution(name)
    with TemporaryDirectory() as tree:
        for file in found.files:
            info = file.parent.suffix == ".dist-info"
            if (
                file.suffix in {".pyc", ".so"}
                or ".." in file.parts
                or (info and file.name not in {"METADATA", "WHEEL"})
            ):
                continue
            Path(tree, file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), Path(tree, file))
        (marked,) = Path(tree).glob("*.dist-info/WHEEL")
        marked.write_text("Wheel-Version: 1.0\nGenerator: bookchain\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        path = folder / f"{marked.parent.stem}-py3-none-any.whl"
        with WheelFile(path, "w") as wheel:
            wheel.write_files(tree)
    return path


def build(root: Path, site: Path, packages: Path, environment: Mapping[str, str]) -> None:
    """Add the edition to a rendered site.

    Args:
        root: The project's root.
        site: Folder that Jupyter Book has built: with `notebooks/`, and with pages in `_build/html/`.
        packages: Folder with the packages of JupyterLite.
        environment: Of JupyterLite's process.

    Raises:
        subprocess.CalledProcessError: If JupyterLite fails; it says why on standard error.
    """
    out = site / "_build/html/lite"
    with TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "pypi").mkdir()
        own_wheel(root, work / "pypi")
        pure_wheel("comm", work / "pypi")  # the kernel needs it, and Pyodide does not have it
        (work / "jupyter-lite.json").write_text(
            json.dumps({"jupyter-lite-schema-version": 0, "jupyter-config-data": SETTINGS})
        )
        # All cells are in the page, so that a reader can search them.
        (work / "overrides.json").write_text(
            json.dumps({"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}})
        )
        extension = packages / "share/jupyter/labextensions" / KERNEL
        subprocess.run(
            [
                *(
                    sys.executable,
                    "-c",
                    "from jupyterlite_core.app import main; main()",
                    "build",
                    "--apps",
                    "notebooks",
                ),
                *("--lite-dir", str(work), "--output-dir", str(out.resolve()), "--ignore-sys-prefix"),
                *("--no-sourcemaps", "--no-unused-shared-packages"),
                f"--LiteBuildConfig.federated_extensions={extension.resolve()}",
            ],
            env={**environment, "PYTHONPATH": str(packages.resolve())},
            stdout=subprocess.DEVNULL,
            cwd=work,
            check=True,
        )
    (out / "files").mkdir()
    for chapter in CHAPTERS:
        notebook = browser_notebook(nbformat.read(site / "notebooks" / f"{chapter}.ipynb", as_version=4))
        nbformat.write(notebook, out / "files" / f"{chapter}.ipynb")
    # JupyterLite lists files by means of jupyter-server, which would bring twenty more packages.
    (out / "api/contents").mkdir(parents=True)
    files = [_entry(f"{chapter}.ipynb", "notebook") for chapter in CHAPTERS]
    (out / "api/contents/all.json").write_text(
        json.dumps(_entry("", "directory") | {"format": "json", "content": files})
    )


def _entry(name: str, kind: str) -> dict[str, Any]:
    """Give what Jupyter's contents service says of a file; no part of this edition shows its time."""
    time = "2026-01-01T00:00:00Z"
    described = {"name": name, "path": name, "type": kind, "created": time, "last_modified": time, "writable": True}
    return described | dict.fromkeys(("format", "mimetype", "content", "size"))

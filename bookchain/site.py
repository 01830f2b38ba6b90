"""Put the executed chapters into the book and render it: `python -m bookchain.site runs/quick --banner TEXT`."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import jupytext
import nbformat
import yaml

from bookchain.chapter import project_root
from bookchain.dependencies import code_cells, sources
from bookchain.editions import launch
from bookchain.plan import with_values
from bookchain.provenance import resources
from bookchain.provenance_page import page
from bookchain.surroundings import surroundings

WORDS_A_MINUTE = 150  # technical prose with figures and equations


def merge(source, executed):
    """Give a chapter as it is now the outputs of its execution; its parameters cell shows the values really used.

    Raises:
        ValueError: If the code cells differ: then the chapter must be executed again first.
    """
    cells, ran = code_cells(source), code_cells(executed)
    if [cell.source for cell in cells] != [cell.source for cell in ran]:
        raise ValueError("the chapter's code has changed since it was executed; run `make book`")
    values = executed.metadata.get("papermill", {}).get("parameters", {})
    for cell, done in zip(cells, ran, strict=True):
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = with_values(cell.source, values)
    return source


def opener(notebook, seconds: float | None):
    """Add to the list in a chapter's first cell how long it takes to read, and took to run where that was measured."""
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    minutes = max(1, round(len(re.findall(r"\w+", prose)) / WORDS_A_MINUTE))
    ran = ""
    if seconds:
        took = f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"
        ran = f"; it took {took} to run, on the machine of [this run](../book/provenance)"
    first = notebook.cells[0]
    first.source = re.sub(
        r"(?m)^(- \*\*In the paper.*(?:\n  .*)*)$",
        rf"\1\n- **Time:** about {minutes} minutes to read{ran}.",
        first.source,
    )
    return notebook


def assemble(root: Path, run: Path, banner: str, origins: Mapping[str, str]) -> Path:
    """Make and give a folder that Jupyter Book can build: configuration, prose and executed chapters.

    `banner` is the text for the head of every page, `origins` for the captions: see `Plan`.
    """
    site = run / "site"
    shutil.rmtree(site, ignore_errors=True)
    (site / "notebooks").mkdir(parents=True)
    shutil.copytree(root / "book", site / "book")
    shutil.copy(root / "_toc.yml", site)
    config = yaml.safe_load((root / "_config.yml").read_text())
    sphinx = config["sphinx"]["config"]
    sphinx["html_theme_options"]["announcement"] = banner
    sphinx["book_origins"] = dict(origins)
    for section, values in launch.html_settings(launch.address(os.environ, root)).items():
        config.setdefault(section, {}).update(values)
    (site / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    (site / "book/provenance.md").write_text(page(run, banner))
    seconds = resources(run).set_index("chapter").seconds
    for path in sources(root):
        try:
            notebook = merge(jupytext.read(path), nbformat.read(run / "executed" / f"{path.stem}.ipynb", as_version=4))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        notebook = opener(notebook, seconds.get(path.stem))
        nbformat.write(notebook, site / "notebooks" / f"{path.stem}.ipynb")
    return site


def main() -> int:
    """Assemble and build; warnings are errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder, for example runs/quick")
    parser.add_argument("--banner", default="", help="text for the head of every page")
    parser.add_argument("--origins", nargs="*", default=[], metavar="TASK=ORIGIN", help="for example restoration=real")
    arguments = parser.parse_args()
    root = project_root()
    site = assemble(root, root / arguments.run, arguments.banner, dict(pair.split("=") for pair in arguments.origins))
    # Its script would name the Python of the folder that it was installed in, which may have been moved since.
    start = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", start, "build", str(site), "-W", "--keep-going"]
    environment = surroundings(root, root / arguments.run / "home", os.environ)
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

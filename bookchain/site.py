"""Put the executed chapters into the book and render it: `python -m bookchain.site runs/quick --banner TEXT`."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import yaml

from bookchain import findings_page, front_page, own, provenance_page
from bookchain.chapter import project_root
from bookchain.dependencies import code_cells, declared, sources, with_values
from bookchain.editions import launch, lite
from bookchain.plan import variable
from bookchain.provenance import makers, resources
from bookchain.surroundings import surroundings

WORDS_A_MINUTE = 150  # technical prose with figures and equations
SHOWN = "teaching"  # tag of the few code cells of a chapter that its page shows unfolded
# Tags of cells that need no fold: they are hidden, or lie within a folded solution.
UNFOLDED = {SHOWN, "hide-input", "remove-input", "remove-cell", "solution", "check"}


def without_paths(text: str, values: Mapping[str, Any], root: Path) -> str:
    """Take the folders of the reader's machine out of a text: they may name people, and help nobody else.

    Args:
        text: What a chapter printed, or the value of a parameter.
        values: The chapter's parameters; one that is a path outside the project is called by its name in capitals.
        root: The project's root, which becomes a dot.

    Returns:
        The text; the user's home is `~` in it, the folder of Python's packages `PYTHON`.
    """
    words = {os.path.expanduser("~"): "~", sys.prefix: "PYTHON", str(root): ".", str(root.resolve()): "."}
    for name, value in values.items():
        if isinstance(value, str) and value and not (path := root / value).resolve().is_relative_to(root.resolve()):
            shown = [value] if Path(value).is_absolute() or value.startswith((".", "~")) else []
            words |= dict.fromkeys((*shown, str(path), str(path.resolve())), variable(name))
    words = {form: word for path, word in words.items() if path.strip("/.") for form in (path, escape(path))}
    known = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.sub(rf"(?<![\w/.+-])({known})(?![\w-])", lambda found: words[found[0]], text)


def _shareable(value: Any, clean: Callable[[str], str]) -> Any:
    """Clean all texts of an output, but no picture."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_shareable(item, clean) for item in value]
    if isinstance(value, dict):
        return {k: item if k.startswith("image/") else _shareable(item, clean) for k, item in value.items()}
    return value


def check_picture(cell, number: int) -> None:
    """Refuse a cell that shows a figure or table as words only: Matplotlib may have drawn it nowhere.

    One that shows nothing at all is left: a chapter has no picture of what its data lack.

    Raises:
        ValueError: With the cell's number and the figure's name.
    """
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    shown = [output.data for output in cell.outputs if "data" in output]
    words = [data["text/plain"] for data in shown if data.keys() == {"text/plain"}]
    if any("<Figure size" in text for text in words) or (figure and shown and len(words) == len(shown)):
        raise ValueError(
            f"code cell {number} ({figure.get('name', cell.source[:40])}) shows no picture; "
            f"execute the chapter again: delete its notebook in executed/ and run `make book`"
        )


def merge(source, executed, root: Path):
    """Give a chapter as it is now the outputs of its execution; its parameters cell shows the values really used.

    No path outside the project's root is in what it gives.

    Raises:
        ValueError: If the code cells differ: then the chapter must be executed again first. If a figure is missing.
    """
    cells, ran = code_cells(source), code_cells(executed)
    if [cell.source for cell in cells] != [cell.source for cell in ran]:
        raise ValueError("the chapter's code has changed since it was executed; run `make book`")
    values = executed.metadata.get("papermill", {}).get("parameters", {})
    clean = partial(without_paths, values=values, root=root)
    for number, (cell, done) in enumerate(zip(cells, ran, strict=True), 1):
        cell.outputs = [nbformat.from_dict(_shareable(output, clean)) for output in done.outputs]
        cell.execution_count = done.execution_count
        check_picture(cell, number)
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = with_values(cell.source, _shareable(values, clean))
    return source


def fold_code(notebook):
    """Fold the code of a chapter away, but for its teaching cells: MyST-NB takes the tag `hide-input` for it."""
    for cell in code_cells(notebook):
        tags = cell.metadata.get("tags", [])
        if not UNFOLDED & set(tags):
            cell.metadata["tags"] = [*tags, "hide-input"]
    return notebook


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


def assemble(
    root: Path, run: Path, banner: str, origins: Mapping[str, str], seeds: int = 1, in_browser: bool = False
) -> Path:
    """Make and give a folder that Jupyter Book can build: configuration, prose and executed chapters.

    `banner` is the text for the head of every page, `origins` for the captions, `seeds` their number: see `Plan`.
    `in_browser` says whether chapters that can run in a browser have a button for it.
    """
    site = run / "site"
    shutil.rmtree(site, ignore_errors=True)
    (site / "notebooks").mkdir(parents=True)
    shutil.copytree(root / "book", site / "book")
    shutil.copy(root / "_toc.yml", site)
    config = yaml.safe_load((root / "_config.yml").read_text())
    sphinx = config["sphinx"]["config"]
    sphinx["html_theme_options"]["announcement"] = escape(banner, quote=False)
    sphinx["book_origins"] = dict(origins)
    sphinx["book_date"] = max(
        (made["finished"][:10] for made in makers(run).values() if "finished" in made), default=""
    )
    for section, settings in launch.html_settings(launch.address(os.environ, root)).items():
        config[section] = settings | config.get(section, {})
    first = nbformat.read(run / "executed/01-preprocessing.ipynb", as_version=4)
    if told := own.notice(run, first.metadata.papermill.parameters):
        config["html"]["extra_footer"] += f" {own.FOOTER}"
    (site / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False))
    (site / "book/provenance.md").write_text(provenance_page.page(run, banner, seeds))
    found = findings_page.found(run, root / "book/reference", origins, seeds)
    (site / "book/findings.md").write_text(findings_page.page(found))
    front_page.write(run, site / "book", found)
    seconds = resources(run).set_index("chapter").seconds
    for path in sources(root):
        try:
            ran = nbformat.read(run / "executed" / f"{path.stem}.ipynb", as_version=4)
            notebook = merge(jupytext.read(path), ran, root)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        notebook = fold_code(opener(notebook, seconds.get(path.stem)))
        if told and (declared(path).needs or path.stem == "01-preprocessing"):
            notebook.cells.insert(1, nbformat.v4.new_markdown_cell(told))
            own.reword_captions(notebook)
        if in_browser and path.stem in lite.CHAPTERS:
            notebook.cells.insert(1, lite.button(path.stem))
        nbformat.write(notebook, site / "notebooks" / f"{path.stem}.ipynb")
    return site


def main() -> int:
    """Assemble and build; warnings are errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder, for example runs/quick")
    parser.add_argument("--banner", default="", help="text for the head of every page")
    parser.add_argument("--origins", nargs="*", default=[], metavar="TASK=ORIGIN", help="for example restoration=real")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds the run has; the pages show the first")
    parser.add_argument("--lite", action="store_true", help="add chapters that run in the reader's browser")
    arguments = parser.parse_args()
    root = project_root()
    origins = dict(pair.split("=") for pair in arguments.origins)
    site = assemble(root, root / arguments.run, arguments.banner, origins, arguments.seeds, arguments.lite)
    # Its script would name the Python of the folder that it was installed in, which may have been moved since.
    start = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", start, "build", str(site), "-W", "--keep-going"]
    environment = surroundings(root, root / arguments.run / "home", os.environ)
    status = subprocess.run(command, env=environment, check=False).returncode
    if arguments.lite and not status:
        lite.build(root, site, lite.packages(), environment)
    return status


if __name__ == "__main__":
    sys.exit(main())

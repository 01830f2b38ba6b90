"""Write the chapters without their solutions: `python -m bookchain.editions.student student --preset quick`.

With `--solutions` the same notebooks keep them: the lecturer's edition. The code is the chapter's own: run by hand, it
writes to a run folder beside the book's (see `bookchain.chapter`), so that no exercise spoils the book. Parameters and
run are the preset's, and the numbers in the sentences are those of its finished run.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from string import Template
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell

from bookchain.chapter import project_root
from bookchain.dependencies import code_cells, declared, parameter_values, read_notebook, with_values
from bookchain.editions.commonmark import exercise_number, plain_notebook, with_equal_ids
from bookchain.editions.exercises import exercises, label, strip, version, with_checks
from bookchain.editions.numbers import glued, with_numbers
from bookchain.plan import Plan
from bookchain.presets import PlanError
from cxrlib.files import written_whole

TEMPLATES = Path(__file__).parents[1] / "templates"


def edition(
    path: Path,
    solutions: bool = False,
    parameters: Mapping[str, Any] | None = None,
    values: Mapping[str, str] | None = None,
):
    """Make a chapter's notebook for students, or with solutions for the lecturer, and count its exercises.

    Args:
        path: The chapter's MyST source.
        solutions: Leave the solutions in.
        parameters: What replaces values of the parameters cell, `run` too.
        values: What a run has glued, by name, for the sentences.

    Raises:
        ValueError: If the chapter's exercises break the rules, or its text cites an unknown work; it names the file.
    """
    source = deepcopy(read_notebook(path))
    try:
        posed = exercises(source)
        numbers = {one.label: exercise_number(one.label) for one in posed}
        made = with_checks(label(with_numbers(source, dict(values or {}))), numbers)
        notebook = plain_notebook(made if solutions else strip(made))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    run = (parameter_values(path) | dict(parameters or {}))["run"]
    first = code_cells(notebook)[0]
    first.source = with_values(first.source, parameters or {})
    needs = f", but a finished run in `{run}`: copy one, or run `make book`" if declared(path).needs else ""
    opening = Template((TEMPLATES / ("lecturer.md" if solutions else "student.md")).read_text())
    preset = "" if run == "runs/quick" else f" PRESET={Path(run).name}"
    filled = opening.substitute(number=int(path.name[:2]), needs=needs, name=path.stem, run=run, preset=preset)
    notebook.cells.insert(0, new_markdown_cell(filled.strip()))
    with_equal_ids(notebook)
    kernel = source.metadata.get("kernelspec", {})
    notebook.metadata = {"kernelspec": kernel, "edition": version(read_notebook(path))}  # no pair
    return notebook, len(posed)


def main() -> int:
    """Write all chapters; one that is there already is kept, for a student's answers may be in it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder for the notebooks, in the project")
    parser.add_argument("--solutions", action="store_true", help="leave the solutions in: the lecturer's edition")
    parser.add_argument("--preset", default="", help="whose run and parameters; else PRESET, or quick")
    arguments = parser.parse_args()
    if arguments.out.is_file():
        parser.error(f"{arguments.out}: a file; give a folder")
    editions, without_numbers = {}, []
    try:
        plan = Plan(project_root(), {"preset": arguments.preset}, os.environ)
        for name in plan.chapters:
            values = glued(plan.root / plan.run / "executed" / f"{name}.ipynb")
            without_numbers += [name] * (not values)
            editions[name] = edition(plan.source(name), arguments.solutions, plan.parameters(name), values)
    except (PlanError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, (notebook, count) in editions.items():
        target = arguments.out / f"{name}.ipynb"
        if target.exists():
            print(f"{target}: kept, because answers may be in it; move it away to have it written again")
            continue
        with written_whole(target) as partial:
            nbformat.write(notebook, partial)
        print(f"{target}: {count} exercise{'s' * (count != 1)}")
    if without_numbers:
        print(f"{plan.run} has no executed {', '.join(without_numbers)}: there, sentences show names and no numbers.")
        print(f"To have the numbers, run `make book PRESET={plan.preset}`, move {arguments.out} away, and repeat this.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

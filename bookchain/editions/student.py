"""Write the chapters without their solutions: `python -m bookchain.editions.student student`.

With `--solutions` the same notebooks keep them: the lecturer's edition. The code is the chapter's own: run by hand, it
writes to a run folder beside the book's (see `bookchain.chapter`), so that no exercise spoils the book.
"""

import argparse
import sys
from copy import deepcopy
from pathlib import Path
from string import Template

import nbformat
from nbformat.v4 import new_markdown_cell

from bookchain.chapter import project_root
from bookchain.dependencies import declared, read_notebook, sources
from bookchain.editions.commonmark import plain_notebook, with_equal_ids
from bookchain.editions.exercises import exercises, label, strip, version
from cxrlib.files import written_whole

TEMPLATES = Path(__file__).parents[1] / "templates"


def edition(path: Path, solutions: bool = False):
    """Make a chapter's notebook for students, or with solutions for the lecturer, and count its exercises.

    Raises:
        ValueError: If the chapter's exercises break the rules, or its text cites an unknown work; it names the file.
    """
    source = read_notebook(path)
    try:
        count = len(exercises(source))
        notebook = plain_notebook(label(deepcopy(source)) if solutions else strip(source))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    needs = ", but a finished run in `runs/quick`: copy one, or run `make book`" if declared(path).needs else ""
    opening = Template((TEMPLATES / ("lecturer.md" if solutions else "student.md")).read_text())
    filled = opening.substitute(number=int(path.name[:2]), needs=needs, name=path.stem)
    notebook.cells.insert(0, new_markdown_cell(filled.strip()))
    with_equal_ids(notebook)
    notebook.metadata = {"kernelspec": source.metadata.get("kernelspec", {}), "edition": version(source)}  # no pair
    return notebook, count


def main() -> int:
    """Write all chapters; one that is there already is kept, for a student's answers may be in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the notebooks, in the project")
    parser.add_argument("--solutions", action="store_true", help="leave the solutions in: the lecturer's edition")
    arguments = parser.parse_args()
    if arguments.out.is_file():
        parser.error(f"{arguments.out}: a file; give a folder")
    try:
        editions = {path.stem: edition(path, arguments.solutions) for path in sources(project_root())}
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, (notebook, count) in editions.items():
        target = arguments.out / f"{name}.ipynb"
        if target.exists():
            print(f"{target}: kept, for answers may be in it; move it away to have it written anew")
            continue
        with written_whole(target) as partial:
            nbformat.write(notebook, partial)
        print(f"{target}: {count} exercise{'s' * (count != 1)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

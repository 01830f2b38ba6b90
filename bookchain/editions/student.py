"""Write the chapters without their solutions: `python -m bookchain.editions.student student`.

With `--solutions` the same notebooks keep them: the lecturer's edition. What a notebook of either does goes to a run
folder of its own beside the book's, so that an exercise, tried in the middle of the book, spoils no chapter.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

from bookchain.chapter import Chapter, MissingArtefactError, project_root
from bookchain.dependencies import read_notebook, upstream
from bookchain.editions.exercises import exercises, label, strip
from bookchain.editions.plain import plain_notebook
from cxrlib.files import written_whole

STUDENT = """\
> **Student edition** of chapter {number}, made from the book by `make student`. Nothing here is for clinical use.
>
> - **Start** by running the first two code cells below, parameters and set-up. The exercises need no other cell of
>   this chapter{needs}. What TensorFlow says in red about oneDNN or CUDA is advice.
> - **Write** in the cells that begin with `# Your solution`, helper functions too: only these cells are graded. Then
>   run the check below. A check that says nothing has passed. An `AssertionError` says what is wrong; it, or a
>   `TypeError`, also comes as long as a function gives nothing back. You may also run all cells at once: a failing
>   check does not stop the rest.
> - **Compare** with the book: this chapter's page has a solution folded away under each exercise. `make book` writes it
>   to `runs/quick/site/_build/html/notebooks/{name}.html`.
> - A name in a sentence, like `this`, may stand for a number of the run. The book's page shows the number.
> - What you run here goes to `runs/quick-student`, and a second run of a chapter replaces the first. The book's own
>   run stays as it is, and is what every chapter reads. A project that builds on a chapter of your own says so in the
>   set-up cell, for example `Chapter("02-noise-and-blur", run, own=["01-preprocessing"])`."""
LECTURER = """\
> **Lecturer's edition** of chapter {number}: the student edition with its solutions. Nothing here is for clinical use.
>
> What you run here goes to `runs/quick-student`. The exercises need the first two code cells below{needs}."""


class StudentChapter(Chapter):
    """A chapter of the student edition: it reads the book's run, and writes beside it.

    Args:
        name: The notebook's name.
        run: The book's run folder.
        own: Chapters that are read from the student's run folder instead. A result of one's own with another split or
            other noise does not go with the book's results of later chapters: name all chapters from the first that was
            changed.
        folder: The student's run folder; `<run>-student` by default.
    """

    def __init__(self, name: str, run: str, own: Sequence[str] = (), folder: str | Path | None = None):
        super().__init__(name, folder or f"{run.rstrip('/')}-student")
        self.book, self.own = self.path(run), own

    def upstream(self, name: str) -> Path:
        """Give another chapter's folder: the book's, or the student's if it is named in `own`.

        Raises:
            MissingArtefactError: If that chapter has not been run to its end there.
        """
        written, self.run = self.run, self.run if name in self.own else self.book
        try:
            return super().upstream(name)
        except MissingArtefactError as error:
            remedy = f"run student/{name}.ipynb to its end" if name in self.own else "run `make book`, or copy a run"
            raise MissingArtefactError(f"{self._shown(self.run / name)}: no finished results; {remedy}.") from error
        finally:
            self.run = written


def edition(path: Path, solutions: bool = False):
    """Make a chapter's notebook for students, or with solutions for the lecturer.

    Args:
        path: The chapter's MyST source.
        solutions: Keep the solutions.

    Returns:
        The notebook, and the number of its exercises.

    Raises:
        ValueError: If the chapter's exercises break the rules, or its text cites an unknown work; it names the file.
    """
    source = read_notebook(path)
    try:
        count = len(exercises(source))
        notebook = plain_notebook(label(deepcopy(source)) if solutions else strip(source))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    own = "from bookchain.editions.student import StudentChapter as Chapter"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(r"^from bookchain import Chapter$", own, cell.source, flags=re.M)
    needs = ", but a finished run in `runs/quick`: copy one, or run `make book`" if upstream(path) else ""
    opening = (LECTURER if solutions else STUDENT).format(number=int(path.name[:2]), needs=needs, name=path.stem)
    notebook.cells.insert(0, new_markdown_cell(opening))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # nbformat draws them at random; equal chapters are to give equal files
    notebook.metadata = {"kernelspec": source.metadata.get("kernelspec", {})}  # not jupytext's: no pair
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
        chapters = sorted((project_root() / "notebooks").glob("[0-9][0-9]-*.md"))
        editions = {path.stem: edition(path, arguments.solutions) for path in chapters}
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

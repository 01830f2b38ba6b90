"""Say how many exercises of one's own notebooks pass: `python -m bookchain.editions.progress student`.

They are tried as in grading (`bookchain.editions.grade`): the answers are those in the folder's notebooks, the set-up
and the checks are the book's, and nothing in the folder is changed.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat

from bookchain.chapter import project_root
from bookchain.dependencies import read_notebook, sources
from bookchain.editions import sandbox
from bookchain.editions.commonmark import exercise_number
from bookchain.editions.exercises import Exercise, answers, exercises
from bookchain.editions.grade import SECONDS, Grader
from bookchain.editions.marks import plain


def tried(grader: Grader, source: Path, notebook: Path, posed: list[Exercise]) -> tuple[dict[str, str], str]:
    """Try a chapter's exercises.

    Returns:
        What is open, by label, with what its check says of an answer; and why the chapter could not be tried.
    """
    try:
        written = nbformat.read(notebook, as_version=4)
    except Exception as error:  # the file may contain anything
        return {one.label: "" for one in posed}, f"{notebook.name} cannot be read ({type(error).__name__})"
    if not any(answers(one, written)[0] for one in posed):  # no process is started for a chapter not begun
        return {one.label: "" for one in posed}, ""
    results, fault = grader.results(source, notebook)
    passed = {one["exercise"]: one["passed"] for one in results}
    reasons = {one["exercise"]: one["message"] for one in results if not one["message"].startswith("not solved")}
    return {one.label: reasons.get(one.label, "") for one in posed if not passed.get(one.label)}, fault


def main() -> int:
    """Print a line a chapter, and what is wrong with an answer; the exit status is 1 if something was not tried."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("student"), help="folder with the notebooks")
    parser.add_argument("--run", default="runs/quick", help="finished run that the exercises read")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for one exercise")
    arguments = parser.parse_args()
    root, folder = project_root(), arguments.folder.resolve()
    there = [
        (path, folder / f"{path.stem}.ipynb") for path in sources(root) if (folder / f"{path.stem}.ipynb").is_file()
    ]
    if not there:
        parser.error(f"{arguments.folder}: no notebook of the student edition there; `make student` writes them")
    print("Trying the exercises: some seconds a chapter.", flush=True)
    done = possible = faults = 0
    with TemporaryDirectory(prefix="checking-") as work:
        run = (root / arguments.run).resolve()
        grader = Grader(root, run, Path(work).resolve(), arguments.seconds, not sandbox.obstacle(), [folder])
        for source, notebook in there:
            posed = exercises(read_notebook(source))
            waiting, fault = tried(grader, source, notebook, posed)
            count = len(posed)
            numbers = {label: exercise_number(label) for label in waiting}
            left = f"; open: {', '.join(numbers.values())}" if waiting else ""
            print(f"{source.stem}: {count - len(waiting)} of {count} passed{left}")
            lines = [f"{numbers[label]}: {plain(reason)}" for label, reason in waiting.items() if reason]
            print(
                *[f"  {line}\n" for line in [*lines, *([f"not tried: {plain(fault)}"] if fault else [])]],
                sep="",
                end="",
            )
            sys.stdout.flush()
            done, possible, faults = done + count - len(waiting), possible + count, faults + bool(fault)
    print(f"{done} of {possible} exercises passed.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

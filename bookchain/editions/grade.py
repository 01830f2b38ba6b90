"""Run the exercises of submitted student notebooks: `python -m bookchain.editions.grade submissions --run runs/quick`.

A folder holds one folder a student, named after them, with notebooks of the student edition. Each notebook is run in a
process of its own, which is stopped after a time limit: the answers are the student's, the set-up and the checks are
this copy's, so that a check changed in a submission passes nobody. It runs strangers' code: do it where that is right.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pandas as pd

from bookchain.chapter import WRITES, project_root
from bookchain.dependencies import code_cells, read_notebook, sources
from bookchain.editions.exercises import STUB, exercises, stub
from bookchain.plan import with_values
from cxrlib.files import written_whole

COLUMNS = ["student", "chapter", "exercise", "passed", "message"]
SECONDS = 300  # for one notebook; the exercises take seconds, the import of Keras a part of a minute at worst


def submissions(folder: Path, chapters: set[str]) -> tuple[dict[tuple[str, str], Path], list[Path]]:
    """Find the notebooks to grade, also second downloads and copies, "02-name (1).ipynb" or "02-name-Copy1.ipynb".

    Returns:
        (student, chapter) to the newest notebook of that name; and all others, for a person to look at.
    """
    found: dict[tuple[str, str], Path] = {}
    paths = sorted(folder.glob("*/*.ipynb"), key=lambda path: path.stat().st_mtime)
    for path in paths:
        name = re.sub(r"( ?\(\d+\)|-Copy\d+)$", "", path.stem)
        if name in chapters:
            found[path.parent.name, name] = path
    return dict(sorted(found.items())), sorted(set(paths) - set(found.values()))


def run_notebook(source: Path, submitted: Path, run: str, results: Path) -> None:
    """Run one student's answers to one chapter, and write each result as a line of JSON as soon as it is there."""
    chapter, notebook = read_notebook(source), nbformat.read(submitted, as_version=4)
    parameters, set_up = code_cells(chapter)[:2]
    namespace = {"__name__": "__main__"}
    exec(compile(with_values(parameters.source, {"run": run}), f"{source.stem}, parameters", "exec"), namespace)
    exec(compile(set_up.source, f"{source.stem}, set-up", "exec"), namespace)
    with results.open("a") as file:
        for exercise in exercises(chapter):
            labelled = (cell for cell in code_cells(notebook) if cell.metadata.get("exercise") == exercise.label)
            found = [cell.source for cell in labelled if "solution" in cell.metadata.get("tags", [])]
            message = "" if found else "no answer: the cell is gone, or was written anew elsewhere"
            if found == [STUB + stub(cell.source) for cell in exercise.solution]:
                found, message = [], "not solved: the cell is as it was handed out"
            try:
                for text in (*found, *(cell.source for cell in exercise.checks)) if found else ():
                    exec(compile(text, exercise.label, "exec"), namespace)
            except (Exception, SystemExit) as error:
                message = f"{type(error).__name__}: {error}"
            line = {"exercise": exercise.label, "passed": not message, "message": message}
            file.write(json.dumps(line) + "\n")
            file.flush()


def grade(submitted: Path, source: Path, run: str, seconds: float = SECONDS) -> pd.DataFrame:
    """Grade one notebook in a process of its own; the folder that holds it names the student.

    Returns:
        One row an exercise: student, chapter, exercise, passed, message. Those not reached in time have not passed.
    """
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        results.touch()
        command = [sys.executable, "-m", "bookchain.editions.grade", "--one", source, submitted, run, results]
        environment = os.environ | {WRITES: f"{folder}/run"}  # what an answer writes must not touch anyone's run
        options = {"capture_output": True, "text": True, "cwd": project_root(), "env": environment}
        try:
            done = subprocess.run(command, timeout=seconds, **options)
            rest = "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["stopped"])[-1]
        except subprocess.TimeoutExpired:
            rest = f"took more than {seconds:g} seconds"
        rows = {line["exercise"]: line for line in map(json.loads, results.read_text().splitlines())}
    for exercise in exercises(read_notebook(source)):
        rows.setdefault(exercise.label, {"exercise": exercise.label, "passed": False, "message": rest or "not reached"})
    frame = pd.DataFrame(rows.values()).assign(student=submitted.parent.name, chapter=source.stem)
    return frame[COLUMNS]


def main() -> int:
    """Grade a folder of submissions; print a table of students by exercises and write all rows as CSV."""
    if sys.argv[1:2] == ["--one"]:
        source, submitted, run, results = sys.argv[2:]
        run_notebook(Path(source), Path(submitted), run, Path(results))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("submissions", type=Path, help="folder with one folder a student")
    parser.add_argument("--run", default="runs/quick", help="finished run that the exercises read")
    arguments = parser.parse_args()
    chapters = {path.stem: path for path in sources(project_root())}
    found, passed_over = submissions(arguments.submissions, set(chapters))
    for path in passed_over:
        print(f"{path}: passed over: no chapter of this name, or a newer copy is there", file=sys.stderr)
    if not found:
        parser.error(f"{arguments.submissions}: no STUDENT/NN-name.ipynb there; keep the names of the student edition")
    frames = [grade(path.resolve(), chapters[name], arguments.run) for (_, name), path in found.items()]
    grades = pd.concat(frames, ignore_index=True)
    with written_whole(arguments.submissions / "grades.csv") as partial:
        grades.to_csv(partial, index=False)
    passed = grades.pivot(index="student", columns="exercise", values="passed")
    print(passed.replace({True: "passed", False: "-"}).fillna("not handed in").to_string())
    print(f"All rows, with messages: {arguments.submissions / 'grades.csv'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

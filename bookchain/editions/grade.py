"""Grade submitted student notebooks: `python -m bookchain.editions.grade submissions --run runs/quick`.

A folder holds one folder a student, named after them, with notebooks of the student edition, at any depth. The answers
are the student's; the set-up and the checks are this copy's. They run in processes apart (`bookchain.editions.answers`
and `verdicts`), two notebooks at a time, after the book's own solutions have shown that all is in place.
"""

import argparse
import json
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from bookchain.chapter import WRITES, project_root
from bookchain.dependencies import read_notebook, sources
from bookchain.editions import sandbox
from bookchain.editions.exercises import exercises, version
from bookchain.editions.marks import Marks, Student, plain
from bookchain.editions.verdicts import SET_UP, python
from bookchain.surroundings import surroundings

SECONDS = 60  # for one exercise; the book's own take less than two
OPEN = (
    "WARNING: the answers run WITHOUT a sandbox, because this machine gives this user no namespaces ({0}). An answer "
    "can read what you can read, the solutions too, use the network, change your files and disturb the grading. Grade "
    "strangers on Linux with user namespaces, or as a user and on a machine with nothing of worth."
)


def class_of(folder: Path, chapters: set[str]) -> list[Student]:
    """Find what each folder holds, at any depth; also second downloads, "02-name (1).ipynb" or "02-name-Copy1.ipynb".

    The newest of several files for one chapter counts. Links are not followed: they could lead to others' answers.
    Files beside the folders are those of a student without a name.
    """
    students, loose = [], Student("(in no folder)")
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or not entry.is_dir():
            loose.passed_over.append(f"{entry.name}: a link or a file; each student needs a folder")
            continue
        students.append(student := Student(entry.name, folder=entry))
        paths, problems = [], []
        for place, folders, files in os.walk(entry, onerror=problems.append):
            folders[:] = sorted(name for name in folders if name not in (".ipynb_checkpoints", "__MACOSX"))
            links = [name for name in folders if Path(place, name).is_symlink()]
            student.passed_over += [f"{Path(place, name).relative_to(entry)}: a link to a folder" for name in links]
            paths += [Path(place, name) for name in files]
        student.passed_over += [f"not readable: {problem}" for problem in problems]
        for path in sorted(paths, key=lambda path: (-path.lstat().st_mtime, path)):
            name, shown = re.sub(r"( ?\(\d+\)|-Copy\d+)$", "", path.stem), path.relative_to(entry)
            if path.suffix != ".ipynb" or name not in chapters:
                student.passed_over.append(f"{shown}: not the name of a chapter's notebook")
            elif not stat.S_ISREG(path.lstat().st_mode):
                student.passed_over.append(f"{shown}: a link or not a file; hand in the notebook itself")
            elif name in student.notebooks:
                newest = student.notebooks[name].relative_to(entry)
                student.passed_over.append(f"{shown}: {newest} is newer, or comes first")
            else:
                student.notebooks[name] = path
    return students + [loose] * bool(loose.passed_over)


class Grader:
    """What all notebooks of a class are graded with.

    Args:
        root: The project.
        run: The finished run that the exercises read.
        work: An empty folder.
        seconds: Time for one exercise.
        isolated: Whether the answers have namespaces of their own.
        hidden: What the answers must not see.
    """

    def __init__(self, root: Path, run: Path, work: Path, seconds: float, isolated: bool, hidden: list[Path]):
        self.root, self.run, self.work, self.seconds, self.isolated = root, run, work, seconds, isolated
        self.hidden = [str(path) for path in (root, run, *hidden)]
        self.home, self.running, self.numbers = work / "home", set(), count(1)

    def results(self, source: Path, submitted: Path | None) -> tuple[list[dict[str, Any]], str]:
        """Grade a notebook, or the book's own solutions for `None`.

        Returns:
            What each exercise's check said, and why there may be fewer than the chapter has.
        """
        work = self.work / str(next(self.numbers))
        environment = surroundings(self.root, self.home, os.environ, threads=1)
        environment |= {WRITES: str(work / "run"), "TMPDIR": str(work / "tmp"), "CUDA_VISIBLE_DEVICES": "-1"}
        (work / "tmp").mkdir(parents=True)
        job = {"source": str(source), "submitted": submitted and str(submitted), "root": str(self.root)}
        job |= {"run": str(self.run), "work": str(work), "fonts": environment["MPLCONFIGDIR"], "hidden": self.hidden}
        job |= {"seconds": self.seconds, "isolated": self.isolated, "values": parameters(self.run, source.stem)}
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options |= {"env": environment, "cwd": self.root, "start_new_session": True}
        process = subprocess.Popen(python("verdicts", self.root), **options)
        self.running.add(process)
        patience, told = (len(exercises(read_notebook(source))) + 1) * 4 * (SET_UP + self.seconds), ""
        try:
            said, errors = process.communicate(json.dumps(job).encode() + b"\n", timeout=patience)
        except subprocess.TimeoutExpired:
            told = "the checks did not end"
            self.end(process)
            said, errors = process.communicate()
        self.running.discard(process)
        if process.returncode:
            told = told or (errors.decode(errors="replace").strip().splitlines() or ["the checks' process ended"])[-1]
        return [json.loads(line) for line in said.splitlines() if line.endswith(b"}")], told

    def end(self, *processes: subprocess.Popen) -> None:
        """End processes and everything that they have started."""
        for process in processes:
            below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            for one in (process, *below):
                one.kill()

    def fault(self, source: Path) -> str:
        """Return why the book's own solutions to a chapter do not pass; empty if they do."""
        results, told = self.results(source, None)
        failed = [f"{one['exercise']}: {one['message']}" for one in results if not one["passed"]]
        return "; ".join([*failed, *([told] if told else [])])


def parameters(run: Path, chapter: str) -> dict[str, Any]:
    """Return the parameters that a run executed a chapter with; none if it has no record."""
    record = run / "executed" / f"{chapter}.json"
    return json.loads(record.read_text())["parameters"] if record.is_file() else {}


def grade(
    grader: Grader, students: list[Student], chapters: dict[str, Path], out: Path, place: str
) -> tuple[Marks, bool]:
    """Grade all notebooks of a class for some chapters, two at a time; the tables grow with each.

    Returns:
        The marks, and whether all that was handed in could be graded.
    """
    labels = {name: [one.label for one in exercises(read_notebook(path))] for name, path in chapters.items()}
    editions = {name: version(read_notebook(path)) for name, path in chapters.items()}
    marks, whole = Marks(out, students, labels, editions, place), True
    with ThreadPoolExecutor(max_workers=2) as pool:
        waiting = {
            pool.submit(grader.results, chapters[chapter], path.resolve()): (number, chapter)
            for chapter in chapters
            for number, student in enumerate(students)
            if (path := student.notebooks.get(chapter))
        }
        try:
            for done in as_completed(waiting):
                number, chapter = waiting[done]
                results, fault = done.result()
                marks.add(number, chapter, results, fault)
                whole = whole and not fault
                passed = sum(one["passed"] for one in results)
                print(f"{plain(students[number].name)}, {chapter}: {passed} of {len(labels[chapter])}", flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            grader.end(*grader.running)
            raise
    return marks, whole


def main() -> int:
    """Grade a folder of submissions; see the module. The exit status is 1 if something could not be graded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("submissions", help="folder with one folder a student")
    parser.add_argument("--run", default="runs/quick", help="finished run that the exercises read")
    parser.add_argument("--out", type=Path, help="folder for tables and feedback; else SUBMISSIONS-graded beside it")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for one exercise")
    arguments = parser.parse_args()
    folder, root = Path(arguments.submissions).resolve(), project_root()
    if not arguments.submissions or not folder.is_dir():
        parser.error(f"{arguments.submissions or 'nothing'}: not a folder; give the folder with one folder per student")
    chapters = {path.stem: path for path in sources(root)}
    students = class_of(folder, set(chapters))
    if not any(student.notebooks for student in students):
        parser.error(f"{folder}: no STUDENT/NN-name.ipynb there; keep the names of the student edition")
    out, obstacle = arguments.out or folder.with_name(f"{folder.name}-graded"), sandbox.obstacle()
    place = "without a sandbox" if obstacle else "in namespaces of their own"
    print(OPEN.format(obstacle) if obstacle else f"The answers run {place}.", file=sys.stderr)
    with TemporaryDirectory(prefix="grading-") as work:
        run, hidden = (root / arguments.run).resolve(), [folder, out.resolve()]
        grader = Grader(root, run, Path(work).resolve(), arguments.seconds, not obstacle, hidden)
        used = {name: path for name, path in chapters.items() if any(name in one.notebooks for one in students)}
        for name, source in used.items():
            if fault := grader.fault(source):
                print(f"{name}: the book's own solutions do not pass, so nobody is graded: {fault}", file=sys.stderr)
                print(f"Is {arguments.run} a finished run of this copy? `make book` makes one.", file=sys.stderr)
                return 1
        try:
            marks, whole = grade(grader, students, used, out, place)
        except KeyboardInterrupt:
            print(f"stopped; {out} holds what was graded", file=sys.stderr)
            return 130
    print(marks.sums().drop(columns=["edition", "answers_ran"]).to_string(index=False))
    for student in students:
        for text in student.passed_over:
            print(f"{plain(student.name)}: does not count: {plain(text)}", file=sys.stderr)
    print(
        f"{out}: grades.csv, one row per student; exercises.csv, one row per exercise; feedback/, one page per student"
    )
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())

"""The process that tries the checks on one student's answers: it runs the lecturer's code, and no answer.

What an answer defines is here a stand-in: a function that asks the process of `bookchain.editions.answers` for its
value, or a value that came from there. So an answer can change neither the check, nor what it uses, nor the verdict.
"""

import ast
import json
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat

from bookchain.dependencies import code_cells, declared, read_notebook, with_values
from bookchain.editions.answers import LENGTH, REPLY
from bookchain.editions.exercises import Exercise, answers, exercises, label
from bookchain.editions.sandbox import Watch, adopt, end_children, limit, started
from bookchain.editions.values import NoValueError, decoded

SET_UP = 600  # seconds for a chapter's first two cells; the import of Keras takes minutes on a busy machine
NOTEBOOK = 50 * 2**20  # bytes of a notebook
BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from bookchain.editions.{0} import main; sys.exit(main())"


class AnswerError(Exception):
    """An answer raised an exception, or gave back no value; in a check it replaces every exception of an answer."""


class Ended(BaseException):
    """The answers' process is no more, or must be ended; not to be caught by a check."""


def python(module: str, *arguments: Any) -> list[str]:
    """Give the command that runs a module's `main`, whatever the user has set for Python; the first is the root."""
    return [sys.executable, "-I", "-X", "utf8", "-c", BOOT.format(module), *map(str, arguments)]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `Ended` in the block when it takes longer; again each second, for a library may catch the first."""

    def late(*_) -> None:
        raise Ended(f"took more than {seconds:g} seconds")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class SetUpError(RuntimeError):
    """The answers' process cannot begin: a fault of the run or of this machine, and not of an answer."""


class Answers:
    """One student's answers, in a process that starts when it is needed, and again after it has ended.

    Args:
        start: Gives the context of such a process.
        set_up: The cells that it runs first: the parameters and the set-up.
    """

    def __init__(self, start: Callable, set_up: list[str]):
        self.start, self.set_up, self.before, self.silent = start, set_up, [], []
        self.context = self.process = self.watch = None

    def begin(self) -> None:
        """Start the process, if none is there, and run in it what ran in the one before."""
        if self.process:
            return
        self.watch, self.context = Watch(), self.start()
        try:
            with within(SET_UP):
                self.process = self.context.__enter__()
                self.watch.start()
                for cell in self.set_up:
                    self.ask("run", cell)
        except (AnswerError, Ended, OSError) as error:
            end_children()
            said = self.process.stderr.read(2000).decode(errors="replace") if self.process else ""
            raise SetUpError(f"the first two cells, where answers run: {error} {said}".strip()) from None
        with within(SET_UP):
            for cell in self.before:
                with suppress(AnswerError):
                    self.ask("run", cell)
            self.ask("printed")

    def end(self) -> None:
        """End the process and all that it has started."""
        if self.context:
            self.watch.ended.set()
            self.context.__exit__(None, None, None)
            self.context = self.process = None

    def ask(self, *request: Any) -> Any:
        """Give the reply to a request.

        Raises:
            AnswerError: If the answer raised an exception, or gave back what is no value.
            Ended: If the process ended over it.
        """
        try:
            self.process.stdin.write(pickle.dumps(request))
            self.process.stdin.flush()
            length = int.from_bytes(self.process.stdout.read(LENGTH), "big")
            text = self.process.stdout.read(length) if 0 < length <= REPLY else b""
        except OSError:
            length, text = 0, b""
        if length > REPLY:
            raise Ended(f"gave back more than {REPLY >> 20} MB")
        if len(text) < max(length, 1):
            raise Ended(self.watch.told or "ended Python")
        try:
            succeeded, value = decoded(text)
        except (NoValueError, ValueError, TypeError) as error:
            raise AnswerError(f"gave back {error if isinstance(error, NoValueError) else 'something else'}") from None
        if succeeded is not True:
            raise AnswerError(str(value))
        return value

    def function(self, name: str) -> Callable:
        """Give the stand-in for a function of the answers; `silent` has the names of those that gave nothing back."""

        def call(*arguments, **keywords) -> Any:
            value = self.ask("call", name, arguments, keywords)
            self.silent += [name] * (value is None)
            return value

        return call


def verdict(exercise: Exercise, cells: list[str], namespace: dict, theirs: Answers, seconds: float) -> dict[str, Any]:
    """Try one exercise's answer; give whether it passed, why not, what it printed, and the seconds that it took."""
    message, printed, began = "", "", time.monotonic()
    theirs.silent.clear()
    try:
        theirs.begin()
        began = time.monotonic()
        with within(seconds):
            for cell in [*cells, *map(_imports, exercise.checks)]:  # a check's imports are there when it calls
                theirs.ask("run", cell)
            namespace |= _stand_ins(exercise, theirs)
            for check in exercise.checks:
                exec(compile(check.source, exercise.label, "exec", optimize=0), namespace)
    except SetUpError:
        raise
    except AnswerError as error:
        message = str(error)
    except Ended as error:
        message = str(error)
        theirs.end()
    except (Exception, SystemExit) as error:
        told = f"{type(error).__name__}: {error}"
        message = f"`{theirs.silent[0]}` gave nothing back, so: {told}" if theirs.silent else told
    spent = round(time.monotonic() - began, 1)
    if theirs.process:
        theirs.before += cells
        try:
            with within(seconds):
                printed = str(theirs.ask("printed"))
                for check in exercise.checks:  # what a check imports or defines is there for later answers
                    with suppress(AnswerError):
                        theirs.ask("run", check.source)
                theirs.ask("printed")
            theirs.before += [check.source for check in exercise.checks]
        except (Ended, AnswerError):
            theirs.end()
    return {"passed": not message, "message": message, "printed": printed, "seconds": spent}


def _imports(cell: Any) -> str:
    """Give the imports of a cell."""
    nodes = [node for node in ast.parse(cell.source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return ast.unparse(ast.Module(nodes, []))


def _stand_ins(exercise: Exercise, theirs: Answers) -> dict[str, Any]:
    """Give what a check may use of an answer: what the book's solution imports, and by its names what there is."""
    found: dict[str, Any] = {}
    for cell in exercise.solution:
        exec(_imports(cell), found)
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.FunctionDef):
                found[node.name] = theirs.function(node.name)
            elif isinstance(node, ast.Assign):
                found[node.targets[0].id] = theirs.ask("value", node.targets[0].id)
    return found


def main() -> int:
    """Try one notebook, as the job on standard input says; print a line of JSON for each exercise when it is tried.

    The job: `source` of the chapter, `submitted` notebook (or null: the book's solutions), project `root`, `run`,
    folders `work` and `fonts`, parameters' `values`, `seconds` for one exercise, whether `isolated`, what to hide.
    """
    adopt()
    limit("AS", "CORE")
    job = json.loads(sys.stdin.readline())
    results, nothing = os.fdopen(os.dup(1), "w"), os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    source, root, work, run = (Path(job[name]) for name in ("source", "root", "work", "run"))
    chapter = read_notebook(source)
    parameters, set_up = (cell.source for cell in code_cells(chapter)[:2])
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with within(SET_UP):
        for cell in (with_values(parameters, job["values"] | {"run": job["run"]}), set_up):
            exec(compile(cell, source.stem, "exec"), namespace)
    book = work / "book"
    places = {book / name: root / name for name in ("cxrlib", "phantom", "bookchain", "_toc.yml")}
    places |= {book / "runs" / run.name / name: run / name for name in declared(source).needs}
    places |= {Path(os.environ["TMPDIR"]): Path(os.environ["TMPDIR"])} if job["isolated"] else {}
    places |= {Path(job["fonts"]): Path(job["fonts"])} if job["isolated"] else {}
    command = python("answers", book, book, job["fonts"])
    hidden = [Path(path) for path in job["hidden"]]
    theirs = Answers(
        lambda: started(command, places, book / "student", work / "mount", hidden, job["isolated"]),
        [with_values(parameters, job["values"] | {"run": f"runs/{run.name}"}), set_up],
    )
    notebook, unread = None, ""
    try:
        notebook = _handed_in(job["submitted"]) if job["submitted"] else label(chapter)
        found = {exercise.label: answers(exercise, notebook) for exercise in exercises(chapter)}
    except Exception as error:  # whatever was handed in
        unread = f"the notebook cannot be read: {type(error).__name__}: {error}"
    for exercise in exercises(chapter):
        cells, message = ([], unread) if unread else found[exercise.label]
        line = {"passed": False, "message": message, "printed": "", "seconds": 0.0}
        line = verdict(exercise, cells, namespace, theirs, job["seconds"]) if cells else line
        of = "" if unread else str(notebook.metadata.get("edition", ""))
        results.write(json.dumps({"exercise": exercise.label, "edition": of} | line) + "\n")
        results.flush()
    theirs.end()
    return 0


def _handed_in(path: str) -> Any:
    if Path(path).stat().st_size > NOTEBOOK:
        raise ValueError(f"it is larger than {NOTEBOOK >> 20} MB")
    return nbformat.read(path, as_version=4)

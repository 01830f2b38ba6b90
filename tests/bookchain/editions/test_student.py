"""The student edition: solutions are out, exercises can be told right from wrong, and a notebook runs to its end."""

import ast
import json
import subprocess

import nbformat
import pandas as pd
import pytest
from conftest import ROOT, SOURCES
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookchain.dependencies import code_cells, read_notebook, with_values
from bookchain.editions.exercises import ExerciseError, exercises, strip, stub
from bookchain.editions.student import edition, main
from bookchain.plan import Plan

CHAPTERS = [path.stem for path in SOURCES]
SOLUTION = '''import math


def root(value, digits=3):  # any real number
    """Square root.

    Of a number.
    """
    # the idea
    return round(math.sqrt(value), digits)


answer = root(
    2
)'''
STUB = '''import math


def root(value, digits=3):  # any real number
    """Square root.

    Of a number.
    """
    ...


answer = ...'''


def code(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)})


def chapter(*inside, start="```{solution-start} ex-root\n:class: dropdown\n```\n\nThe idea.", after=()):
    """Make a notebook with one exercise whose solution holds the cells given."""
    posed = "Before.\n\n```{exercise}\n:label: ex-root\n\nWrite `root`.\n```\n\n"
    end = new_markdown_cell("Of the result.\n\n```{solution-end}\n```\n\n## Next")
    return new_notebook(cells=[new_markdown_cell(posed + start), *inside, end, *after])


@pytest.fixture(scope="module")
def course(project, tmp_path_factory):
    """A copy of the finished project whose notebooks a student works with."""
    copy = tmp_path_factory.mktemp("course") / "project"
    subprocess.run(["cp", "-r", project, copy], check=True)
    return copy


def values(course, name):
    return json.loads(Plan(course, {"preset": "tests/tiny.yml"}, {}).made_from(name))["parameters"]


def failure(source, namespace):
    """Run a cell and give the exception it ends in, if any."""
    try:
        exec(compile(source, "cell", "exec"), namespace)
    except Exception as error:
        return error
    return None


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def test_solution_becomes_a_stub_and_its_prose_goes():
    source = chapter(code(SOLUTION, "solution"), code("assert answer == 1.414", "check"), after=[code("rest = 1")])
    before = nbformat.writes(source)
    prompt, answer, check, after, rest = strip(source).cells
    assert prompt.source == "Before.\n\n```{exercise}\n:label: ex-root\n\nWrite `root`.\n```"
    assert answer.source.startswith("# Your solution")
    assert answer.source.endswith(f"\n\n{STUB}")
    assert check.source == "# Check: says nothing if your solution passes.\nassert answer == 1.414"
    assert check.metadata.tags == ["check", "raises-exception"]
    assert [cell.metadata.get("exercise") for cell in (answer, check, rest)] == ["ex-root", "ex-root", None]
    assert after.source == "## Next"
    assert rest.source == "rest = 1"
    assert nbformat.writes(source) == before


def test_cell_that_holds_nothing_but_the_end_of_a_solution_goes():
    source = chapter(code("a = 1", "solution"), code("assert a", "check"))
    source.cells[-1].source = "```{solution-end}\n```"
    assert [cell.cell_type for cell in strip(source).cells] == ["markdown", "code", "code"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(x): return 'é' + x", "def f(x):\n    ..."),
        ("def f(x):\n    # why\n\n    return x", "def f(x):\n    ..."),
        ('def f(x): "é"; return x', 'def f(x):\n    "é"\n    ...'),
        ("@cache\ndef f(\n    x,\n):\n    return x", "@cache\ndef f(\n    x,\n):\n    ..."),
        ("from a import (\n    b,\n)\nc = b\nd = c", "from a import (\n    b,\n)\nc = ...\nd = ..."),
    ],
)
def test_signature_and_imports_are_kept_letter_by_letter(source, expected):
    assert stub(source) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "root(2)",
        "for x in y:\n    pass",
        "a, b = 1, 2",
        "a.b = 1",
        "a = b = 1",
        "a += 1",
        "class A:\n    pass",
        "%time a",
    ],
)
def test_solution_that_cannot_be_taken_out_is_refused_by_cell(statement):
    with pytest.raises(ExerciseError, match=r"^cell 2: .*solution.*(only imports, functions|correct it)"):
        strip(chapter(code(f"import math\n{statement}", "solution"), code("assert a", "check")))


@pytest.mark.parametrize(
    ("notebook", "message"),
    [
        (chapter(code("a = 1", "solution")), "cell 3: the solution of ex-root has no cell tagged check; add one"),
        (chapter(code("assert a", "check")), "no cell tagged solution; add one"),
        (
            chapter(code("a = 1", "solution"), code("print(a)")),
            "cell 3: `print.a.` is in .*tag it either",
        ),
        (
            chapter(start="```{solution-start} ex-rot\n```"),
            "cell 1: solution-start ex-rot: those without.*: ex-root",
        ),
        (chapter(start=""), "cell 2: a solution-end without its solution-start"),
        (new_notebook(cells=[code("a = 1", "solution")]), "cell 1: `a = 1` is tagged solution, but in no solution"),
        (new_notebook(cells=[code("assert a", "check")]), "cell 1: `assert a` is tagged check, but in no solution"),
        (new_notebook(cells=chapter().cells[:1]), "cell 1: the solution of ex-root has no solution-end"),
        (new_notebook(cells=chapter().cells[:1] + chapter().cells[:1]), "cell 2: a solution starts in that of ex-root"),
        (new_notebook(cells=[new_markdown_cell("```{exercise}\n:label: ex-a\n```")]), "exercise ex-a: no solution"),
        (
            chapter(code("a = 1", "solution"), code("assert a", "check"), after=chapter().cells[:1]),
            "those without solution: none",
        ),
    ],
)
def test_broken_exercise_is_named_with_its_remedy(notebook, message):
    with pytest.raises(ExerciseError, match=message):
        strip(notebook)


def test_edition_names_the_file_of_a_fault(tmp_path):
    source = tmp_path / "02-broken.md"
    source.write_text("```{solution-end}\n```\n")
    with pytest.raises(ValueError, match=r"02-broken\.md: cell 1: "):
        edition(source)


def test_command_writes_both_editions_and_keeps_answers(tmp_path, monkeypatch, capsys):
    def write(*options):
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr("sys.argv", ["student", str(tmp_path), *options])
        assert main() == 0
        return capsys.readouterr().out

    said = write()
    path = tmp_path / f"{CHAPTERS[1]}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert f"{path}: {len(tagged(notebook, 'check'))} exercises" in said
    assert "Student edition" in notebook.cells[0].source
    assert nbformat.writes(notebook) == nbformat.writes(edition(ROOT / "notebooks" / f"{CHAPTERS[1]}.md")[0])
    assert "jupytext" not in notebook.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    path.write_text("answers")
    assert f"{path}: kept" in write("--solutions")
    assert path.read_text() == "answers"
    path.unlink()
    write("--solutions")
    solved = nbformat.read(path, as_version=4)
    assert "Lecturer's edition" in solved.cells[0].source
    assert not tagged(solved, "raises-exception")
    assert all("# Your solution" not in cell.source for cell in tagged(solved, "solution"))


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_has_exercises_and_its_student_edition_no_solution(name):
    path = ROOT / "notebooks" / f"{name}.md"
    found = exercises(read_notebook(path))
    assert len(found) >= 2, f"{name} has {len(found)} exercises"
    student, _ = edition(path)
    text = "\n".join(cell.source for cell in student.cells)
    assert text.count("# Your solution") == sum(len(exercise.solution) for exercise in found) + 1  # the first cell's
    assert "solution-start" not in text


def names(tree, kind):
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, kind)}
    return found | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg) and kind is ast.Store}


@pytest.mark.parametrize("name", CHAPTERS)
def test_rest_of_the_chapter_uses_nothing_that_an_exercise_defines(name):
    defined = set()
    for cell in code_cells(read_notebook(ROOT / "notebooks" / f"{name}.md")):
        tree = ast.parse(cell.source)
        if {"solution", "check"} & set(cell.metadata.get("tags", [])):
            functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
            others = ast.Module([node for node in tree.body if node not in functions], [])
            defined |= {function.name for function in functions} | names(others, ast.Store)
        else:
            stored = names(tree, ast.Store)
            assert not (defined & names(tree, ast.Load)) - stored, f"with a stub, this cell fails:\n{cell.source}"
            defined -= stored


@pytest.mark.parametrize("name", CHAPTERS)
def test_checks_fail_with_the_stub_and_pass_with_the_solution(name, course, monkeypatch):
    monkeypatch.chdir(course / "notebooks")
    path = course / "notebooks" / f"{name}.md"
    student, lecturer = (
        [cell.source for cell in edition(path, solutions)[0].cells if cell.cell_type == "code"]
        for solutions in (False, True)
    )
    with pd.option_context("display.float_format", None):
        namespace = {}
        for source in (with_values(student[0], values(course, name)), student[1]):
            exec(compile(source, name, "exec"), namespace)
        for exercise in exercises(read_notebook(path)):
            attempt = dict(namespace)
            for cell in exercise.solution:
                exec(compile(student[lecturer.index(cell.source)], exercise.label, "exec"), attempt)
            for cell in exercise.checks:
                error = failure(cell.source, attempt)
                assert error is not None, f"{exercise.label}: this check passes with the stub:\n{cell.source}"
                told = isinstance(error, NameError | ImportError | OSError)
                assert not told, f"{exercise.label}: this check fails for another reason than the stub: {error!r}"
            for cell in [*exercise.solution, *exercise.checks]:
                exec(compile(cell.source, exercise.label, "exec"), namespace)
    assert (course / "runs/tiny" / name / "complete.json").is_file()


def test_unsolved_notebook_runs_to_its_end(course, monkeypatch):
    name = "02-noise-and-blur"
    monkeypatch.setenv("PYTHONPATH", str(course))
    notebook, count = edition(course / "notebooks" / f"{name}.md")
    parameters = tagged(notebook, "parameters")[0]
    parameters.source = with_values(parameters.source, values(course, name))
    folder = course / "student"
    folder.mkdir(exist_ok=True)  # a working copy may have one
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    failed = [cell for cell in notebook.cells if any(o.output_type == "error" for o in cell.get("outputs", []))]
    assert failed == tagged(notebook, "check")
    assert len(failed) >= count
    assert (course / "runs/tiny-own" / name / "complete.json").is_file()

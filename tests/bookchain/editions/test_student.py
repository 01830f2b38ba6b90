"""The student edition: solutions are out, exercises can be told right from wrong, and a notebook runs to its end."""

import ast
import json
import re
import subprocess

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, SOURCES
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookchain.dependencies import code_cells, read_notebook
from bookchain.editions.exercises import ExerciseError, exercises, label, strip, stub, with_checks
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
OPEN = r"open: `\w+` (gives nothing back|has no value) yet\. .*"  # what a check says of a stub
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


def tagged(notebook, tag):
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def test_solution_becomes_a_stub_and_its_prose_goes():
    source = chapter(code(SOLUTION, "solution"), code("assert answer == 1.414", "check"), after=[code("rest = 1")])
    before = nbformat.writes(source)
    prompt, answer, check, after, rest = strip(source).cells
    assert prompt.source == "Before.\n\n```{exercise}\n:label: ex-root\n\nWrite `root`.\n```"
    assert answer.source.startswith("# Your solution")
    assert answer.source.endswith(f"\n\n{STUB}")
    assert check.source == "assert answer == 1.414"
    assert after.source == "## Next"
    assert rest.source == "rest = 1"
    assert nbformat.writes(source) == before


def test_checks_and_last_cell_know_number_and_names():
    source = chapter(code(SOLUTION, "solution"), code("assert answer == 1.414", "check"), after=[code("rest = 1")])
    source.cells[:0] = [code("run = 1", "parameters"), code("import math")]
    made = strip(with_checks(label(source), {"ex-root": "4.2"}))
    set_up, answer, check, rest, last = [cell for cell in made.cells if cell.cell_type == "code"][1:]
    assert set_up.source.startswith("import math\n")
    assert set_up.source.endswith("start_checks()  # for the checks of the exercises")
    assert check.source == "%%check 4.2 root answer\nassert answer == 1.414"
    assert last.source.endswith("%exercises 4.2")
    assert [cell.metadata.get("exercise") for cell in (answer, check, rest, last)] == ["ex-root", "ex-root", None, None]


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
            chapter(code("a = 1", "solution"), code("assert a", "check"), code("assert a", "check")),
            "cell 4|5: .*ex-root has two cells tagged check; join them",
        ),
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
    assert [cell.source for cell in tagged(notebook, "check")] == [
        cell.source for cell in tagged(edition(ROOT / "notebooks" / f"{CHAPTERS[1]}.md")[0], "check")
    ]
    assert "jupytext" not in notebook.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    path.write_text("answers")
    assert f"{path}: kept" in write("--solutions")
    assert path.read_text() == "answers"
    path.unlink()
    write("--solutions")
    solved = nbformat.read(path, as_version=4)
    assert "Lecturer's edition" in solved.cells[0].source
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


def run_in(shell, capsys, source):
    """Run a cell as a notebook does, and give what it said."""
    capsys.readouterr()
    result = shell.run_cell(source, store_history=False)
    assert result.error_before_exec is None, f"{result.error_before_exec!r} in\n{source}"
    return capsys.readouterr().out, result.error_in_exec


@pytest.mark.parametrize("name", CHAPTERS)
def test_checks_explain_the_stub_and_pass_with_the_solution(name, course, monkeypatch, capsys):
    monkeypatch.chdir(course / "notebooks")
    path = course / "notebooks" / f"{name}.md"
    student, lecturer = (
        [cell for cell in edition(path, solutions, values(course, name))[0].cells if cell.cell_type == "code"]
        for solutions in (False, True)
    )
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    try:
        with pd.option_context("display.float_format", None):
            for cell in student[:2]:
                assert run_in(shell, capsys, cell.source)[1] is None
            count = len(exercises(read_notebook(path)))
            for cells, verdict in ((student, OPEN), (lecturer, "passed")):
                numbers = []
                for cell in cells:
                    if "solution" in cell.metadata.get("tags", []):
                        assert run_in(shell, capsys, cell.source)[1] is None
                    elif "check" in cell.metadata.get("tags", []):
                        said, error = run_in(shell, capsys, cell.source)
                        assert error is None
                        numbers.append(cell.source.split()[1])
                        wanted = (
                            r"passed"
                            if verdict == "passed"
                            else r"open: `\w+` (gives nothing back|has no value) yet\. .*"
                        )
                        assert re.fullmatch(rf"{numbers[-1]} {wanted}", said.strip()), said
                assert numbers == [f"{int(name[:2])}.{n}" for n in range(1, count + 1)]
                passed = count if verdict == "passed" else 0
                assert f"{passed} of {count} exercises passed." in run_in(shell, capsys, cells[-1].source)[0]
    finally:
        InteractiveShell.clear_instance()
    assert (course / "runs/tiny" / name / "complete.json").is_file()


def test_unsolved_notebook_runs_to_its_end_without_an_error(course, monkeypatch):
    name = "02-noise-and-blur"
    monkeypatch.setenv("PYTHONPATH", str(course))
    notebook, count = edition(course / "notebooks" / f"{name}.md", parameters=values(course, name))
    folder = course / "student"
    folder.mkdir(exist_ok=True)  # a working copy may have one
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output.evalue for output in outputs if output.output_type == "error"] == []
    assert [cell.outputs[0].text.split()[:2] for cell in tagged(notebook, "check")] == [
        ["2.1", "open:"],
        ["2.2", "open:"],
    ]
    assert f"0 of {count} exercises passed.\nOpen: 2.1, 2.2." in notebook.cells[-1].outputs[0].text
    assert (course / "runs/tiny-own" / name / "complete.json").is_file()


def test_preset_gives_run_and_parameters_and_its_run_the_numbers(course, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(course)
    monkeypatch.setattr("sys.argv", ["student", str(tmp_path / "out"), "--preset", "tests/tiny.yml"])
    assert main() == 0
    assert "no numbers" not in capsys.readouterr().out
    for name in CHAPTERS:
        notebook = nbformat.read(tmp_path / "out" / f"{name}.ipynb", as_version=4)
        parameters = {}
        exec(tagged(notebook, "parameters")[0].source, parameters)
        given = values(course, name)
        assert given["run"] == "runs/tiny"
        assert {key: parameters[key] for key in given} == given
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        assert "runs/tiny-own" in text
        assert "runs/quick" not in notebook.cells[0].source
        book = BeautifulSoup((course / f"runs/tiny/site/_build/html/notebooks/{name}.html").read_text(), "html.parser")
        shown = [word.get_text() for word in book.select(".pasted-text") if " " not in word.get_text().strip()]
        assert shown
        assert [word for word in shown if f"**{word}**" not in text] == []


def test_preset_without_its_data_is_refused_with_the_remedy(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("KERMANY", raising=False)
    monkeypatch.setattr("sys.argv", ["student", str(tmp_path / "out"), "--preset", "kermany"])
    assert main() == 1
    assert "this preset needs KERMANY" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

"""A student's own count: what passes, what is open and why, and nothing changed."""

import nbformat
import pytest
from hostile_class import command, hand_in, small_project

from bookchain.editions.student import edition


@pytest.fixture
def project(tmp_path):
    return small_project(tmp_path / "project")


def test_what_passes_is_counted_and_what_does_not_is_explained(project):
    path = hand_in(
        project / "student" / "02-small.ipynb", project, double="def double(x):\n    ...", answer="answer = 41"
    )
    before = path.read_bytes()
    done = command(project, "student", "--run", "runs/mine", module="progress")
    assert done.returncode == 0, done.stderr
    chapter, first, second, total = done.stdout.splitlines()[1:]
    assert chapter == "02-small: 1 of 3 passed; open: ex-double, ex-answer"
    assert first.startswith("  ex-double: `double` gave nothing back")
    assert second == "  ex-answer: AssertionError:"
    assert total == "1 of 3 exercises passed."
    assert path.read_bytes() == before


def test_notebook_not_begun_is_open_without_a_run(project):
    notebook, _ = edition(project / "notebooks" / "02-small.md")
    (project / "student").mkdir()
    nbformat.write(notebook, project / "student" / "02-small.ipynb")
    done = command(project, "student", "--run", "runs/none", module="progress")
    assert done.returncode == 0
    assert "02-small: 0 of 3 passed; open: ex-double, ex-answer, ex-lines" in done.stdout


def test_what_cannot_be_tried_is_said(project):
    path = hand_in(project / "student" / "02-small.ipynb", project)
    done = command(project, "student", "--run", "runs/none", module="progress")
    assert done.returncode == 1
    assert "not tried: " in done.stdout
    assert "01-first: not there yet" in done.stdout
    path.write_text("{")
    assert (
        "02-small.ipynb cannot be read" in command(project, "student", "--run", "runs/mine", module="progress").stdout
    )


def test_folder_without_notebooks_is_refused_with_the_remedy(project):
    done = command(project, "student", module="progress")
    assert done.returncode == 2
    assert "`make student` writes them" in done.stderr

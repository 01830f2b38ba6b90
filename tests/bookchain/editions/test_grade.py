"""Grading: a class of twenty that tries everything gets the table that it deserves, and every folder a row."""

import os
from pathlib import Path

import pandas as pd
import psutil
import pytest
from conftest import ROOT, SOURCES
from hostile_class import ASLEEP, CLASS, LABELS, command, hand_in, small_project

from bookchain.editions import sandbox
from bookchain.editions.grade import Grader, class_of
from bookchain.editions.marks import Marks, Student, plain
from bookchain.editions.student import edition

SECONDS = 30  # for an exercise: the machine may be busy


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The tables of the class, with its folder, the project and what the command said."""
    folder = tmp_path_factory.mktemp("grading").resolve()
    project, handed_in = small_project(folder / "project"), folder / "handed in"
    for name, (changes, _) in CLASS.items():
        hand_in(handed_in / name / "02-small.ipynb", project, **changes)
    hand_in(handed_in / "deeper" / "week 2" / "02-small (1).ipynb", project)
    (handed_in / "broken").mkdir()
    (handed_in / "broken" / "02-small.ipynb").write_text('{"cells": [{"metadata": 3}], "nbformat": 4}\n')
    (handed_in / "linked").mkdir()
    (handed_in / "linked" / "02-small.ipynb").symlink_to(handed_in / "right" / "02-small.ipynb")
    done = command(project, handed_in, "--run", "runs/mine", "--seconds", SECONDS)
    assert done.returncode == 0, done.stderr
    out = folder / "handed in-graded"
    sums = pd.read_csv(out / "grades.csv").set_index("student")
    rows = pd.read_csv(out / "exercises.csv", keep_default_na=False).set_index(["student", "exercise"])
    return {"sums": sums, "rows": rows, "out": out, "project": project, "done": done}


@pytest.mark.parametrize("name", CLASS)
def test_each_answer_gets_its_points_whatever_it_does(graded, name):
    if name == "reads" and sandbox.obstacle():
        pytest.skip(f"no namespaces here: {sandbox.obstacle()}")
    rows = graded["rows"].loc[plain(name)]
    assert "".join(map(str, rows.points[LABELS])) == CLASS[name][1], rows.to_string()
    assert graded["sums"].loc[plain(name), [*LABELS, "sum"]].tolist() == [
        *map(int, CLASS[name][1]),
        CLASS[name][1].count("1"),
    ]


@pytest.mark.parametrize(
    ("name", "exercise", "message"),
    [
        ("patches", "ex-double", "AssertionError: four doubled"),
        ("equal", "ex-answer", "AssertionError"),
        ("empty", "ex-double", "gave back an empty array"),
        ("endless", "ex-double", f"took more than {SECONDS} seconds"),
        ("endless print", "ex-lines", f"took more than {SECONDS} seconds"),
        ("memory", "ex-answer", "Unable to allocate"),
        ("large", "ex-answer", "gave back more than 64 MB"),
        ("many", "ex-answer", "started more than 40 processes"),
        ("ends", "ex-double", "ended Python"),
        ("ends", "ex-answer", "SystemExit"),
        ("'=HYPERLINK(1)", "ex-answer", "'=1+1: one   ,"),
        ("broken", "ex-lines", "cannot be read"),
        ("linked", "ex-lines", "not handed in"),
    ],
)
def test_message_says_what_was_wrong(graded, name, exercise, message):
    assert message in graded["rows"].loc[(name, exercise), "message"]


def test_every_folder_has_a_row_and_every_file_is_accounted_for(graded):
    assert len(graded["sums"]) == len(CLASS) + 3 == 20
    assert graded["sums"].loc[["deeper", "broken", "linked"], "sum"].tolist() == [3, 0, 0]
    assert "linked: does not count: 02-small.ipynb: a link" in graded["done"].stderr
    assert graded["rows"].loc[("deeper", "ex-double"), "file"] == "week 2/02-small (1).ipynb"


def test_run_and_machine_are_as_they_were(graded):
    assert (graded["project"] / "runs/mine/01-first/two.txt").read_text() == "2"
    assert sorted(path.name for path in (graded["project"] / "runs").iterdir()) == ["mine"]
    assert not [one.pid for one in psutil.process_iter(["cmdline"]) if ASLEEP in (one.info["cmdline"] or [])]


def test_where_answers_ran_and_which_edition_is_said(graded):
    place = "without a sandbox" if sandbox.obstacle() else "in namespaces of their own"
    assert set(graded["sums"].answers_ran) == {place}
    assert ("WITHOUT a sandbox" in graded["done"].stderr) == bool(sandbox.obstacle())
    notebook, _ = edition(graded["project"] / "notebooks" / "02-small.md")
    assert set(graded["rows"].edition) == {notebook.metadata.edition}


def test_each_student_has_a_page_and_nothing_of_theirs_is_html(graded):
    pages = {path.stem: path.read_text() for path in (graded["out"] / "feedback").iterdir()}
    assert len(pages) == 20
    assert "<h1>Exercises: right</h1>" in pages["right"]
    assert "3 of 3 points" in pages["right"]
    assert "four doubled" in pages["patches"]
    assert "yesyes" in pages["notebook"]
    assert len(pages["notebook"]) < 10_000
    assert "&lt;script&gt;" in pages["HYPERLINK-1"]
    assert not any("<script" in page for page in pages.values())
    assert not any(str(graded["out"].parent) in page for name, page in pages.items() if name != "reads")


def test_without_the_run_nobody_is_graded(tmp_path):
    project = small_project(tmp_path / "project")
    hand_in(tmp_path / "handed in" / "ada" / "02-small.ipynb", project)
    done = command(project, tmp_path / "handed in", "--run", "runs/none")
    assert done.returncode == 1
    assert "01-first: not there yet" in done.stderr
    assert "nobody is graded" in done.stderr
    assert not (tmp_path / "handed in-graded").exists()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_solutions_of_the_book_pass_where_answers_run_apart(project, tmp_path, source):
    grader = Grader(project, project / "runs/tiny", tmp_path / "work", 60, not sandbox.obstacle(), [])
    assert grader.fault(project / "notebooks" / source.name) == ""


def test_without_namespaces_the_same_points_and_the_run_is_a_copy(tmp_path):
    project = small_project(tmp_path / "project")
    grader = Grader(project, project / "runs/mine", tmp_path / "work", SECONDS, isolated=False, hidden=[])
    source = project / "notebooks" / "02-small.md"
    harm = CLASS["overwrites"][0] | {"answer": CLASS["leaves"][0]["answer"]}
    path = hand_in(tmp_path / "a" / "02-small.ipynb", project, lines="import os\nos._exit(1)", **harm)
    results, fault = grader.results(source, path)
    assert [one["passed"] for one in results] == [False, True, False]
    assert not fault
    assert grader.fault(source) == ""
    assert (project / "runs/mine/01-first/two.txt").read_text() == "2"
    assert not [one.pid for one in psutil.process_iter(["cmdline"]) if ASLEEP in (one.info["cmdline"] or [])]


def test_copies_are_found_the_newest_counts_and_the_rest_is_named(tmp_path):
    names = ["ada/01-a (1).ipynb", "ada/01-a.ipynb", "bob/x/01-a-Copy2.ipynb", "bob/notes.ipynb", "zip.zip"]
    for age, name in enumerate(names):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()
        os.utime(path, (0, 100 - age))
    (tmp_path / "eve").symlink_to(tmp_path / "ada")
    (tmp_path / "nobody").mkdir()
    (tmp_path / "bob" / "there").symlink_to(tmp_path / "ada")
    found = {student.name: student for student in class_of(tmp_path, {"01-a"})}
    assert list(found) == ["ada", "bob", "nobody", "(in no folder)"]
    assert found["ada"].notebooks == {"01-a": tmp_path / "ada/01-a (1).ipynb"}
    assert found["bob"].notebooks == {"01-a": tmp_path / "bob/x/01-a-Copy2.ipynb"}
    assert found["ada"].passed_over == ["01-a.ipynb: 01-a (1).ipynb is newer, or comes first"]
    assert [text.partition(":")[0] for text in found["bob"].passed_over] == ["there", "notes.ipynb"]
    assert [text.partition(":")[0] for text in found["(in no folder)"].passed_over] == ["eve", "zip.zip"]


@pytest.mark.parametrize("folder", ["", "empty", "nowhere"])
def test_folder_without_submissions_is_refused(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    done = command(ROOT, tmp_path / folder if folder else "")
    assert done.returncode == 2
    assert "the folder with one folder per student" in done.stderr or "keep the names" in done.stderr


def test_tables_are_written_as_it_goes_and_say_what_is_not_graded(tmp_path):
    students = [Student(name, {"02-small": Path(name, "02-small.ipynb")}) for name in ("a b", "a-b", "c\udcff" * 200)]
    marks = Marks(tmp_path, students, {"02-small": ["ex-1", "ex-2"]}, {"02-small": "abc"}, "here")
    result = {"exercise": "ex-1", "passed": True, "message": "", "printed": "", "seconds": 1.0, "edition": "old"}
    marks.add(1, "02-small", [result], "the power failed")
    sums = pd.read_csv(tmp_path / "grades.csv")
    assert sums["ex-1"].fillna(-1).tolist() == [-1, 1, -1]
    assert sums["sum"].tolist() == [0, 1, 0]
    rows = pd.read_csv(tmp_path / "exercises.csv", keep_default_na=False)
    assert rows.message.tolist()[:4] == [
        "not graded yet",
        "not graded yet",
        "(from another edition, old)",
        "not graded, look at it yourself: the power failed",
    ]
    assert sorted(path.name[:5] for path in (tmp_path / "feedback").iterdir()) == ["a-b-1", "a-b-2", "c-c-c"]

"""Grading: right answers pass, wrong, missing and endless ones do not, and a changed check helps nobody."""

import os
from pathlib import Path

import nbformat
import pytest

from bookchain.chapter import project_root
from bookchain.editions import grade as grading
from bookchain.editions.grade import COLUMNS, grade
from bookchain.editions.student import edition

SOURCE = """---
chapter: {needs: [], trains: false, memory_gb: 1, minutes: 1}
jupytext:
  text_representation:
    extension: .md
    format_name: myst
---

# Title

```{code-cell} ipython3
:tags: [parameters]

run = "runs/none"
```

```{code-cell} ipython3
two = 2 if run == "runs/mine" else 0
```

```{exercise}
:label: ex-double

Write `double`.
```

```{solution-start} ex-double
```

```{code-cell} ipython3
:tags: [solution]

def double(x):
    return two * x
```

```{code-cell} ipython3
:tags: [check]

assert double(4) == 8, "four doubled"
```

```{solution-end}
```

```{exercise}
:label: ex-answer

Set `answer`.
```

```{solution-start} ex-answer
```

```{code-cell} ipython3
:tags: [solution]

answer = double(21)
```

```{code-cell} ipython3
:tags: [check]

assert answer == 42
```

```{solution-end}
```
"""


@pytest.fixture
def chapter(tmp_path):
    path = tmp_path / "02-small.md"
    path.write_text(SOURCE)
    return path


def submit(chapter, tmp_path, changes, student="ada"):
    """Hand in the student edition with changed answers."""
    notebook, _ = edition(chapter, solutions=False)
    for cell in notebook.cells:
        for old, new in changes.items():
            cell.source = cell.source.replace(old, new)
    path = tmp_path / student / "02-small.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    return path


UNTOUCHED = "not solved: the cell is as it was handed out"


@pytest.mark.parametrize(
    ("double", "answer", "messages"),
    [
        ("    return two * x", "answer = double(21)", ["", ""]),
        ("    return x", "answer = 42", ["AssertionError: four doubled", ""]),
        ("    raise SystemExit", "answer = 42", ["SystemExit: ", ""]),
        ("    ...", "answer = 41", [UNTOUCHED, "AssertionError: "]),
        ("    return two * x", "import os; os._exit(3)", ["", "stopped"]),
    ],
    ids=["right", "wrong", "exits Python", "untouched", "ends the process"],
)
def test_each_exercise_is_tried_and_told_apart(chapter, tmp_path, double, answer, messages):
    found = grade(submit(chapter, tmp_path, {"    ...": double, "answer = ...": answer}), chapter, "runs/mine")
    assert list(found) == COLUMNS
    assert found[["student", "exercise"]].to_numpy().tolist() == [["ada", "ex-double"], ["ada", "ex-answer"]]
    assert found.message.tolist() == messages
    assert found.passed.tolist() == [not message for message in messages]


def test_changed_check_passes_nobody(chapter, tmp_path):
    changes = {"    ...": "    return x", "assert double(4) == 8": "assert True"}
    assert not grade(submit(chapter, tmp_path, changes), chapter, "runs/mine").passed.any()


def test_endless_answer_is_stopped_and_what_came_before_it_counts(chapter, tmp_path):
    changes = {"    ...": "    return two * x", "answer = ...": "while True: pass"}
    found = grade(submit(chapter, tmp_path, changes), chapter, "runs/mine", seconds=8)
    assert found.passed.tolist() == [True, False]
    assert "more than 8 seconds" in found.message[1]


def test_what_an_answer_writes_goes_to_no_ones_run(chapter, tmp_path):
    chapter.write_text(
        chapter.read_text().replace(
            "two = 2", "from bookchain.chapter import Chapter\nplace = Chapter('02-small', run)\ntwo = 2"
        )
    )
    changes = {"answer = ...": "raise ValueError(place.folder)"}
    (found,) = grade(submit(chapter, tmp_path, changes), chapter, "runs/mine").message[1:]
    assert found.startswith("ValueError: ")
    assert not Path(found.removeprefix("ValueError: ")).is_relative_to(project_root())
    assert not (project_root() / "runs/mine-own").exists()


def test_copies_are_found_the_newest_counts_and_the_rest_is_named(tmp_path):
    for age, name in enumerate(["ada/01-a (1).ipynb", "ada/01-a.ipynb", "bob/01-a-Copy2.ipynb", "bob/notes.ipynb"]):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, (0, 100 - age))
    found, passed_over = grading.submissions(tmp_path, {"01-a"})
    assert {key: path.name for key, path in found.items()} == {
        ("ada", "01-a"): "01-a (1).ipynb",
        ("bob", "01-a"): "01-a-Copy2.ipynb",
    }
    assert [path.name for path in passed_over] == ["01-a.ipynb", "notes.ipynb"]


def test_folder_without_submissions_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["grade", str(tmp_path)])
    with pytest.raises(SystemExit):
        grading.main()
    assert "keep the names of the student edition" in capsys.readouterr().err

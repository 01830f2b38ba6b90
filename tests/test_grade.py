"""Grading: right answers pass, wrong, missing and endless ones do not, and a changed check helps nobody."""

import nbformat
import pytest

from bookchain import grade as grading
from bookchain.grade import COLUMNS, grade
from bookchain.student import edition

SOURCE = """---
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


def test_right_answers_pass_and_rows_name_student_and_exercise(chapter, tmp_path):
    path = submit(chapter, tmp_path, {"    ...": "    return two * x", "answer = ...": "answer = double(21)"})
    found = grade(path, chapter, "runs/mine")
    assert list(found) == COLUMNS
    assert found[["student", "exercise", "passed"]].to_numpy().tolist() == [
        ["ada", "ex-double", True],
        ["ada", "ex-answer", True],
    ]


def test_wrong_answer_is_told_with_the_checks_message_and_the_next_is_still_tried(chapter, tmp_path):
    found = grade(
        submit(chapter, tmp_path, {"    ...": "    return x", "answer = ...": "answer = 42"}), chapter, "runs/mine"
    )
    assert found.passed.tolist() == [False, True]
    assert found.message[0] == "AssertionError: four doubled"


def test_changed_check_passes_nobody(chapter, tmp_path):
    found = grade(submit(chapter, tmp_path, {"assert double(4) == 8": "assert True"}), chapter, "runs/mine")
    assert not found.passed.any()


def test_endless_answer_is_stopped_and_what_came_before_it_counts(chapter, tmp_path):
    changes = {"    ...": "    return two * x", "answer = ...": "while True: pass"}
    found = grade(submit(chapter, tmp_path, changes), chapter, "runs/mine", seconds=20)
    assert found.passed.tolist() == [True, False]
    assert "more than 20 seconds" in found.message[1]


def test_answer_that_ends_the_process_is_not_passed(chapter, tmp_path):
    found = grade(submit(chapter, tmp_path, {"answer = ...": "import os; os._exit(3)"}), chapter, "runs/mine")
    assert found.passed.tolist() == [False, False]


def test_folder_without_submissions_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["grade", str(tmp_path)])
    with pytest.raises(SystemExit):
        grading.main()
    assert "keep the names of the student edition" in capsys.readouterr().err

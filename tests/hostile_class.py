"""A small project with one chapter, and what a hostile class hands in for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
from conftest import ROOT

from bookchain.editions.student import edition

CHAPTER = """---
chapter: {needs: [01-first], trains: false, memory_gb: 1, minutes: 1, threads: 1, gpus: 0}
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
import numpy as np
from bookchain.chapter import Chapter

chapter = Chapter("02-small", run)
source = chapter.upstream("01-first")
two = int((source / "two.txt").read_text())
```

```{exercise}
:label: ex-double

Write `double`.
```

```{solution-start} ex-double
```

```{code-cell} ipython3
:tags: [solution]

from math import isfinite


def double(x):
    return two * x
```

```{code-cell} ipython3
:tags: [check]

assert np.isclose(double(4), 8), "four doubled"
assert np.allclose(double(np.array([0.5, 1])), [1, 2]), "halves doubled"
assert isfinite(double(1))
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

answer = 42
```

```{code-cell} ipython3
:tags: [check]

assert answer == 42
```

```{solution-end}
```

```{exercise}
:label: ex-lines

Write `lines`.
```

```{solution-start} ex-lines
```

```{code-cell} ipython3
:tags: [solution]

def lines(path):
    return len(open(path).readlines())
```

```{code-cell} ipython3
:tags: [check]

from pathlib import Path
from tempfile import TemporaryDirectory

with TemporaryDirectory() as folder:
    file = Path(folder, "text")
    file.write_text("one\\ntwo\\n")
    assert lines(file) == 2
```

```{solution-end}
```
"""
ASLEEP = str(10**6 + os.getpid())  # seconds, by which the processes that this run's answers start are known
LABELS = ["ex-double", "ex-answer", "ex-lines"]
IMPORT = "from math import isfinite\n\n\n"
RIGHT = {
    "double": f"{IMPORT}def double(x):\n    return two * x",
    "answer": "answer = 42",
    "lines": "def lines(path):\n    return len(open(path).readlines())",
}
WRONG = f"{IMPORT}def double(x):\n    return 0\n\n\n"
PASSED = {"exercise": "ex-double", "passed": True, "message": "", "printed": "", "seconds": 0, "edition": ""}

PATCHES = f"""{WRONG}
import builtins, math
np.isclose = np.allclose = math.isfinite = lambda *a, **k: True
builtins.AssertionError = type("Never", (Warning,), dict())
"""
WRITES = f"""{WRONG}
import os
for number in range(1, 64):
    try:
        os.write(number, b'''{json.dumps(PASSED)}\\n''')
    except OSError:
        pass
"""
EQUAL = f"""{IMPORT}class Equal(float):
    __eq__ = __le__ = __lt__ = __bool__ = lambda *a: True
    __array__ = lambda *a, **k: 1 / 0


def double(x):
    return Equal(0)
"""
EMPTY = f"""{IMPORT}def double(x):
    return np.empty((0, 1)) if np.ndim(x) else 2 * x
"""
READS = """
text = open('PROJECT/notebooks/02-small.md').read()
exec(text.split('[solution]')[1].split('```')[0])
"""
MEMORY = "answer = np.ones(2**31)"
MANY = f"""
import subprocess, time
for _ in range(60):
    subprocess.Popen(['sleep', '{ASLEEP}'])
time.sleep(5)
answer = 42
"""
LEAVES = f"""
import subprocess
subprocess.Popen(['sleep', '{ASLEEP}'], start_new_session=True)
answer = 42
"""
OVERWRITES = """
import os
def double(x):
    return 3 * x
os.chmod(source / 'two.txt', 0o666)
(source / 'two.txt').write_text('3')
"""
NOTEBOOK = """
%matplotlib inline
!ls
names = !ls
display(names)
def double(x):
    display(x)
    return two * x
get_ipython()
print("yes" * 10**6)
"""
FORMULA = """
class Formula(Exception):
    pass
Formula.__name__ = '=1+1'
raise Formula('one\\n\\0\\ud800,"<script>')
"""

# What each student answers otherwise than right, and the points that this is worth in the three exercises.
CLASS = {
    "right": ({}, "111"),
    "patches": ({"double": PATCHES}, "011"),
    "writes results": ({"double": WRITES}, "011"),
    "equal": ({"double": EQUAL, "answer": EQUAL + "\n\nanswer = Equal()"}, "001"),
    "empty": ({"double": EMPTY}, "011"),
    "reads": ({"double": READS}, "011"),
    "endless": ({"double": "def double(x):\n    while True:\n        pass"}, "011"),
    "endless print": ({"lines": "while True:\n    print('no' * 1000)"}, "110"),
    "memory": ({"answer": MEMORY}, "101"),
    "large": ({"answer": "answer = 'x' * 10**8"}, "101"),
    "many": ({"answer": MANY}, "101"),
    "leaves": ({"answer": LEAVES}, "111"),
    "ends": ({"double": "import os\nos._exit(0)", "answer": "raise SystemExit"}, "001"),
    "overwrites": ({"double": OVERWRITES}, "011"),
    "notebook": (
        {"double": NOTEBOOK, "lines": "def lines(path):\n    return len(Path(path).open().readlines())"},
        "111",
    ),
    "check": ({"answer": "answer = 41", "check": "assert True"}, "101"),
    "=HYPERLINK(1)": ({"answer": FORMULA}, "101"),
}


def command(project, *words, module="grade", **environment):
    """Run a module of the editions as make does, but with what would take the asserts out of it."""
    line = [sys.executable, "-m", f"bookchain.editions.{module}", *map(str, words)]
    return subprocess.run(
        line,
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONOPTIMIZE": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def hand_in(path: Path, project: Path, **answers: str) -> Path:
    """Write a student's notebook with right answers but for those given; `check` replaces all checks."""
    notebook, _ = edition(project / "notebooks" / "02-small.md")
    for cell in notebook.cells:
        name = cell.metadata.get("exercise", "").removeprefix("ex-")
        if "solution" in cell.metadata.get("tags", []):
            cell.source = answers.get(name, RIGHT[name]).replace("PROJECT", str(project))
        elif name:
            cell.source = answers.get("check", cell.source)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def small_project(folder: Path) -> Path:
    """Make a project of one chapter, with the run that it needs."""
    (folder / "notebooks").mkdir(parents=True)
    (folder / "notebooks" / "02-small.md").write_text(CHAPTER)
    for name in ("bookchain", "cxrlib", "phantom", "_toc.yml"):
        (folder / name).symlink_to(ROOT / name)
    first = folder / "runs" / "mine" / "01-first"
    first.mkdir(parents=True)
    (first / "two.txt").write_text("2")
    (first / "complete.json").write_text(json.dumps({"files": ["two.txt"]}))
    return folder

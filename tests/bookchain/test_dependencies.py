"""What makes a chapter run again, and what does not; what a chapter declares, and what its code does."""

import ast
import os
import shutil

import pytest
from conftest import SOURCES

from bookchain import dependencies

CHAPTER = """\
---
chapter: {needs: [01-preprocessing], trains: false, memory_gb: 2, minutes: 5, threads: 3, gpus: 0}
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---

# A chapter

Prose.

```{code-cell} ipython3
:tags: [parameters]

run = "runs/quick"
epochs = 2  # 100 in the paper
sizes = (1, 2)
```

```{code-cell} ipython3
%matplotlib inline
import numpy as np
from bookchain.chapter import Chapter
from cxrlib.lungs import segment

!ls
chapter = Chapter("02-noise-and-blur", run)
masks = chapter.upstream("01-preprocessing") / "masks.npy"
```
"""

PACKAGE = {
    "__init__.py": "",
    "lungs.py": "import numpy\nfrom cxrlib import images\n",
    "images.py": "def read():\n    from cxrlib.datasets.kermany import index\n",
    "unused.py": "import cxrlib.images\n",
    "constants.py": "LIMIT = 1\n",
    "datasets/__init__.py": "from .splits import split\n",
    "datasets/kermany.py": "from . import splits\n",
    "datasets/splits.py": "from ..constants import LIMIT\n",
    "datasets/alone.py": "",
}
USED = {
    "cxrlib",
    "cxrlib.lungs",
    "cxrlib.images",
    "cxrlib.constants",
    "cxrlib.datasets",
    "cxrlib.datasets.kermany",
    "cxrlib.datasets.splits",
}


@pytest.fixture
def chapter(tmp_path):
    """Function that writes a chapter's source under a new name: a file is read once a process."""
    written = []

    def write(text=CHAPTER):
        path = tmp_path / f"{len(written):02}-chapter.md"
        path.write_text(text)
        written.append(path)
        return path

    return write


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "cxrlib"
    for name, text in PACKAGE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("Prose.", "Better prose, longer.\n\nTwo paragraphs.", True),
        ("# A chapter", "# Another title", True),
        ("Prose.", "```{note}\nA note.\n```", True),
        ("epochs = 2  #", "epochs = 3  #", False),
        ("import numpy as np", "import numpy", False),
        ("%matplotlib inline", "%matplotlib agg", False),
        (
            "```{code-cell} ipython3\n%matplotlib",
            "```{code-cell} ipython3\n1\n```\n\n```{code-cell}\n%matplotlib",
            False,
        ),
    ],
)
def test_code_fingerprint(chapter, old, new, same):
    assert CHAPTER.count(old) == 1
    before = dependencies.code_fingerprint(chapter())
    after = dependencies.code_fingerprint(chapter(CHAPTER.replace(old, new)))
    assert (before == after) is same


def test_moving_code_between_cells_counts(chapter):
    split = CHAPTER.replace("sizes = (1, 2)\n", "```\n\n```{code-cell} ipython3\nsizes = (1, 2)\n")
    assert dependencies.code_fingerprint(chapter()) != dependencies.code_fingerprint(chapter(split))


def test_injected_parameters_do_not_count(chapter):
    injected = (
        "```{code-cell} ipython3\n:tags: [injected-parameters]\n\nepochs = 9\n```\n\n```{code-cell} ipython3\n%mat"
    )
    text = CHAPTER.replace("```{code-cell} ipython3\n%mat", injected)
    assert dependencies.code_fingerprint(chapter(text)) == dependencies.code_fingerprint(chapter())
    assert "epochs = 9" not in dependencies.code(chapter(text))


def test_magics_are_left_out_of_the_code(chapter):
    code = dependencies.code(chapter())
    compile(code, "chapter", "exec")
    assert "import numpy as np" in code


def test_parameter_values(chapter):
    assert list(dependencies.parameter_values(chapter())) == ["run", "epochs", "sizes"]
    assert dependencies.parameter_values(chapter())["epochs"] == 2


@pytest.mark.parametrize("tag", ["[other]", None])
def test_one_parameters_cell_is_needed(chapter, tag):
    text = CHAPTER.replace("[parameters]", tag) if tag else CHAPTER
    text += "" if tag else "\n```{code-cell} ipython3\n:tags: [parameters]\n\nx = 1\n```\n"
    with pytest.raises(ValueError, match=f"{0 if tag else 2} cells tagged `parameters`"):
        dependencies.parameter_values(chapter(text))


def test_with_values_replaces_what_was_used_and_keeps_comments():
    cell = 'run = "runs/quick"  # where\nsizes = [1, 2]  # paper: 3\nname = "a"'
    used = dependencies.with_values(cell, {"sizes": [3, 4], "run": "runs/quick", "unknown": 1})
    assert used == 'run = "runs/quick"  # where\nsizes = [3, 4]  # paper: 3\nname = "a"'


def test_front_matter_is_read_and_refused_when_it_lacks_a_field_or_has_another(chapter):
    assert dependencies.declared(chapter()) == (["01-preprocessing"], False, 2, 5, 3, 0)
    for wrong in (CHAPTER.replace("trains: false, ", ""), CHAPTER.replace("trains:", "train:")):
        with pytest.raises(ValueError, match=r"chapter.md: its front matter needs, under `chapter`, needs, trains, "):
            dependencies.declared(chapter(wrong))


def calls(tree, name):
    """Give the first argument of each call of a function or method."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [node.args[0] for node in nodes if isinstance(node.func, ast.Attribute) and node.func.attr == name]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_front_matter_says_what_the_code_does(source):
    declared, tree = dependencies.declared(source), ast.parse(dependencies.code(source))
    assert sorted({name.value for name in calls(tree, "upstream")}) == sorted(declared.needs)
    assert bool(calls(tree, "train")) == declared.trains


def fingerprints(path, package):
    root = package.parent
    return dependencies.module_fingerprints(path, root, dependencies.import_graph(root, ["cxrlib", "phantom"]))


def test_modules_and_the_imports_of_imports(chapter, package):
    assert set(fingerprints(chapter(), package)) == USED


@pytest.mark.parametrize("name", PACKAGE)
def test_a_change_shows_in_the_module_that_is_used_and_nowhere_else(chapter, package, name):
    path, file = chapter(), package / name
    before = fingerprints(path, package)
    file.write_text(file.read_text() + "# changed\n")
    after = fingerprints(path, package)
    module = ".".join(("cxrlib", *file.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
    assert {name for name in before if before[name] != after[name]} == {module} & USED


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import cxrlib.constants as c", {"cxrlib", "cxrlib.constants"}),
        ("from cxrlib.constants import read, write", {"cxrlib", "cxrlib.constants"}),
        ("from cxrlib import constants", {"cxrlib", "cxrlib.constants"}),
        ("if True:\n    import cxrlib.constants", {"cxrlib", "cxrlib.constants"}),
        ("import cxrlibrary, numpy.linalg; from os import path", set()),
    ],
)
def test_ways_to_import(chapter, package, source, modules):
    path = chapter(CHAPTER.replace("from cxrlib.lungs import segment", source))
    assert set(fingerprints(path, package)) == modules


def test_data_fingerprint(tmp_path):
    folder = tmp_path / "data"
    (folder / "train").mkdir(parents=True)
    file = folder / "train/a.jpeg"
    file.write_bytes(b"abc")
    whole, alone = dependencies.data_fingerprint(folder), dependencies.data_fingerprint(file)
    assert dependencies.data_fingerprint(folder) == whole
    shutil.copytree(folder, tmp_path / "moved")
    assert dependencies.data_fingerprint(tmp_path / "moved") == whole
    os.utime(file, ns=(1, 1))
    assert dependencies.data_fingerprint(folder) != whole
    assert dependencies.data_fingerprint(file) != alone
    shutil.copystat(tmp_path / "moved/train/a.jpeg", file)
    assert dependencies.data_fingerprint(folder) == whole
    file.rename(folder / "train/b.jpeg")
    assert dependencies.data_fingerprint(folder) != whole
    with pytest.raises(FileNotFoundError, match="give an existing path"):
        dependencies.data_fingerprint(file)


def test_data_behind_links_are_followed_and_a_circle_of_links_ends(tmp_path):
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    for path in (folder, elsewhere):
        path.mkdir()
    (folder / "linked").symlink_to(elsewhere)
    (folder / "above").symlink_to(folder)
    (folder / "broken").symlink_to(tmp_path / "nowhere")
    before = dependencies.data_fingerprint(folder)
    (elsewhere / "a.jpeg").write_bytes(b"abc")
    assert dependencies.data_fingerprint(folder) != before

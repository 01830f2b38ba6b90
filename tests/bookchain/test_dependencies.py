"""Tests of bookchain.sources: what makes a chapter run again, and what does not."""

import os
import shutil

import pytest

from bookchain import dependencies

CHAPTER = """\
---
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
more = chapter.upstream('00-nothing')
again = chapter.upstream("01-preprocessing")
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


def test_parameter_names(chapter):
    path = chapter()
    assert dependencies.parameter_names(path) == ["run", "epochs", "sizes"]
    assert dependencies.parameters_cell(path).startswith('run = "runs/quick"\nepochs = 2  # 100')


@pytest.mark.parametrize("tag", ["[other]", None])
def test_one_parameters_cell_is_needed(chapter, tag):
    text = CHAPTER.replace("[parameters]", tag) if tag else CHAPTER
    text += "" if tag else "\n```{code-cell} ipython3\n:tags: [parameters]\n\nx = 1\n```\n"
    with pytest.raises(ValueError, match=f"{0 if tag else 2} cells tagged `parameters`"):
        dependencies.parameters_cell(chapter(text))


def test_upstream_chapters(chapter):
    assert dependencies.upstream(chapter()) == ["00-nothing", "01-preprocessing"]
    assert dependencies.upstream(chapter(CHAPTER.replace("chapter.upstream", "chapter.downstream"))) == []


def test_upstream_in_prose_does_not_count(chapter):
    text = CHAPTER.replace("Prose.", 'See `chapter.upstream("05-ensembles")`.')
    assert "05-ensembles" not in dependencies.upstream(chapter(text))


def test_modules_and_the_imports_of_imports(chapter, package):
    assert set(dependencies.module_fingerprints(chapter(), package)) == USED


@pytest.mark.parametrize("name", [name for name in PACKAGE if name not in ("unused.py", "datasets/alone.py")])
def test_a_change_in_any_used_module_shows(chapter, package, name):
    path = chapter()
    before = dependencies.module_fingerprints(path, package)
    file = package / name
    file.write_text(file.read_text() + "# changed\n")
    after = dependencies.module_fingerprints(path, package)
    changed = {module for module in before if before[module] != after[module]}
    module = ".".join(("cxrlib", *file.relative_to(package).with_suffix("").parts)).removesuffix(".__init__")
    assert changed == {module}


@pytest.mark.parametrize("name", ["unused.py", "datasets/alone.py"])
def test_a_change_elsewhere_does_not_show(chapter, package, name):
    path = chapter()
    before = dependencies.module_fingerprints(path, package)
    (package / name).write_text("import this\n")
    assert dependencies.module_fingerprints(path, package) == before


@pytest.mark.parametrize(
    ("source", "own", "modules"),
    [
        ("import cxrlib.images as i", "", {"cxrlib", "cxrlib.images"}),
        ("from cxrlib.images import read, write", "", {"cxrlib", "cxrlib.images"}),
        ("from cxrlib import images, lungs", "", {"cxrlib", "cxrlib.images", "cxrlib.lungs"}),
        ("if True:\n    import cxrlib.constants", "", {"cxrlib", "cxrlib.constants"}),
        ("from .splits import x", "cxrlib.datasets", {"cxrlib", "cxrlib.datasets", "cxrlib.datasets.splits"}),
        ("from .. import images", "cxrlib.datasets", {"cxrlib", "cxrlib.images"}),
        ("import cxrlibrary, numpy.linalg; from os import path", "", set()),
    ],
)
def test_imported_modules(package, source, own, modules):
    assert dependencies.imported_modules(source, "cxrlib", package, own) == modules


def test_module_closure_of_this_project(chapter):
    from conftest import ROOT

    path = chapter(CHAPTER.replace("from cxrlib.lungs import segment", "from cxrlib.data.cropping import read_pairs"))
    found = dependencies.module_fingerprints(path, ROOT / "cxrlib")
    assert {"cxrlib.data.cropping", "cxrlib.data.images", "cxrlib.networks.lungs"} <= set(found)
    assert "cxrlib.evaluation.significance" not in found


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

"""Each chapter stands twice in notebooks/: MyST source and paired notebook; they must say the same."""

import jupytext
import nbformat
import pytest
from conftest import SOURCES


def content(notebook):
    return notebook.metadata["chapter"], [
        (cell.cell_type, cell.source, tuple(cell.metadata.get("tags", [])), cell.metadata.get("mystnb"))
        for cell in notebook.cells
    ]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_pair_says_the_same(source):
    pair = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert content(jupytext.read(source)) == content(pair), f"{source.name} and its notebook differ: run `make sync`"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(source):
    pair = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    nbformat.validate(pair)
    assert all(not cell.outputs and cell.execution_count is None for cell in pair.cells if cell.cell_type == "code")

"""Code on the pages: folded, but for a few teaching cells of each chapter, which show no glue and fit the page."""

import jupytext
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_notebook

from bookchain.dependencies import code_cells, sources
from bookchain.site import SHOWN, fold_code

HIDDEN = {"hide-input", "remove-input", "remove-cell", "solution", "check"}


def tags(cell):
    return set(cell.metadata.get("tags", []))


def test_code_is_folded_unless_it_teaches_or_is_hidden_already():
    kinds = [[], ["parameters"], ["teaching"], ["solution"], ["remove-cell"], ["hide-input"]]
    cells = fold_code(new_notebook(cells=[new_code_cell("1", metadata={"tags": kind}) for kind in kinds])).cells
    expected = [["hide-input"], ["parameters", "hide-input"], ["teaching"], ["solution"], ["remove-cell"]]
    assert [cell.metadata["tags"] for cell in cells] == [*expected, ["hide-input"]]


@pytest.mark.parametrize("source", sources(ROOT), ids=lambda path: path.stem)
def test_a_chapter_shows_two_to_four_cells_of_code_without_glue(source):
    shown = [cell for cell in code_cells(fold_code(jupytext.read(source))) if not tags(cell) & HIDDEN]
    assert 2 <= len(shown) <= 4, f"tag {SHOWN} the cells that a reader should see"
    assert not [cell.source for cell in shown if "glue(" in cell.source], "glue belongs into a hidden cell"

"""The assembled site: outputs go to the cells that made them, and the values really used are shown."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookchain.site import merge, opener


def executed():
    output = new_output("stream", text="3\n")
    cells = [
        new_markdown_cell("old prose"),
        new_code_cell("epochs = 1  # paper: 9", metadata={"tags": ["parameters"]}),
        new_code_cell("epochs = 3", metadata={"tags": ["injected-parameters"]}),
        new_code_cell("print(epochs)", outputs=[output], execution_count=3),
    ]
    return new_notebook(cells=cells, metadata={"papermill": {"parameters": {"epochs": 3}}})


def source(code="print(epochs)"):
    parameters = new_code_cell("epochs = 1  # paper: 9", metadata={"tags": ["parameters"]})
    return new_notebook(cells=[new_markdown_cell("new prose"), parameters, new_code_cell(code)])


def test_prose_is_new_outputs_are_the_runs_and_no_injected_cell_is_left():
    merged = merge(source(), executed())
    nbformat.validate(merged)
    assert [cell.source for cell in merged.cells] == ["new prose", "epochs = 3  # paper: 9", "print(epochs)"]
    assert merged.cells[2].outputs[0].text == "3\n"


def test_changed_code_is_not_shown_with_old_outputs():
    with pytest.raises(ValueError, match="has changed since it was executed"):
        merge(source("print(epochs + 1)"), executed())


def chapter(opening):
    return new_notebook(cells=[new_markdown_cell(opening), new_markdown_cell("word " * 449)])


def test_opener_tells_the_time_to_read_and_to_run():
    opening = "# Title\n\n- **You need** nothing.\n- **In the paper:** section 2.2,\n  with Table 1.\n\nMore."
    told = opener(chapter(opening), 61.7).cells[0].source
    assert "with Table 1.\n- **Time:** about 3 minutes to read; it took 62 seconds to run" in told
    assert told.endswith("\n\nMore.")
    assert "minutes to run" in opener(chapter(opening), 1668).cells[0].source


def test_opener_is_silent_on_what_was_not_measured():
    told = opener(chapter("# Title\n\n- **In the paper:** section 2.2."), None).cells[0].source
    assert told.endswith("- **Time:** about 3 minutes to read.")

"""The assembled site: outputs go to the cells that made them, and the values really used are shown."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookchain.site import merge, opener, without_paths

ROOT = Path("/project")


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
    merged = merge(source(), executed(), ROOT)
    nbformat.validate(merged)
    assert [cell.source for cell in merged.cells] == ["new prose", "epochs = 3  # paper: 9", "print(epochs)"]
    assert merged.cells[2].outputs[0].text == "3\n"


def test_changed_code_is_not_shown_with_old_outputs():
    with pytest.raises(ValueError, match="has changed since it was executed"):
        merge(source("print(epochs + 1)"), executed(), ROOT)


def figure(data, **metadata):
    """Give a source and its execution, whose last cell shows `data`."""
    written, ran = source(), executed()
    written.cells[2].metadata |= metadata
    ran.cells[3].outputs = [new_output("execute_result", data=data, execution_count=3)]
    return written, ran


def test_a_figure_without_its_picture_is_named():
    named = {"mystnb": {"figure": {"name": "fig-curves"}}}
    drawn_nowhere = {"text/plain": "<Figure size 640x480 with 1 Axes>"}
    with pytest.raises(ValueError, match=r"code cell 2 \(fig-curves\) shows no picture"):
        merge(*figure(drawn_nowhere, **named), ROOT)
    with pytest.raises(ValueError, match=r"code cell 2 \(print\(epochs\)\) shows no picture"):
        merge(*figure(drawn_nowhere), ROOT)
    assert merge(*figure(drawn_nowhere | {"image/png": "aGk="}, **named), ROOT)
    assert merge(*figure({"text/plain": "<Styler>", "text/html": "<table>"}, **named), ROOT)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("/data/jane's/x-rays/a.jpeg", "KERMANY/a.jpeg"),
        ("at /data/jane&#x27;s/x-rays: no", "at KERMANY: no"),
        ("/data/jane's/x-rays-2", "/data/jane's/x-rays-2"),
        ("'/elsewhere/masks'", "'LUNG_MASKS'"),
        ("../elsewhere/masks", "LUNG_MASKS"),
        ("/home/jane/.cache/x", "~/.cache/x"),
        ("/project/runs/quick", "./runs/quick"),
        ("/projects", "/projects"),
        ("data/inside", "data/inside"),
    ],
)
def test_paths_outside_the_project_have_names(given, shown, monkeypatch):
    monkeypatch.setenv("HOME", "/home/jane")
    values = {"kermany": "/data/jane's/x-rays", "lung_masks": "../elsewhere/masks", "vindr": "data/inside", "seed": 1}
    assert without_paths(given, values, ROOT) == shown


def test_no_private_path_is_in_a_merged_chapter_and_pictures_are_as_they_were():
    written, ran = figure({"text/html": "<p>/data/x/a.jpeg</p>", "image/png": "/data/x/"})
    written.cells[1].source = ran.cells[1].source = 'vindr = ""'
    ran.metadata.papermill.parameters = {"vindr": "/data/x"}
    ran.cells[3].outputs.append(new_output("stream", name="stderr", text="/data/x: slow"))
    merged = merge(written, ran, ROOT)
    assert merged.cells[1].source == "vindr = 'VINDR'"
    assert merged.cells[2].outputs[0].data == {"text/html": "<p>VINDR/a.jpeg</p>", "image/png": "/data/x/"}
    assert merged.cells[2].outputs[1].text == "VINDR: slow"


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

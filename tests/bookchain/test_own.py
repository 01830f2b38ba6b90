"""Pages of a run on the reader's own images say what to read for which word, and call no image a radiograph."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from bookchain import own

USED = {"restoration": "own", "classification": "own", "cohort_table": "/secret/place/my_leaves.csv"}


@pytest.fixture
def run(tmp_path):
    (tmp_path / "01-preprocessing").mkdir()
    (tmp_path / "01-preprocessing/classes.csv").write_text("label,name\n0,not *oval*\n1,oval\n")
    return tmp_path


def test_the_notice_names_table_purposes_and_classes_and_no_path(run):
    told = " ".join(own.notice(run, USED).split())
    assert "This run read the table **my\\_leaves.csv**, for restoration and classification." in told
    assert "classes are *not \\*oval\\** and *oval*" in told
    assert "secret" not in told
    assert "for restoration." in " ".join(own.notice(run, USED | {"classification": "vindr"}).split())


def test_a_run_on_known_data_has_no_notice(run):
    assert own.notice(run, {"restoration": "kermany", "classification": "kermany"}) == ""


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Chest radiographs in a row, each with a frame.", "Images in a row, each with a frame."),
        ("A chest radiograph four times.", "An image four times."),
        ("Radiographs as they come; a radiograph of a child.", "Images as they come; an image of a patient."),
        ("Intervals over resampled children.", "Intervals over resampled patients."),
        ("Loss in nats.", "Loss in nats."),
    ],
)
def test_captions_speak_of_images(written, shown):
    cell = new_code_cell(
        "", metadata={"mystnb": {"figure": {"caption": written, "name": "x"}, "image": {"alt": written}}}
    )
    notebook = new_notebook(cells=[new_code_cell("radiograph"), cell])
    own.reword_captions(notebook)
    assert cell.metadata["mystnb"] == {"figure": {"caption": shown, "name": "x"}, "image": {"alt": shown}}
    assert notebook.cells[0].source == "radiograph"

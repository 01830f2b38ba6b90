"""The first page's moving part: taken from what the chapters showed, refused where they showed nothing."""

from base64 import b64encode

import nbformat
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_notebook, new_output

from bookchain import findings_page, front_page

SLIDER = '<div class="before-after" style="--share:50%"><input type="range"></div>'
NAMES = """restoration_origin origin pretext_paper ensemble_paper pretext_word ensemble_word by_threshold trivial_normal
network_filter pretext_run transfer_why trainings"""
VALUES = {name: f"<{name}>" for name in NAMES.split()}


def run_with(folder, audit):
    (folder / "executed").mkdir()
    for (chapter, name), data in {front_page.SLIDER: {"text/html": 2 * SLIDER}, front_page.FIGURE: audit}.items():
        told = {"figure": {"name": name}, "image": {"alt": "Two panels\nof intervals."}}
        outputs = [new_output("display_data", data=data)] if data else []
        cells = [new_code_cell("1"), new_code_cell("2", metadata={"mystnb": told}, outputs=outputs)]
        nbformat.write(new_notebook(cells=cells), folder / "executed" / f"{chapter}.ipynb")
    return folder


def test_one_slider_the_figure_and_what_was_found_are_written(tmp_path):
    run = run_with(tmp_path, {"image/png": b64encode(b"picture").decode()})
    front_page.write(run, tmp_path, VALUES)
    text = (tmp_path / "front.md").read_text()
    assert text.count("before-after") == 1
    assert "![Two panels of intervals.](front-audit.png)" in text
    assert (tmp_path / "front-audit.png").read_bytes() == b"picture"
    assert all(value in text for value in VALUES.values())
    for origin in ("published", "real", "<origin>"):
        assert f"{{origin}}`{origin}`" in text


def test_a_drawing_stays_a_drawing(tmp_path):
    front_page.write(run_with(tmp_path, {"image/svg+xml": "<svg/>"}), tmp_path, VALUES)
    assert (tmp_path / "front-audit.svg").read_text() == "<svg/>"


def test_a_figure_that_is_not_shown_is_named(tmp_path):
    with pytest.raises(ValueError, match="fig-audit-verdict is not shown; run `make book`"):
        front_page.write(run_with(tmp_path, {}), tmp_path, VALUES)


def test_the_first_page_has_a_place_for_it():
    assert "{include} front.md" in (ROOT / "book/intro.md").read_text()
    assert (ROOT / "book/front.md").is_file()
    assert findings_page.TEMPLATE.parent == front_page.TEMPLATE.parent

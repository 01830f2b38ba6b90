"""Numbers of a run in the sentences of a notebook that has not run: those that the book shows."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bookchain.editions.numbers import glued, in_text, with_numbers

VALUES = {
    "gain": "2.346",
    "way": "'area'",
    "told": "'one and two'",
    "framing": "The {term}`crop` is *square*.",
    "n": "12",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("by {glue:text}`gain:.1f` dB", "by **2.3** dB"),
        ("{glue:text}`n` of {glue:text}`n:.2f`", "**12** of **12.00**"),
        ('as "{glue:text}`way`"', 'as "**area**"'),
        ("is {glue:text}`told`.", "is one and two."),
        ("{glue:md}`framing` So", "The {term}`crop` is *square*. So"),
        ("a\n\n```{glue:md} framing\n:format: myst\n```\n\nb", "a\n\nThe {term}`crop` is *square*.\n\nb"),
        ("{glue:text}`other:.1f` and `{glue}`", "{glue:text}`other:.1f` and `{glue}`"),
    ],
)
def test_values_are_written_as_in_the_book(text, expected):
    assert in_text(text, VALUES) == expected


def test_values_come_from_an_executed_notebook(tmp_path):
    def record(name, kind, value):
        metadata = {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
        return new_output("display_data", data={f"application/papermill.record/{kind}": value}, metadata=metadata)

    framing = record("framing", "text/markdown", "So.")
    framing.data["application/papermill.record/text/plain"] = "<IPython.core.display.Markdown object>"
    outputs = [
        record("gain", "text/plain", "2.3"),
        framing,
        new_output("stream", text="x"),
    ]
    nbformat.write(new_notebook(cells=[new_code_cell("glue()", outputs=outputs)]), tmp_path / "a.ipynb")
    assert glued(tmp_path / "a.ipynb") == {"gain": "2.3", "framing": "So."}
    assert glued(tmp_path / "none.ipynb") == {}


def test_captions_have_them_too():
    figure = {"name": "fig-a", "caption": "Of {glue:text}`n` films."}
    cells = [
        new_markdown_cell("{glue:text}`n`"),
        new_code_cell("{glue:text}`n`", metadata={"mystnb": {"figure": figure}}),
    ]
    prose, code = with_numbers(new_notebook(cells=cells), VALUES).cells
    assert prose.source == "**12**"
    assert code.source == "{glue:text}`n`"
    assert code.metadata.mystnb.figure.caption == "Of **12** films."

"""Tables 2 and 3 as shown: this run's numbers and the paper's are told apart."""

import numpy as np
import pandas as pd
import pytest

from cxrlib.evaluation import published
from cxrlib.figures import tables


def test_table_3_shows_ours_above_theirs_and_leaves_the_control_alone():
    scores = dict.fromkeys(tables.SCORE_NAMES, 0.5)
    ours = pd.DataFrame([{"model": "Baseline", **scores}, {"model": "Random start", **scores}])
    html = tables.classification(ours, published.as_frame(published.TABLE_3)).to_html()
    assert "0.500<br><i>0.198</i>" in html
    assert html.count("0.500<br><i></i>") == len(tables.SCORE_NAMES)


def test_table_2_sets_the_published_line_in_italics():
    scores = pd.DataFrame(
        [
            {"task": "denoising", "method": "Sharp U-Net", "psnr": 30.0, "ssim": 0.9, "haarpsi": 0.8},
            {"task": "denoising", "method": "paper (published)", "psnr": 29.7535, "ssim": 0.6578, "haarpsi": 0.7909},
        ]
    )
    html = tables.restoration(scores).to_html()
    assert "29.75" in html
    assert "PSNR (dB)" in html
    italic = [line for line in html.splitlines() if line.startswith("#T_") and "col0" in line]
    assert any("row1_col0" in line for line in italic)
    assert not any("row0_col0" in line for line in italic)


@pytest.mark.parametrize(
    ("value", "written"), [(-0.1481, "−0.148"), (-0.0004, "0.000"), (0, "0.000"), (1.0, "1.000"), (0.0302, "0.030")]
)
def test_differences_have_a_minus_sign_and_three_decimals_or_as_many_as_one_says(value, written):
    assert tables.signed(value) == written
    assert [tables.signed(-value, 1, plus=True) for value in (-0.25, 0.25, 0.01, -0.04)] == [
        "+0.2",
        "−0.2",
        "0.0",
        "0.0",
    ]


@pytest.mark.parametrize(
    ("p", "written"),
    [(0.0449716, "0.045"), (1.6e-29, "<0.001"), (0.00099, "<0.001"), (0.001, "0.001"), (0.999, "0.999"), (1, ">0.999")],
)
def test_p_values_have_three_decimals_or_a_limit(p, written):
    assert tables.p_value(p) == written


def test_a_table_of_pairs_writes_each_column_in_its_way():
    tests = pd.DataFrame(
        {
            "model_1": ["A", "A"],
            "model_2": ["B", "C"],
            "difference": [-0.25, 0.0312],
            "low": [-0.5, -0.1],
            "high": [0.0, 0.162],
            "hits": [3, 4],
            "needed": pd.array([5, None], dtype="Int64"),
            "p_holm": [1e-9, np.float64(0.2)],
        }
    )
    names = {
        "difference": "difference",
        "interval": "95 % interval",
        "hits": "hits",
        "needed": "n",
        "p_holm": "p, Holm",
    }
    styler = tables.pairs(tests, names)
    assert styler.data.columns.tolist() == list(names.values())
    assert styler.data.loc[("A", "B")].tolist() == ["−0.250", "−0.500 to 0.000", "3", "5", "&lt;0.001"]
    assert styler.data.loc[("A", "C")].tolist() == ["0.031", "−0.100 to 0.162", "4", "–", "0.200"]
    assert "&lt;0.001" in styler.to_html()
    assert "<0.001" not in styler.to_html()
    assert "interval" not in tests


def test_an_interval_over_children_stands_in_italics_below_the_tests_own():
    tests = pd.DataFrame(
        {"model_1": ["A"], "model_2": ["B"], "low": [-0.1], "high": [0.2], "child_low": [-0.15], "child_high": [0.25]}
    )
    html = tables.pairs(tests, {"interval": "95 % interval"}).to_html()
    assert "−0.100 to 0.200<br><i>−0.150 to 0.250</i>" in html

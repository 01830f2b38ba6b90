"""The figure of probes shows each start's own values in its own look, beside chance."""

import pandas as pd

from cxrlib.figures import encoders, style


def test_each_start_has_a_line_over_its_blocks_and_chance_is_marked():
    measured = pd.DataFrame(
        {
            "start": ["Den-P"] * 2 + ["Random start, He"] * 2,
            "block": [1, 2, 1, 2],
            "auc": [0.6, 0.7, 0.55, 0.8],
        }
    )
    figure = encoders.probe_scores(measured)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert lines["Den-P"].get_xydata().tolist() == [[1, 0.6], [2, 0.7]]
    assert lines["Random start, He"].get_xydata().tolist() == [[1, 0.55], [2, 0.8]]
    look = style.looks(["Den-P"])["Den-P"]
    assert (lines["Den-P"].get_color(), lines["Den-P"].get_marker()) == (look["color"], look["marker"])
    assert [list(line.get_ydata()) for line in figure.axes[0].lines][-1] == [0.5, 0.5]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Den-P", "Random start, He"]


def test_the_arms_that_take_a_start_apart_can_be_drawn():
    names = [name for name in style.LOOKS if "moments" in name or "blocks" in name]
    assert len(names) == 4
    measured = pd.DataFrame(
        [(name, block, 0.6) for name in names for block in (1, 2)], columns=["start", "block", "auc"]
    )
    encoders.probe_scores(measured).canvas.draw()

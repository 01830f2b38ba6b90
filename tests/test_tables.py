"""Tables 2 and 3 as shown: this run's numbers and the paper's are told apart."""

import pandas as pd

from cxrlib import published, tables


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

"""Result tables as the book shows them: this run's numbers above the paper's, narrow enough for a phone."""

import html
import re
from collections.abc import Mapping

import pandas as pd
from pandas.io.formats.style import Styler

SCORE_NAMES = {
    "balanced_accuracy": "Bal. acc.",
    "sensitivity": "Sens.",
    "specificity": "Spec.",
    "f_score": "F",
    "mcc": "MCC",
    "kappa": "κ",
    "youden": "J",
}
QUALITY_NAMES = {"psnr": "PSNR (dB)", "ssim": "SSIM", "haarpsi": "HaarPSI"}


def classification(ours: pd.DataFrame, published: pd.DataFrame, notes: Mapping[str, str] | None = None) -> Styler:
    """Return Table 3: one row per model, in each cell this run's score above the published one.

    Args:
        ours: Column model and the seven scores.
        published: The seven scores, models as index; models that the paper lacks have empty cells.
        notes: Model name to the name shown, as `arms.notes` returns it.

    Returns:
        A table for display.
    """
    cells = pd.DataFrame(index=pd.Index(ours.model, name="model"))
    for score, printed in SCORE_NAMES.items():
        values = ours.set_index("model")[score]
        theirs = published[score].reindex(values.index)
        cells[printed] = [
            f"{own:.3f}<br><i>{'' if pd.isna(other) else f'{other:.3f}'}</i>"
            for own, other in zip(values, theirs, strict=True)
        ]
    return cells.rename(index=notes or {}).style.set_table_attributes('class="compact results"')


def restoration(scores: pd.DataFrame) -> Styler:
    """Return Table 2: one row per task and method.

    Args:
        scores: Columns task, method, psnr (dB), ssim, haarpsi; published lines are in italics.

    Returns:
        A table for display.
    """
    shown = scores.rename(columns=QUALITY_NAMES).set_index(["task", "method"])[list(QUALITY_NAMES.values())]
    italic = shown.index.get_level_values("method").str.contains("published")
    return (
        shown.style.format({"PSNR (dB)": "{:.2f}", "SSIM": "{:.3f}", "HaarPSI": "{:.3f}"})
        .apply(lambda column: ["font-style: italic" if is_paper else "" for is_paper in italic], axis=0)
        .set_table_attributes('class="compact results"')
    )


def signed(value: float, decimals: int = 3, plus: bool = False) -> str:
    """Return a number as text with a true minus sign (U+2212), and a plus sign if asked for; zero has no sign.

    >>> signed(-0.0004), signed(0.25, 2, plus=True), signed(-0.04, 1, plus=True)
    ('0.000', '+0.25', '0.0')
    """
    written = f"{value:z.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    return f"+{written}" if plus and round(value, decimals) > 0 else written


def significant(value: float, digits: int = 2) -> str:
    """Return a number as text, rounded to so many significant digits and without an exponent.

    >>> significant(11234), significant(440.2), significant(1.04), significant(-0.00123), significant(0)
    ('11,000', '440', '1.0', '\u22120.0012', '0')
    """
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if not float(mantissa):
        return "0"
    written = f"{float(f'{mantissa}e{exponent}'):,.{max(0, digits - 1 - int(exponent))}f}"
    return written.replace("-", "\N{MINUS SIGN}")


def p_value(p: float) -> str:
    """Return a p value to three decimals, or a limit instead of 0 or 1.

    >>> p_value(0.0449716), p_value(1.6e-29), p_value(1)
    ('0.045', '<0.001', '>0.999')
    """
    return "<0.001" if p < 0.001 else ">0.999" if p > 0.999 else f"{p:.3f}"


def pairs(tests: pd.DataFrame, columns: Mapping[str, str]) -> Styler:
    """Return a table of tests of pairs of models, one row per pair.

    Args:
        tests: model_1, model_2 and the results of a test, as `significance.pairwise` and similar functions return them.
        columns: Column to its printed name. "interval" stands for the columns low and high, with child_low and
            child_high in italics below where the tests have them (`clusters.auc_pairs`). A column named p or `p_...` is
            written by `p_value`, other numbers that are not whole by `signed`; a missing value is a dash.

    Returns:
        A table for display.
    """
    tests = tests.assign(interval=_limits(tests, "low", "high")) if "interval" in columns else tests
    index = pd.MultiIndex.from_frame(tests[["model_1", "model_2"]], names=["first", "second"])
    cells = {
        printed: [_cell(value, re.match(r"p(_|$)", column) is not None) for value in tests[column]]
        for column, printed in columns.items()
    }
    if "interval" in columns and "child_low" in tests:
        by_child = _limits(tests, "child_low", "child_high")
        cells[columns["interval"]] = [
            f"{own}<br><i>{other}</i>" for own, other in zip(tests.interval, by_child, strict=True)
        ]
    return pd.DataFrame(cells, index=index).style.set_table_attributes('class="compact results"')


def _limits(tests: pd.DataFrame, low: str, high: str) -> list[str]:
    return [f"{signed(a)} to {signed(b)}" for a, b in zip(tests[low], tests[high], strict=True)]


def _cell(value: object, is_p: bool) -> str:
    if pd.isna(value):
        return "\N{EN DASH}"
    if is_p:
        return html.escape(p_value(value))  # "<0.001" would open a tag
    return signed(value) if isinstance(value, float) else html.escape(str(value))

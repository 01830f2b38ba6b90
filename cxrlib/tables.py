"""Result tables as the book shows them: this run's numbers above the paper's, narrow enough for a phone."""

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


def classification(ours: pd.DataFrame, published: pd.DataFrame) -> Styler:
    """Show Table 3: one row a model, in each cell this run's score above the published one.

    Args:
        ours: Column model and the seven scores.
        published: The seven scores, models as index; models that the paper lacks stay empty.

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
    return cells.style.set_table_attributes('class="compact results"')


def restoration(scores: pd.DataFrame) -> Styler:
    """Show Table 2: one row a task and method.

    Args:
        scores: Columns task, method, psnr (dB), ssim, haarpsi; published lines are set in italics.

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

"""Figure of the linear probes of encoders, block by block."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from cxrlib.figures.style import WIDTH_IN_INCHES, looks, styled


@styled
def probe_scores(measured: pd.DataFrame) -> Figure:
    """Draw the AUC of a linear probe after each block, one line per start; the dotted line is chance.

    Args:
        measured: One row per start and block: start, block (from 1, the shallowest), auc.
    """
    look = looks(dict.fromkeys(measured.start))
    rows = -(-len(look) // 2)
    figure, axes = plt.subplots(figsize=(WIDTH_IN_INCHES, 3.2 + 0.2 * rows))
    for start, lines in measured.groupby("start", sort=False):
        axes.plot(lines.block, lines.auc, label=start, lw=1.3, ms=6, **look[start])
    axes.axhline(0.5, color="0.4", ls=":", lw=1.3)
    axes.set(
        xlabel="block whose features the probe reads", ylabel="AUC of the probe", xticks=sorted(set(measured.block))
    )
    figure.legend(loc="outside upper center", ncols=2)
    return figure

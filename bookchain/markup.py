"""Pieces of MyST that several pages are written with."""

import pandas as pd


def csv_table(frame: pd.DataFrame, widths: str = "auto") -> str:
    """Give a frame as a table in MyST, without index and caption: numbers of tables are the chapters'.

    Args:
        frame: What the table shows; its columns are the heads.
        widths: Of the columns, as docutils takes them: "auto", or a share of each.

    >>> print(csv_table(pd.DataFrame({"what": ["seeds"], "this run": [3]})))
    ```{csv-table}
    :header-rows: 1
    :widths: auto
    :class: compact wrapped names
    <BLANKLINE>
    what,this run
    seeds,3
    ```
    """
    content = frame.to_csv(index=False, lineterminator="\n")
    return f"```{{csv-table}}\n:header-rows: 1\n:widths: {widths}\n:class: compact wrapped names\n\n{content}```"

"""Your own images: a table with one row per image, `path, patient, label`, and optional columns."""

from pathlib import Path, PurePosixPath, PureWindowsPath

import pandas as pd
from numpy.typing import ArrayLike

from cxrlib.data.cohort import PARTS
from cxrlib.data.issues import Issue
from cxrlib.data.listing import read_table

NEEDED = ("path", "patient", "label")
KNOWN_VALUES = {
    "split": PARTS,
    "purpose": ("restoration", "classification"),
}
"""Optional columns with values of their own; given for one row, they are given for all."""

OPTIONAL = ("finding", *KNOWN_VALUES, "mask")
BOX_COLUMNS = ["x_min", "y_min", "x_max", "y_max"]
SUFFIXES = (".csv", ".tsv")
NEGATIVE = ("normal", "negative", "healthy", "control", "benign", "no", "none", "false", "0")
"""Labels that say by themselves, in small letters, which of two classes is the negative one."""

FEW = 20  # patients of a class; with fewer, its parts of a split get too small to show anything

HOW = (
    "write a CSV with one row an image and the columns path (from the table's folder on), patient (the person or "
    "thing that several images may show) and label (two values or more); finding, split (train, validation, test), "
    "purpose (restoration, classification) and mask (a file) are optional"
)


def boxes_file(table: str | Path) -> Path:
    """Return the path of a table's boxes: `films-boxes.csv` beside `films.csv`."""
    table = Path(table)
    return table.with_name(f"{table.stem}-boxes{table.suffix}")


def files(table: str | Path) -> list[Path]:
    """Return the existing files among the table, its boxes, and the images and masks that it names, sorted."""
    table = Path(table)
    rows, _ = read_table(table, NEEDED[:1])
    named = [value for column in ("path", "mask") if column in rows for value in rows[column] if value]
    found = {table, boxes_file(table), *(table.parent / name for name in named)}
    return sorted(file for file in found if file.is_file())


def index_table(table: str | Path, positive: str = "") -> tuple[pd.DataFrame, list[Issue]]:
    """List the images of a table.

    Args:
        table: CSV in UTF-8, UTF-16 or Latin-1 with the columns `NEEDED` and any of `OPTIONAL`; its values are separated
            by commas, semicolons or tabs.
        positive: The label that counts as positive; all others are negative. "" takes, of two labels, the one that is
            not in `NEGATIVE`, otherwise the last in alphabetical order.

    Returns:
        The images that can be used, one row each, in the order of the table: path, dataset ("own"), image (path as in
        the table), patient, label (0 negative, 1 positive), class (the label's name; with more than two labels, "not
        ..." for the negative ones), finding (the table's finding or, without one, its label), folder (the folder in
        the table), split and purpose ("" if not given), mask (path, or ""), line (of the table; the header is line 1).
        And the issues; each names the line.

    >>> frame, issues = index_table("nowhere.csv")
    >>> print(len(frame), issues[0].fault)
    0 not there
    """
    table = Path(table)
    rows, issues = read_table(table, NEEDED, numbered=True)
    unknown = [name for name in rows if name not in ("line", *NEEDED, *OPTIONAL)]
    rows = rows.reindex(columns=["line", *NEEDED, *OPTIONAL], fill_value="").assign(keep=True)
    if issues:
        return _finished(table, rows[:0], {}), [issue._replace(remedy=HOW) for issue in issues]
    remedy = f"it is not read; the columns are {', '.join((*NEEDED, *OPTIONAL))}"
    issues = [Issue(str(table), "warning", f"column {name!r} is not known", remedy) for name in unknown]
    if rows.empty:
        return _finished(table, rows, {}), [Issue(str(table), "error", "has no rows", HOW)]

    def refuse(bad: pd.Series, fault: str, remedy: str) -> None:
        bad = bad & rows.keep
        issues.extend(_by_line(table, rows[bad], "error", fault, remedy))
        rows.loc[bad, "keep"] = False

    for name in NEEDED:
        refuse(rows[name] == "", f"no {name}", f"fill it in; {HOW}" if name == "patient" else "fill it in")
    for name in ("path", "mask"):
        outside = rows[name].map(_leads_out)
        refuse(outside, f"{{{name}}} leads out of the table's folder", "put the table into a folder above its files")
        there = (rows[name] == "") | rows[name].map(lambda file: (table.parent / file).is_file())
        refuse(~there, f"{name} {{{name}}}: no such file", f"correct the {name}; it starts at the table's folder")
    again = rows.path.map(lambda path: str(PurePosixPath(path)))
    refuse(again.duplicated(), "{path} is there twice", "keep one row per image")
    for name, values in KNOWN_VALUES.items():
        refuse(
            ~rows[name].isin(["", *values]), f"{name} {{{name}!r}}", f"write {', '.join(values)}, or drop the column"
        )
        given = rows[name] != ""
        if given.any():
            refuse(~given, f"no {name}, which other rows have", "fill it in for all rows, or drop the column")
        first = rows[given].drop_duplicates("patient").set_index("patient")[name]
        sides = given & (rows[name] != rows.patient.map(first))
        refuse(
            sides, f"patient {{patient}} has {name} {{{name}!r}} here, and another above", "give all its rows one value"
        )
    names, undecided = _classes(table, rows[rows.keep].label, positive)
    return _finished(table, rows[rows.keep], names), issues + undecided


def _by_line(file: Path, bad: pd.DataFrame, severity: str, fault: str, remedy: str) -> list[Issue]:
    """Return one issue for each bad row; the text may name the row's values."""
    return [
        Issue(str(file), severity, f"line {row['line']}: {fault.format(**row)}", remedy)
        for row in bad.to_dict("records")
    ]


def _finished(table: Path, rows: pd.DataFrame, names: dict[str, int]) -> pd.DataFrame:
    label = rows.label.map(names)
    rows = rows[label.notna()]
    label = label[label.notna()].astype(int)
    called = {number: name for name, number in names.items()}
    if len(names) > 2:
        called[0] = f"not {called[1]}"
    return pd.DataFrame(
        {
            "path": [str(table.parent / path) for path in rows.path],
            "dataset": "own",
            "image": [PurePosixPath(path).as_posix() for path in rows.path],
            "patient": rows.patient.to_numpy(),
            "label": label.to_numpy(),
            "class": [called[number] for number in label],
            "finding": rows.finding.where(rows.finding != "", rows.label).to_numpy(),
            "folder": [PurePosixPath(path).parent.as_posix() for path in rows.path],
            **{name: rows[name].to_numpy() for name in KNOWN_VALUES},
            "mask": [str(table.parent / mask) if mask else "" for mask in rows["mask"]],
            "line": rows.line.to_numpy(),
        }
    )


def _leads_out(path: str) -> bool:
    parts = PurePosixPath(path)
    return parts.is_absolute() or PureWindowsPath(path).is_absolute() or ".." in parts.parts


def _classes(table: Path, labels: pd.Series, positive: str) -> tuple[dict[str, int], list[Issue]]:
    """Return the class of each label, 0 or 1; if the classes are not clear, return none and the issue."""
    names = sorted(labels.unique())
    shown = ", ".join(names)
    if len(names) < 2:
        fault = f"one label only, {shown}" if names else "no row that can be used"
        return {}, [Issue(str(table), "error", fault, HOW)]
    if positive and positive not in names:
        fault = f"no row has the label {positive!r}, which should be the positive one"
        return {}, [Issue(str(table), "error", fault, f"give one of {shown}")]
    if not positive and len(names) > 2:
        fault = f"{len(names)} labels ({shown}), and none is named as the positive one"
        return {}, [Issue(str(table), "error", fault, "name it: positive in the preset, --positive here")]
    others = [name for name in names if name.lower() not in NEGATIVE]
    chosen = positive or (others if len(others) == 1 else names)[-1]
    return {name: int(name == chosen) for name in names}, []


def judge_sizes(table: str | Path, frame: pd.DataFrame) -> list[Issue]:
    """Return a warning for each class with few patients.

    Args:
        table: As for `index_table`.
        frame: The frame that `index_table` returns, without the images that cannot be read.
    """
    patients = frame.groupby("class").patient.nunique()
    remedy = f"expect wide intervals, or a split that fails; use at least {FEW} patients"
    return [
        Issue(str(table), "warning", f"class {name!r}: number of patients {count}", remedy)
        for name, count in patients[patients < FEW].items()
    ]


def off_image(boxes: pd.DataFrame, width: ArrayLike, height: ArrayLike) -> tuple[pd.Series, pd.Series]:
    """Return which boxes are outside their image, and which reach beyond it (including those outside).

    Args:
        boxes: `BOX_COLUMNS` in pixels, max exclusive.
        width: Width of each box's image in pixels.
        height: Height of each box's image in pixels.
    """
    outside = (boxes.x_max <= 0) | (boxes.y_max <= 0) | (boxes.x_min >= width) | (boxes.y_min >= height)
    beyond = (boxes.x_min < 0) | (boxes.y_min < 0) | (boxes.x_max > width) | (boxes.y_max > height)
    return outside, beyond


def read_boxes(table: str | Path, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Issue]]:
    """Read the boxes of a table, if there are any (`boxes_file`).

    Args:
        table: As for `index_table`.
        frame: The frame that `index_table` returns, with width and height in pixels.

    Returns:
        The boxes that are on an image of the frame, wholly or partly, one row each: image, finding, x_min, y_min,
        x_max, y_max in pixels of the file, max exclusive, file (the table of boxes). And the issues; each names the
        line.
    """
    file = boxes_file(table)
    columns = ["image", "finding", *BOX_COLUMNS, "file"]
    if not file.is_file():
        return pd.DataFrame(columns=columns), []
    rows, issues = read_table(file, ("path", "finding", *BOX_COLUMNS), numbered=True)
    rows[BOX_COLUMNS] = rows[BOX_COLUMNS].apply(pd.to_numeric, errors="coerce").astype(float)
    rows = rows.assign(file=str(file), image=[PurePosixPath(path).as_posix() for path in rows.path])
    size = frame.set_index("image")[["width", "height"]].reindex(rows.image)
    usable = rows.image.isin(frame.image)
    area = (rows.x_max > rows.x_min) & (rows.y_max > rows.y_min)
    outside, beyond = off_image(rows, size.width.to_numpy(), size.height.to_numpy())
    faults = (
        (~usable, "error", "{image} is no usable image of the table", "write its path as the table does"),
        (~area, "error", "a box without area, or with corners that are not numbers", "give x_min, y_min, x_max, y_max"),
        (outside, "error", "a box outside {image}", "give pixels of the file, counted from the upper left corner"),
        (beyond, "warning", "a box partly outside {image}", "look at it; it is cut at the edge"),
    )
    keep = pd.Series(True, index=rows.index)
    for bad, severity, fault, remedy in faults:
        issues += _by_line(file, rows[bad & keep], severity, fault, remedy)
        if severity == "error":
            keep &= ~bad
    return rows.loc[keep, columns].reset_index(drop=True), issues

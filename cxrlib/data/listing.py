"""Read folders, tables and lists from many sources, with different encodings, separators, quotes and empty rows."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cxrlib.data.issues import Issue

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SEPARATORS = ",;\t"


def read_folder(folder: Path) -> tuple[list[Path], list[Issue]]:
    """List the contents of a folder, sorted by name, without hidden files.

    Args:
        folder: The folder; a missing folder counts as empty.

    Returns:
        Paths of files and folders, and an issue if the folder cannot be listed.
    """
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith(".")), []
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    except OSError as error:
        remedy = "allow it (chmod u+rx), or fetch it again"
        return [], [Issue(str(folder), "error", f"cannot be listed ({error.strerror})", remedy)]


def read_table(path: Path, needed: Sequence[str], numbered: bool = False) -> tuple[pd.DataFrame, list[Issue]]:
    """Read one CSV file as text, without the byte order mark, spaces and empty rows that spreadsheet programs add.

    Args:
        path: File to read; its values are separated by commas, semicolons (then 0,5 is 0.5) or tabs.
        needed: Columns that the table must have.
        numbered: Whether to add a column `line` with the line of the file in which each row begins; it is right if no
            value has several lines.

    Returns:
        All columns as text, "" for missing values; no rows if the table cannot be used. And the issue that says why:
        the file is missing, empty or not a table, or a column is missing or occurs twice.
    """
    fault, remedy = "not there", "fetch it, and put it into its place in the data set"
    if path.is_file():
        remedy = "fetch it again"
        try:
            text = _read_text(path)
            separator = _separator(text)
            # As text, since ids may be all digits; a trailing comma must not make the ids an index.
            how = {"sep": separator, "dtype": str, "keep_default_na": False, "index_col": False}
            content = text.lstrip("\n")
            table = pd.read_csv(io.StringIO(content), **how, skip_blank_lines=False)
        except pd.errors.EmptyDataError:
            fault = "empty"
        except (pd.errors.ParserError, ValueError) as error:
            fault, remedy = f"not a table ({error})", "save it as CSV in UTF-8, or fetch it again"
        else:
            table.columns = table.columns.str.strip()
            twice = list(table.columns[table.columns.duplicated()])
            missing = [name for name in needed if name not in table]
            if not missing and not twice:
                table = table.fillna("").apply(lambda column: column.str.strip())
                if separator == ";":
                    table = table.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)
                filled = (table != "").any(axis=1)
                if numbered:
                    table["line"] = np.arange(len(table)) + len(text) - len(content) + 2
                return table[filled].reset_index(drop=True), []
            fault = f"columns {missing} are missing" if missing else f"columns {twice} occur twice"
    columns = [*needed, "line"] if numbered else list(needed)
    return pd.DataFrame(columns=columns, dtype=str), [Issue(str(path), "error", fault, remedy)]


def read_ids(source: str | Path | Sequence[str]) -> tuple[list[str], list[Issue]]:
    """Read ids of images from a file with one id per line or a column `image_id`; return a list of ids unchanged.

    Args:
        source: The ids themselves, or a text or CSV file.

    Returns:
        The ids, and an issue if the file cannot be read, has no ids, or has several columns without that name.
    """
    if not isinstance(source, str | Path):
        return [str(image) for image in source], []
    path, remedy = Path(source), "give a file with one image id a line, or a CSV with a column image_id"
    if not path.is_file():
        return [], [Issue(str(path), "error", "not there", remedy)]
    try:
        text = _read_text(path)
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=_separator(text))]
    except (ValueError, csv.Error) as error:
        return [], [Issue(str(path), "error", f"not a list of ids ({error})", remedy)]
    rows = [row for row in rows if any(row)]
    if rows and "image_id" in rows[0]:
        column = rows[0].index("image_id")
        ids = [row[column] for row in rows[1:] if len(row) > column and row[column]]
    elif any(sum(map(bool, row)) > 1 for row in rows):
        return [], [Issue(str(path), "error", "several columns, none of them called image_id", remedy)]
    else:
        ids = ["".join(row) for row in rows]
    return ids, [] if ids else [Issue(str(path), "error", "names no image", remedy)]


def _read_text(path: Path) -> str:
    """Read a text in UTF-8, UTF-16 or, if neither fits, Latin-1, with any line endings.

    Raises:
        ValueError: If it is not text.
    """
    content = path.read_bytes()
    encodings = [name for mark, name in MARKS.items() if content.startswith(mark)]
    if not encodings:
        zeros = content[:2].find(b"\0")  # of UTF-16 without a mark: every second byte of ASCII is 0
        encodings = ["utf-8", "latin-1"] if zeros < 0 else [("utf-16-be", "utf-16-le")[zeros]]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not re.search(r"[\0-\x08\x0e-\x1f]", text):
            return "\n".join(text.splitlines()) + "\n" if text else ""
    raise ValueError("no text in UTF-8, UTF-16 or Latin-1")


def _separator(text: str) -> str:
    """Return the separator of the first line that has values."""
    first = next((line for line in text.splitlines() if line.strip(SEPARATORS + ' "')), "")
    return max(SEPARATORS, key=first.count)

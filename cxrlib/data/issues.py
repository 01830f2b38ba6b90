"""What is wrong with a data set: readers return data and issues, and `strict` stops at the first error."""

from os import PathLike
from typing import NamedTuple, TypeVar

SEVERITIES = ("error", "warning", "note")
Data = TypeVar("Data")


class Issue(NamedTuple):
    """One fault of one file; as text "file: fault; remedy".

    Attributes:
        file: The file or folder with the fault; for a row of a table, the table.
        severity: "error": cannot be used; "warning": look at it; "note": good to know.
        fault: What is wrong, by name of image or column where the file has several.
        remedy: What to do about it.
    """

    file: str
    severity: str
    fault: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.fault}; {self.remedy}"


class ImageError(ValueError):
    """A file that cannot be used as a radiograph; `issue` has the file, the fault and the remedy."""

    def __init__(self, file: str | PathLike, fault: str, remedy: str) -> None:
        """Make the issue, an error.

        Args:
            file: The file.
            fault: What is wrong with it.
            remedy: What to do about it.
        """
        super().__init__(str(file), fault, remedy)  # the arguments, so that it passes from process to process
        self.issue = Issue(str(file), "error", fault, remedy)

    def __str__(self) -> str:
        return str(self.issue)


def strict(read: tuple[Data, list[Issue]]) -> Data:
    """Return the data of a reader, or raise an error if the reader had to leave something out.

    Args:
        read: The data and the issues that a reader returns.

    Returns:
        The data.

    Raises:
        ValueError: With the first error, and how many more have the same remedy.

    >>> strict(("a frame", [Issue("a.csv", "warning", "column 'x' is unknown", "remove it")]))
    'a frame'
    >>> strict(("a frame", [Issue("a.png", "error", "empty file", "fetch it again")] * 3))
    Traceback (most recent call last):
    ValueError: a.png: empty file, with 2 more like it; fetch it again
    """
    data, issues = read
    errors = [issue for issue in issues if issue.severity == "error"]
    if not errors:
        return data
    first, more = errors[0], sum(issue.remedy == errors[0].remedy for issue in errors) - 1
    raise ValueError(str(first._replace(fault=f"{first.fault}, with {more} more like it") if more else first))

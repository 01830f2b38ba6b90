"""What is wrong with a data set: raised at the first fault, or gathered so that the rest can be read."""

from collections.abc import Iterable
from typing import NamedTuple

SEVERITIES = ("error", "warning", "note")


class Finding(NamedTuple):
    """One fault of one file; as text, and so as the message of an exception, "file: fault; remedy".

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


def leave_out(faults: Iterable[Finding], findings: list[Finding] | None, kind: type[Exception] = ValueError) -> None:
    """Record the faults of what a reader leaves out; without a list to record them in, stop.

    Args:
        faults: One finding for each thing left out.
        findings: List to extend, or None to raise.
        kind: Exception to raise.

    Raises:
        Exception: Of that kind, with the first finding and the number of others, if there is a fault and no list.
    """
    faults = list(faults)
    if findings is not None:
        findings.extend(faults)
    elif faults:
        first, more = faults[0], len(faults) - 1
        raise kind(first._replace(fault=f"{first.fault}, with {more} more like it") if more else first)


def remark(findings: list[Finding] | None, *finding: str) -> None:
    """Record what costs no row: readers that record nothing pass over it.

    Args:
        findings: List to extend, or None.
        finding: The fields of a `Finding`.
    """
    if findings is not None:
        findings.append(Finding(*finding))

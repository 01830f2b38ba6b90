"""The command line: `python -m cxrlib check DATA` reads a whole data set and says what is wrong with it."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cxrlib.data.checking import Report, check
from cxrlib.data.issues import SEVERITIES
from cxrlib.data.kermany import PATIENT_KEYS
from cxrlib.data.table import HOW
from cxrlib.data.vindr_pcxr import UNLABELLED

SHOWN = 50  # issues with one remedy; the JSON has all


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Words of the command line; those of the process when not given.

    Returns:
        Exit status: 0 without an error among the issues, 1 with one.

    Raises:
        SystemExit: With status 2, for wrong usage.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command is None:
        parser.print_help()
        return 0
    if given.json not in (None, "-") and not Path(given.json).absolute().parent.is_dir():
        parser.error(f"--json {given.json}: no such folder; make it first")
    report = check(
        given.data,
        given.patient_key,
        given.unlabelled,
        given.exclude or (),
        given.workers,
        progress=not given.quiet,
        masks=given.masks,
        positive=given.positive,
    )
    if given.json == "-":
        print(json.dumps(as_json(report), indent=2))
    elif given.json:
        Path(given.json).write_text(json.dumps(as_json(report), indent=2) + "\n", encoding="utf-8")
    if given.json != "-" and not given.quiet:
        sys.stdout.reconfigure(errors="backslashreplace")  # file names that the terminal cannot show
        print("\n".join(lines(report)))
        if report.summary["dataset"] == "own" and not report.summary["issues"]["error"]:
            print(f"\n{next_command(given.data, given.positive, *report.summary['labels'])}")
    return int(report.summary["issues"]["error"] > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m cxrlib", description="Tools for the data sets of the book.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    about = "read a whole data set and say what is wrong with it; exit status 1 if part of it cannot be used"
    checker = commands.add_parser("check", help=about, description=about)
    checker.add_argument("data", metavar="DATA", help=f"folder of a known data set, or a table: {HOW}")
    checker.add_argument("--json", metavar="FILE", help="write the report as JSON, too; - for standard output alone")
    checker.add_argument("--patient-key", choices=PATIENT_KEYS, default="number", help="Kermany: what is one patient")
    checker.add_argument("--unlabelled", choices=UNLABELLED, default="exclude", help="VinDr-PCXR: images without label")
    checker.add_argument("--exclude", metavar="FILE", help="VinDr-PCXR: ids of images to leave out, one a line")
    checker.add_argument("--masks", metavar="DIR", help="folder of lung masks, which are read, too")
    checker.add_argument("--positive", metavar="LABEL", default="", help="a table: the label that is the positive one")
    checker.add_argument("--workers", metavar="N", type=_workers, default=-1, help="processes; default: all cores")
    checker.add_argument("--quiet", action="store_true", help="no progress bar and no report: exit status and --json")
    return parser


def _workers(word: str) -> int:
    if (number := int(word)) == 0:
        raise argparse.ArgumentTypeError("0 processes read nothing; give 1 or more, or -1 for all cores")
    return number


def as_json(report: Report) -> dict[str, Any]:
    """Return summary, issues and duplicates of a report as JSON can hold them.

    Args:
        report: What `check` gives.

    Returns:
        `summary` as it is; `issues` and `duplicates` as lists of objects with the columns' names.
    """
    return {
        "summary": report.summary,
        "issues": report.issues.to_dict("records"),
        "duplicates": report.duplicates.to_dict("records"),
    }


def lines(report: Report) -> Iterator[str]:
    """Write a report for people: the summary, then the issues by severity and remedy.

    Args:
        report: What `check` gives.

    Yields:
        Lines; paths are given below the root.
    """
    for name, value in report.summary.items():
        if isinstance(value, dict):
            value = ", ".join(f"{part} {number}" for part, number in value.items())
        elif isinstance(value, list):
            value = " to ".join(map(str, value)) + " pixels"
        yield f"{name + ':':12}{value}"
    for severity in SEVERITIES:
        chosen = report.issues[report.issues.severity == severity]
        if len(chosen):
            yield f"\n{len(chosen)} {severity}{'s' if len(chosen) > 1 else ''}"
        for remedy, group in chosen.groupby("remedy", sort=False):
            yield f"  {remedy}:"
            for row in group[:SHOWN].itertuples():
                yield f"    {row.file.removeprefix(report.summary['root'] + os.sep)}: {row.fault}"
            if len(group) > SHOWN:
                yield f"    and {len(group) - SHOWN} more, which --json lists"


def next_command(table: str, positive: str, negative_name: str, positive_name: str) -> str:
    """Write what to run once a table has no errors, for people to read and to paste.

    Args:
        table: The table, as it was given.
        positive: The label that was asked for; where there is one, a preset has to say it, too.
        negative_name: Name of the negative class.
        positive_name: Name of the positive class.
    """
    told = f"Positive is {positive_name!r}, negative {negative_name!r}. To run the book on it"
    given = f"COHORT={shlex.quote(os.path.abspath(table))}"
    if not positive:
        return f"{told}:\n\n  make book PRESET=own {given}"
    preset = f"  extends: own\n  01-preprocessing:\n    positive: {json.dumps(positive)}"
    return f"{told}, write a file my-own.yml\n\n{preset}\n\nand\n\n  make book PRESET=my-own.yml {given}"


if __name__ == "__main__":
    sys.exit(main())

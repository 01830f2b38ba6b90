"""Say in one line a chapter what `make book` would execute, and why: `python -m bookchain.changes preset=quick`.

Snakemake decides; this module compares what a chapter is made from now with what it was made from when it was executed.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bookchain.chapter import project_root
from bookchain.plan import Plan
from bookchain.presets import PlanError

# How Snakemake names its reasons. A changed parameter is not among them: it is named here by what changed.
REASONS = {
    "Missing output files": "not executed yet, or a file of it is gone",
    "Set of input files has changed": "it needs other chapters than before",
    "Forced execution": "asked for",
}
UNSAID = {"parameters": "the chapter's own", "surroundings": "not recorded"}  # of all else there are fingerprints
UPSTREAM = r"(?:Updated input files|Input files updated by another job): ([^;\n]*)"


def differences(before: Mapping, now: Mapping) -> list[str]:
    """Name what differs between what `Plan.made_from` gave before and gives now.

    Returns:
        One text a difference, such as "parameter epochs 4 -> 6" or "module cxrlib.networks.losses".
    """
    found = ["its code"] if before["code"] != now["code"] else []
    for kind, label in (("parameters", "parameter"), ("data", "data"), ("modules", "module"), ("surroundings", "")):
        old, new = before.get(kind, {}), now.get(kind, {})
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                unsaid = UNSAID.get(kind, "")
                values = [repr(values[name]) if name in values else unsaid for values in (old, new)]
                found.append(f"{label} {name}".strip() + f" {' -> '.join(values)}" * (kind in UNSAID))
    return found


def reasons(said: str) -> dict[str, str]:
    """Read from Snakemake's dry run what it would make, and its reason for each.

    Returns:
        Reasons, by run folder and chapter as in "runs/quick/03-pretext-learning"; the pages are "book", the tables
        over all seeds "seeds".
    """
    jobs = r"^Job \d+: (?:chapter (\S+) \((.*)\)|rendering the (book)|collecting \d+ (seeds)).*\n(?:Reason: (.*))?"
    found = re.findall(jobs, said, re.M)
    return {f"{run}/{chapter}" if chapter else book or seeds: reason for chapter, run, book, seeds, reason in found}


def line(made_from: Path, now: str, reason: str) -> str:
    """Say why a chapter is executed: from what its last execution left, `Plan.made_from` now, Snakemake's reason."""
    found = [words for phrase, words in REASONS.items() if phrase in reason]
    for record in (made_from, made_from.with_suffix(".elsewhere.json")):  # the second: see `Plan.disown`
        if record.is_file():  # also where Snakemake names another reason first
            found += differences(json.loads(record.read_text()), json.loads(now))
            break
    upstream = {Path(file.strip()).name for files in re.findall(UPSTREAM, reason) for file in files.split(",")}
    found += [f"after {', '.join(sorted(upstream))}"] if upstream else []
    return "; ".join(found) or reason


def main() -> int:
    """Ask Snakemake, and explain."""
    root, config = project_root(), dict(pair.split("=", 1) for pair in sys.argv[1:])
    try:
        plan = Plan(root, config, os.environ)
    except PlanError as error:
        sys.exit(str(error))
    command = [sys.executable, "-m", "snakemake", "--dry-run", *(["--config", *sys.argv[1:]] if sys.argv[1:] else [])]
    dry = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if dry.returncode:
        sys.exit(dry.stderr)
    found = reasons(dry.stdout + dry.stderr)
    for run, name in plan.jobs():
        record, place = root / run / "executed" / f"{name}.json", f"{run}/{name}"
        why = line(record, plan.made_from(name, run), found[place]) if place in found else "up to date"
        print(f"{place.removeprefix(f'{plan.run}/')}: {why}")
    if plan.seeds > 1:
        print(f"the tables over all seeds: {'to be made' if 'seeds' in found else 'up to date'}")
    print(f"the pages: {'to be rendered' if 'book' in found else 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

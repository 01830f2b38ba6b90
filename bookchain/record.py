"""Where a run's numbers come from, told twice: on a page of the book, and beside the numbers that the book keeps.

`python -m bookchain.record runs/kermany book/reference/kermany-cpu` keeps the main tables of a run.
"""

import argparse
import ast
import json
import re
import sys
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import pandas as pd

from bookchain.plan import DATA
from bookchain.provenance import ROOT, data_sets, executed, makers, resources
from cxrlib.figures.tables import QUALITY_NAMES, SCORE_NAMES

TEMPLATE = Path(__file__).with_name("templates") / "provenance.md"
GIVEN = "given"  # stands for the paths of data and weights, which are of no use to others and may name people
MISSING = "not recorded"
TABLES = {
    "01-preprocessing": ["table-1", "lungs-summary"],
    "02-noise-and-blur": ["readings", "corrupted"],
    "03-pretext-learning": ["kept", "ablation"],
    "07-evaluation": ["table-2", "haarpsi", "table-3", "areas"],
    "08-significance": ["verdicts"],
}
COUNTS = ("tp", "fn", "fp", "tn")
DECIMALS = {"PSNR (dB)": 2, "seconds": 0, "memory (GB)": 1}  # of all else: 3
SHORT = {"sens. at spec.": "Sens.", "spec. reached": "Spec."}  # a phone has no room for more


class Setting(NamedTuple):
    """A parameter of a chapter: the value it ran with, and its own, which stands in its parameters cell."""

    value: Any
    default: Any


def parameters(run: Path) -> dict[str, dict[str, Setting]]:
    """Read the parameters that each executed chapter ran with, beside its own; a path is only said to be given."""
    found = {}
    for chapter, notebook in executed(run).items():
        cells = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", [])]
        nodes = ast.parse("".join(line for cell in cells for line in cell["source"])).body
        own = {node.targets[0].id: ast.literal_eval(node.value) for node in nodes if isinstance(node, ast.Assign)}
        used = own | notebook["metadata"]["papermill"]["parameters"]
        found[chapter] = {
            name: Setting(_without_path(name, value), _without_path(name, own.get(name)))
            for name, value in used.items()
            if name != "run"
        }
    return found


def _without_path(name: str, value: Any) -> Any:
    if not isinstance(value, str) or value in ("", "imagenet"):
        return value
    return GIVEN if name in DATA or re.search(r"[/\\]|^~", value) else value


def page(run: Path, banner: str) -> str:
    """Write the book's page on where its numbers come from.

    Args:
        run: Folder of a run; what it did not record is said to be so.
        banner: What the site says at the head of every page.

    Returns:
        The page as MyST markdown, for the site's folder `book`.

    Raises:
        FileNotFoundError: If no chapter was executed.
    """
    settings, made = parameters(run), makers(run)
    measured = resources(run).set_index("chapter").astype(object).reindex(list(made))
    commits = [maker.get("commit", MISSING) for maker in made.values()]
    measured.insert(0, "commit", [re.sub(r"[0-9a-f]{40}", lambda match: match[0][:12], commit) for commit in commits])
    measured.insert(1, "finished (UTC)", [maker.get("finished", MISSING) for maker in made.values()])
    lines = measured.fillna(MISSING).reset_index()
    software = {
        name: maker.get("versions", {}) | ({"Keras's backend": maker["backend"]} if "backend" in maker else {})
        for name, maker in made.items()
    }
    machine = {name: maker.get("machine", {}) for name, maker in made.items()}
    return Template(TEMPLATE.read_text()).substitute(
        banner=banner,
        preset=run.name,
        data_sets=_table(data_sets(run), "Data sets", "22 16 20 42"),
        chapters=_table(lines, "Chapters", "30 22 20 12 16"),
        software=_table(_facts(software), "Software"),
        machine=_table(_facts(machine), "Machine"),
        parameters="\n\n".join(_dropdown(chapter, table) for chapter, table in settings.items()),
        commands=_commands(run.name, settings, set(commits)),
    )


def _table(frame: pd.DataFrame, what: str = "", widths: str = "auto") -> str:
    """Give a table in MyST, without a caption: numbers of tables are the chapters'."""
    if frame.empty:
        return f"{what}: {MISSING}."
    content = frame.to_csv(index=False, lineterminator="\n")
    options = f":header-rows: 1\n:widths: {widths}\n:class: compact wrapped names"
    return f"```{{csv-table}}\n{options}\n\n{content}```"


def _facts(facts: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """List each fact once; where chapters differ, each value with their numbers."""
    found: dict[str, dict[str, list[str]]] = {}
    for chapter, values in facts.items():
        for name, value in values.items():
            found.setdefault(name, {}).setdefault(str(value), []).append(chapter[:2])
    rows = []
    for name, values in found.items():
        by_chapter = [f"{value} (chapters {', '.join(chapters)})" for value, chapters in values.items()]
        rows.append((name, "; ".join(by_chapter if len(by_chapter) > 1 else values)))
    return pd.DataFrame(rows, columns=["what", "this run"])


def _dropdown(chapter: str, settings: dict[str, Setting]) -> str:
    rows = [
        (f"`{name}`", f"`{used!r}`", "") if used == own else (f"**`{name}`**", f"**`{used!r}`**", f"`{own!r}`")
        for name, (used, own) in settings.items()
    ]
    frame = pd.DataFrame(rows, columns=["parameter", "this run", "the chapter's own, where it differs"])
    differing = sum(used != own for used, own in settings.values())
    if not differing:
        frame = frame.iloc[:, :2]
    title = f"{chapter}: {len(settings)} parameters, {differing or 'none'} differing from the chapter's own"
    return f"````{{dropdown}} {title}\n{_table(frame)}\n````"


def _commands(preset: str, settings: dict[str, dict[str, Setting]], commits: set[str]) -> str:
    """Give the commands that make a run again."""
    file = preset if (ROOT / "presets" / f"{preset}.yml").is_file() else f"path/to/{preset}.yml"
    used = {name: setting.value for table in settings.values() for name, setting in table.items() if setting.value}
    given = [f"{name.upper()}={'path/to/it' if used[name] == GIVEN else used[name]}" for name in DATA if name in used]
    commands = [" ".join(["make book", f"PRESET={file}", *given])]
    if len(commits) > 1:  # Snakemake would keep what is up to date
        commands.insert(0, f"rm -r runs/{preset}  # its chapters were made at different commits")
    elif re.fullmatch(r"[0-9a-f]{40}", commit := min(commits)):
        commands.insert(0, f"git checkout {commit}")
    return "```bash\n" + "\n".join(commands) + "\n```"


def record(run: Path, target: Path) -> None:
    """Copy a run's main tables, and say what made them.

    Numbers only: no image, no file name, no path of the machine.

    Args:
        run: Folder of a finished run.
        target: Folder for the CSV files, `resources.csv` (seconds and memory by chapter) and `provenance.json`.

    Raises:
        FileNotFoundError: If the run has no finished chapter.
    """
    notebooks = executed(run)
    target.mkdir(parents=True, exist_ok=True)
    for chapter, names in TABLES.items():
        for name in names:
            source = run / chapter / f"{name}.csv"
            if source.is_file():
                frame = pd.read_csv(source)
                frame = frame[[column for column in frame if not column.endswith("_loss")]]  # one can subtract
                counts = [column for column in COUNTS if column in frame]
                _write(frame.drop(columns=counts), target / f"{chapter[:2]}-{name}.csv")
                if counts:  # in a table of their own, or no phone shows the scores beside them
                    upper = {count: count.upper() for count in counts}
                    _write(frame[["model", *counts]].rename(columns=upper), target / f"{chapter[:2]}-counts.csv")
    _write(resources(run), target / "resources.csv")
    changed = {
        chapter: differing
        for chapter, settings in parameters(run).items()
        if (differing := {name: used for name, (used, own) in settings.items() if used != own})
    }
    provenance = {
        "preset": run.name,
        "started": min(notebook["metadata"]["papermill"]["start_time"] for notebook in notebooks.values())[:16],
        "data sets": data_sets(run).to_dict("records"),
        "made by": _each_once(makers(run)),
        "parameters that differ from the chapters' own": changed,
    }
    (target / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n")


def _each_once(made_by: dict[str, dict]) -> list[dict]:
    """List what made the chapters, each once, with the chapters that it made."""
    found: list[dict] = []
    for chapter, maker in made_by.items():
        made = {name: value for name, value in maker.items() if name != "finished"} or {"commit": MISSING}
        known = next((entry for entry in found if entry | {"chapters": []} == made | {"chapters": []}), None)
        if known is None:
            found.append(known := {"chapters": [], **made})
        known["chapters"].append(chapter)
    return found


def _write(frame: pd.DataFrame, path: Path) -> None:
    frame = frame.rename(columns=SCORE_NAMES | QUALITY_NAMES | SHORT)
    for name in frame.select_dtypes("float"):
        frame[name] = frame[name].map(f"{{:.{DECIMALS.get(name, 3)}f}}".format, na_action="ignore")
    frame.to_csv(path, index=False, lineterminator="\n")


def main() -> int:
    """Record one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder, for example runs/kermany")
    parser.add_argument("target", type=Path, help="folder for the numbers")
    arguments = parser.parse_args()
    record(arguments.run, arguments.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())

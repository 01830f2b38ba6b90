"""Where a run's numbers come from: what its chapters told and left, collected on one page of the book."""

import ast
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bookchain.chapter import MARKER
from bookchain.plan import DATA
from bookchain.stamp import ROOT

GIVEN = "given"  # stands for the paths of data and weights, which are of no use to others and may name people
MISSING = "not recorded"


class Setting(NamedTuple):
    """A parameter of a chapter: the value it ran with, and its own, which stands in its parameters cell."""

    value: Any
    default: Any


def executed(run: Path) -> dict[str, dict]:
    """Read the executed chapters of a run: notebooks as JSON, by chapter, in order.

    Raises:
        FileNotFoundError: If there are none.
    """
    paths = sorted((run / "executed").glob("*.ipynb"))
    if not paths:
        raise FileNotFoundError(f"{run}: no executed chapter; run `make book` first")
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def made_by(run: Path) -> dict[str, dict[str, Any]]:
    """Read what each executed chapter said at its end; empty for one of a run older than this record."""
    told: dict[str, dict[str, Any]] = dict.fromkeys(executed(run), {})
    for chapter in told:
        with suppress(OSError, ValueError):  # gone or damaged: then the chapter will be executed again
            told[chapter] = json.loads((run / chapter / MARKER).read_text()).get("made_by", {})
    return told


def resources(run: Path) -> pd.DataFrame:
    """Read Snakemake's benchmarks.

    Args:
        run: Folder of a run.

    Returns:
        One row a chapter: chapter, seconds, memory in GB (the largest of the process tree).
    """
    rows = []
    for path in sorted((run / "benchmarks").glob("*.tsv")):
        measured = pd.read_csv(path, sep="\t").iloc[-1]
        rows.append((path.stem, round(measured.s), round(measured.max_rss / 1024, 2)))
    return pd.DataFrame(rows, columns=["chapter", "seconds", "memory (GB)"])


def chapter_seconds(run: Path) -> dict[str, float]:
    """Give the seconds that each measured chapter took."""
    return resources(run).set_index("chapter").seconds.to_dict()


def data_sets(run: Path) -> pd.DataFrame:
    """Read what chapter 1 found: dataset, images, origin, sha256; without rows for an older run."""
    path = run / "01-preprocessing" / "data-sets.csv"
    return pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=["dataset", "images", "origin", "sha256"])


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
    settings, told = parameters(run), made_by(run)
    measured = resources(run).set_index("chapter").astype(object).reindex(list(told))
    commits = [stamp.get("commit", MISSING) for stamp in told.values()]
    measured.insert(0, "commit", [re.sub(r"[0-9a-f]{40}", lambda match: match[0][:12], commit) for commit in commits])
    measured.insert(1, "finished (UTC)", [stamp.get("finished", MISSING) for stamp in told.values()])
    lines = measured.fillna(MISSING).reset_index()
    software = {
        name: stamp.get("versions", {}) | ({"Keras's backend": stamp["backend"]} if "backend" in stamp else {})
        for name, stamp in told.items()
    }
    machine = {name: stamp.get("machine", {}) for name, stamp in told.items()}
    return PAGE.format(
        banner=banner,
        preset=run.name,
        data_sets=_table(data_sets(run), "Data sets", "22 16 20 42"),
        chapters=_table(lines, "Chapters", "30 22 20 12 16"),
        software=_table(_agreed(software), "Software"),
        machine=_table(_agreed(machine), "Machine"),
        parameters="\n\n".join(_dropdown(chapter, table) for chapter, table in settings.items()),
        again=_again(run.name, settings, set(commits)),
    )


def _table(frame: pd.DataFrame, what: str = "", widths: str = "auto") -> str:
    """Give a table in MyST, without a caption: numbers of tables are the chapters'."""
    if frame.empty:
        return f"{what}: {MISSING}."
    content = frame.to_csv(index=False, lineterminator="\n")
    options = f":header-rows: 1\n:widths: {widths}\n:class: compact wrapped names"
    return f"```{{csv-table}}\n{options}\n\n{content}```"


def _agreed(facts: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """List each fact once; where chapters differ, each value with their numbers."""
    found: dict[str, dict[str, list[str]]] = {}
    for chapter, values in facts.items():
        for name, value in values.items():
            found.setdefault(name, {}).setdefault(str(value), []).append(chapter[:2])
    rows = []
    for name, values in found.items():
        told = [f"{value} (chapters {', '.join(chapters)})" for value, chapters in values.items()]
        rows.append((name, "; ".join(told if len(told) > 1 else values)))
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


def _again(preset: str, settings: dict[str, dict[str, Setting]], commits: set[str]) -> str:
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


PAGE = """# Where these numbers come from

```{{note}}
{banner}
```

Each chapter writes down, as it ends, what made it. This page collects that for the run `{preset}`, which made the
tables and figures of the chapters.

## Data sets

{data_sets}

Images that could not be used are not counted. *Synthetic* images were drawn by [](../notebooks/01-preprocessing).
*Real* means that the run was given a folder; whether it holds what its name says, no program can tell. The fingerprint
is the SHA-256 digest of the lines that `sha256sum` prints for these images, sorted by path from the data set's folder
on (`chest_xray` in the pneumonia set). One changed, added or missing image gives another.

## Chapters

{chapters}

A commit that ends in `-dirty` had changes beside it that no commit holds: it alone does not give the code back. Seconds
and memory are Snakemake's measurements of the whole chapter, memory being the largest of its processes together. A
chapter that was stopped and went on shows its last part only, and other work on the same machine lengthens the time.

## Software

{software}

## Machine

{machine}

## Parameters

The values that each chapter ran with. Bold ones differ from the chapter's own, which stand in its first cell. Of data
and weights this page says only that they were given.

{parameters}

## How to make it again

{again}

With the same data, software and kind of machine, the tables should come out the same. On another processor or backend
the last digits of sums differ, and training can carry such differences further.
"""

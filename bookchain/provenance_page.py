"""The book's page on where a run's numbers come from."""

import ast
import re
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import pandas as pd

from bookchain.markup import csv_table
from bookchain.plan import DATA, variable
from bookchain.provenance import ROOT, data_sets, executed, makers, resources

TEMPLATE = Path(__file__).with_name("templates") / "provenance.md"
GIVEN = "given"  # in place of the paths of data and weights, which help nobody else and may name people
MISSING = "not recorded"


class Setting(NamedTuple):
    """A parameter of a chapter: the value it ran with, and its own, from its parameters cell."""

    value: Any
    default: Any


def parameters(run: Path) -> dict[str, dict[str, Setting]]:
    """Read the parameters that each executed chapter ran with, beside its own; paths are left out."""
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


def page(run: Path, banner: str, seeds: int = 1) -> str:
    """Write the page, in MyST; it says what a run did not record.

    Args:
        run: Run folder with the executed chapters.
        banner: The line at the head of every page.
        seeds: How many seeds the run has; the page is about the first.

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
        commands=_commands(run.name, settings, set(commits), seeds),
    )


def _table(frame: pd.DataFrame, what: str = "", widths: str = "auto") -> str:
    return f"{what}: {MISSING}." if frame.empty else csv_table(frame, widths)


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


def _commands(preset: str, settings: dict[str, dict[str, Setting]], commits: set[str], seeds: int) -> str:
    """Give the commands that make a run again."""
    file = preset if (ROOT / "presets" / f"{preset}.yml").is_file() else f"path/to/{preset}.yml"
    used = {name: setting.value for table in settings.values() for name, setting in table.items() if setting.value}
    given = [f"{variable(name)}={'path/to/it' if used[name] == GIVEN else used[name]}" for name in DATA if name in used]
    given += [f"SEEDS={seeds}"] if seeds > 1 else []
    commands = [" ".join(["make book", f"PRESET={file}", *given])]
    if len(commits) > 1:  # Snakemake would keep what is up to date
        commands.insert(0, f"rm -r runs/{preset}  # its chapters were made at different commits")
    elif re.fullmatch(r"[0-9a-f]{40}", commit := min(commits)):
        commands.insert(0, f"git checkout {commit}")
    return "```bash\n" + "\n".join(commands) + "\n```"

"""The page that lists what a run leaves, held against a run: every file is named, and every column."""

import csv
import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from conftest import ROOT

from bookchain.collect import collect, write

PAGE = (ROOT / "book/beyond.md").read_text()
TABLES = re.findall(r"### `([\w-]+)/`\n.*?\n:::\{table\}\n(.*?)\n:::", PAGE, re.S)
# Names of a run (`<arm>`) as a pattern; columns are in backticks, and so are parameters of what is said of `.npz`.
ENTRIES = {
    (chapter, re.sub(r"<\w+>", "*", file)): {"columns": set(re.findall(r"`([^`]+)`", text)), "text": text}
    for chapter, table in TABLES
    for file, text in re.findall(r"^\| `([^`]+)` \| (.+) \|$", table, re.M)
}
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def entry(chapter, file):
    """Give the pattern that names a file: itself if it is there, else the one that fits."""
    fitting = [name for folder, name in ENTRIES if folder == chapter and fnmatchcase(file, name)]
    exact = [name for name in fitting if name == file]
    assert len(exact or fitting) == 1, f"{chapter}/{file}: in {len(exact or fitting)} lines of book/beyond.md"
    return (exact or fitting)[0]


def columns(path):
    with path.open(newline="") as file:
        return set(next(csv.reader(file)))


def written(run):
    """Give chapter and file of all that the chapters of a run have written."""
    for marker in sorted(run.glob("*/complete.json")):
        for file in json.loads(marker.read_text())["files"]:
            yield marker.parent.name, "synthetic/" if file.startswith("synthetic/") else file


def check(run):
    """Raise at the first file that the page does not name, or whose columns are others than it says."""
    found = set(written(run))
    for chapter, file in sorted(found):
        name = entry(chapter, file)
        if not file.endswith(".csv"):
            continue
        named, text = ENTRIES[chapter, name]["columns"], ENTRIES[chapter, name]["text"]
        there = columns(run / chapter / file)
        if "as in chapter 4" in text:
            source = "predictions.csv" if file == "predictions.csv" else "history-*.csv"
            named = ENTRIES["04-classification", source]["columns"]
            text = ENTRIES["04-classification", source]["text"]
        named = named - {"maps.npz"}  # which a place refers to
        assert named <= there, f"{chapter}/{file} has no column {named - there}"
        if "one column per" not in text:
            assert there == named, f"{chapter}/{file}: {there - named} not in book/beyond.md"
    chapters = {chapter for chapter, _ in found}
    for chapter, name in ENTRIES:
        if chapter in chapters:
            assert any(entry(*pair) == name for pair in found if pair[0] == chapter), f"no {chapter}/{name} in this run"


def test_the_page_names_what_all_chapters_leave(project):
    check(project / "runs/tiny")


def test_the_page_names_what_seeds_leave(project, tmp_path):
    tables = collect(project / "runs/tiny", 1)
    write(tables, tmp_path / "seeds")
    (tmp_path / "seeds/complete.json").write_text(json.dumps({"files": {f"{name}.csv": 1 for name in tables}}))
    check(tmp_path)


def test_examples_load_what_they_say(project):
    """As pasted, but for the run's name; the classifier's probabilities are those of the table."""
    assert len(EXAMPLES) == 3
    code = "\n".join(EXAMPLES).replace("runs/quick", "runs/tiny") + (
        "\nassert predictions.image.notna().all() and len(predictions) == len(predictions.row.unique())"
        "\nassert probabilities.shape == (8, 2) and abs(probabilities.sum(axis=1) - 1).max() < 1e-5"
        "\nstored = np.load('runs/tiny/01-preprocessing/images.npy')[predictions.row[:8], :, :, None]"
        "\nagain = classifier.predict(stored.repeat(3, axis=3) / 255)[:, 1]"
        "\nassert abs(again - predictions['Den-P'][:8]).max() < 1e-5"
        "\nassert restored.shape == inputs.shape[:3] and 0 <= restored.min() <= restored.max() <= 1"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    ("file", "header", "message"),
    [
        ("more.csv", "a", "more.csv: in 0 lines"),
        ("start.csv", "start,end", "{'end'} not in book/beyond.md"),
        ("kept.csv", "network,epochs", "has no column"),
    ],
)
def test_a_file_or_column_that_the_page_does_not_name_is_found(tmp_path, file, header, message):
    folder = tmp_path / "03-pretext-learning"
    folder.mkdir()
    (folder / file).write_text(header + "\n")
    (folder / "complete.json").write_text(json.dumps({"files": {file: 1}}))
    with pytest.raises(AssertionError, match=message):
        check(Path(tmp_path))


def test_commands_are_targets_of_make_and_presets_of_the_book():
    """Those that take hours, a GPU or a cluster are at least known; the others were pasted."""
    blocks = [block.replace("\\\n", "") for block in re.findall(r"```bash\n(.*?)```", PAGE, re.S)]
    lines = [line for block in blocks for line in block.splitlines()]
    made = [line.partition("#")[0].split() for line in lines if line.startswith("make ")]
    assert len(made) > 8
    for _, target, *given in made:
        command = ["make", "--dry-run", "--old-file=.venv/installed", target, *given]
        environment = {name: value for name, value in os.environ.items() if name not in ("PRESET", "PROFILE")}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for name, folder, kind in (("PRESET", "presets", "{}.yml"), ("PROFILE", "profiles", "{}/config.yaml")):
            value = dict(word.split("=", 1) for word in given).get(name)
            assert value in (None, "mine") or (ROOT / folder / kind.format(value)).is_file()

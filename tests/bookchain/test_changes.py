"""What `make plan` says: one line a chapter, and the same as what Snakemake decides."""

import json
import shutil
import subprocess
import sys

import pytest
from conftest import copied, environment_of, make

from bookchain.changes import differences, line, reasons

BEFORE = {
    "code": "1",
    "parameters": {"epochs": 4, "run": "r"},
    "data": {"vgg16": "a"},
    "modules": {"m.a": "1", "m.b": "2"},
}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({}, []),
        ({"code": "2"}, ["its code"]),
        ({"parameters": {"epochs": 6, "run": "r"}}, ["parameter epochs 4 -> 6"]),
        ({"parameters": {"run": "r"}}, ["parameter epochs 4 -> the chapter's own"]),
        ({"data": {"kermany": "b"}}, ["data kermany", "data vgg16"]),
        ({"surroundings": {"threads": 1}}, ["threads not recorded -> 1"]),
        ({"modules": {"m.a": "1", "m.b": "3", "m.c": "1"}}, ["module m.b", "module m.c"]),
    ],
)
def test_differences_are_named(now, expected):
    assert differences(BEFORE, BEFORE | now) == expected


def test_reasons_of_a_dry_run_become_a_line(tmp_path):
    said = (
        "Job 7: chapter 03-pretext-learning (runs/tiny)\nReason: Params have changed since last execution: hashes; "
        "Input files updated by another job: runs/tiny/01-preprocessing, runs/tiny/02-noise-and-blur\n\n"
        "Job 0: rendering the book\nReason: Missing output files: index.html\n"
    )
    found = reasons(said)
    assert list(found) == ["runs/tiny/03-pretext-learning", "book"]
    record = tmp_path / "03.json"
    record.write_text(json.dumps(BEFORE))
    now = json.dumps(BEFORE | {"code": "2"})
    assert (
        line(record, now, found["runs/tiny/03-pretext-learning"])
        == "its code; after 01-preprocessing, 02-noise-and-blur"
    )
    record.rename(record.with_suffix(".elsewhere.json"))
    assert line(record, now, "Missing output files: x") == "not executed yet, or a file of it is gone; its code"
    record.with_suffix(".elsewhere.json").rename(record)
    assert line(record, json.dumps(BEFORE), "Another reason") == "Another reason"


def said(project):
    """Give the plan's lines by chapter."""
    command = [sys.executable, "-m", "bookchain.changes", "preset=tests/tiny.yml"]
    ran = subprocess.run(command, cwd=project, env=environment_of(project), capture_output=True, text=True, check=True)
    return dict(line.split(": ", 1) for line in ran.stdout.splitlines())


def test_make_passes_on_paths_with_spaces_and_apostrophes(tmp_path):
    copy, data = copied(tmp_path), tmp_path / "jane's x-rays"
    data.mkdir()
    made = make(copy, tmp_path / "home", "plan", "PRESET=tests/tiny.yml", f"KERMANY={data}")
    assert "01-preprocessing: not executed yet" in made.stdout, made.stderr
    refused = make(copy, tmp_path / "home", "plan", f"KERMANY={data}-2")
    assert f"KERMANY={data}-2: no such file or folder" in refused.stderr
    assert not (tmp_path / "home").exists()


def test_plan_says_what_snakemake_decides(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "project")
    assert set(said(copy).values()) == {"up to date"}
    for file, old, new in (
        ("tests/tiny.yml", "resamples: 20", "resamples: 21"),
        ("cxrlib/networks/ensembles.py", "import keras\n", "import keras  # changed\n"),
        ("notebooks/09-auditing-the-paper.md", "chapter.finish()", "chapter.finish()  # changed"),
    ):
        text = (copy / file).read_text()
        assert old in text
        (copy / file).write_text(text.replace(old, new))
    lines = said(copy)
    assert {name: text for name, text in lines.items() if text != "up to date"} == {
        "05-ensembles": "module cxrlib.networks.ensembles",
        "07-evaluation": "parameter resamples 20 -> 21; after 05-ensembles",
        "08-significance": "parameter resamples 20 -> 21; after 05-ensembles, 07-evaluation",
        "09-auditing-the-paper": "its code",
        "the pages": "to be rendered",
    }
    shutil.rmtree(copy / "runs/tiny/06-activation-maps")
    assert said(copy)["06-activation-maps"] == "not executed yet, or a file of it is gone"

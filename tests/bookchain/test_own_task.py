"""The guide to a task of one's own does what it says: its code, put into the registry, runs through the chapters."""

import re
import shutil

import pandas as pd
from conftest import ROOT, snakemake

GUIDE = (ROOT / "CONTRIBUTING.md").read_text().partition("## A task of your own\n")[2].partition("\n## ")[0]
CODE, SETTING = (re.search(rf"```{kind}\n(.*?)```", GUIDE, re.S)[1] for kind in ("python", "yaml"))
TASKS = re.search(r"(?m)^ *(tasks: .*)$", SETTING)[1]


def test_the_task_of_the_guide_runs_through_chapters_2_to_4(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "project", symlinks=True)
    with open(copy / "cxrlib/restoration/tasks.py", "a") as registry:
        registry.write(f"\n\n{CODE}")
    preset = copy / "tests/tiny.yml"
    text = re.sub(r"(?m)^tasks: .*$", TASKS, preset.read_text())
    preset.write_text(re.sub(r"(?m)^  arms: .*$", "  arms: [Baseline]\n  repeated: ''", text))

    result = snakemake(copy, "--cores", "2", "runs/tiny/04-classification")
    assert result.returncode == 0, result.stderr[-6000:]

    def table(chapter, name):
        return pd.read_csv(copy / "runs/tiny" / chapter / f"{name}.csv")

    assert set(table("02-noise-and-blur", "levels").smoothing) == {0.0625, 0.125, 0.25}
    assert {"denoising", "deblurring", "smoothing"} == set(table("02-noise-and-blur", "corrupted").task)
    assert table("03-pretext-learning", "history-restoration-smoothing").best.sum() == 1
    assert list(table("04-classification", "validation").model) == ["Baseline", "Smo-P"]
    assert table("04-classification", "predictions")["Smo-P"].between(0, 1).all()
    assert "chapter 01-preprocessing" not in result.stderr

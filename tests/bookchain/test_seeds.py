"""Several seeds of one study: what each executes, from what, in which folder; and a run of them, killed on its way."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, copied, environment_of

from bookchain import collect, dependencies, seeds, seeds_page
from bookchain.plan import Plan
from bookchain.presets import PlanError
from cxrlib.figures import tables

TRAINED = ["03-pretext-learning", "04-classification", "05-ensembles", "07-evaluation"]


def plan(folder, content, count=3):
    path = folder / "mine.yml"
    path.write_text(yaml.safe_dump(content))
    return Plan(ROOT, {"preset": str(path), "seeds": count}, {})


@pytest.mark.parametrize("given", ["0", "-1", "2.5", "two", "true", "3 4", "²"])
def test_a_number_of_seeds_that_is_none_is_refused_in_words(given):
    for config, variables in (({}, {"SEEDS": given}), ({"seeds": given}, {})):
        with pytest.raises(PlanError, match=f"^SEEDS={given}: give a positive whole number, for example make book"):
            Plan(ROOT, config, variables)
    with pytest.raises(PlanError, match="SEEDS=True"):
        Plan(ROOT, {"seeds": True}, {})


def test_one_seed_is_the_run_as_it_was():
    usual = Plan(ROOT, {}, {})
    for one in (Plan(ROOT, {"seeds": 1}, {"SEEDS": "7"}), Plan(ROOT, {}, {"SEEDS": ""})):
        assert (one.seeds, one.runs) == (1, ["runs/quick"])
        assert one.jobs() == [("runs/quick", name) for name in one.chapters]
        assert one.banner() == usual.banner()
        assert [one.made_from(*job[::-1]) for job in one.jobs()] == [usual.made_from(name) for name in usual.chapters]


def test_each_seed_has_its_folder_its_number_and_the_shared_split(tmp_path):
    three = plan(tmp_path, {"seed": 7, "05-ensembles": {"seed": 50}})
    assert three.runs == ["runs/mine", "runs/mine/seed-2", "runs/mine/seed-3"]
    assert three.jobs()[len(three.chapters) :] == [(run, name) for run in three.runs[1:] for name in TRAINED]
    used = {name: three.parameters(name, "runs/mine/seed-3") for name in TRAINED}
    assert {name: values["seed"] for name, values in used.items()} == dict.fromkeys(TRAINED, 2007) | {
        "05-ensembles": 2050
    }
    assert {values["run"] for values in used.values()} == {"runs/mine/seed-3"}
    assert three.parameters("04-classification")["seed"] == 7
    assert three.upstream("07-evaluation", "runs/mine/seed-3") == [
        *("runs/mine/01-preprocessing", "runs/mine/02-noise-and-blur"),
        *("runs/mine/seed-3/03-pretext-learning", "runs/mine/seed-3/05-ensembles"),
    ]
    made = json.loads(three.made_from("07-evaluation", "runs/mine/seed-3"))
    assert made["shared"] == ["01-preprocessing", "02-noise-and-blur"]
    assert made["parameters"]["seed"] == 2007
    assert "Seed 1 of 3." in three.banner()
    forbidden = Plan(ROOT, {"vindr": str(tmp_path), "seeds": 3}, {}).banner()
    assert "do not publish these pages. Seed 1 of 3. Not for" in forbidden


def test_a_preset_may_vary_the_split_too(tmp_path):
    two = plan(tmp_path, {"vary_split": True}, 2)
    assert [name for run, name in two.jobs() if run != two.run] == ["01-preprocessing", "02-noise-and-blur", *TRAINED]
    assert two.upstream("02-noise-and-blur", two.runs[1]) == ["runs/mine/seed-2/01-preprocessing"]
    assert json.loads(two.made_from("07-evaluation", two.runs[1]))["shared"] == []
    with pytest.raises(PlanError, match="vary_split is 'no'; give true or false"):
        plan(tmp_path, {"vary_split": "no"})


def test_a_chapter_that_each_seed_executes_has_a_seed_to_vary():
    known = Plan(ROOT, {}, {})
    assert [name for name in known.replicated if "seed" in known.values(name)] == TRAINED
    assert seeds.value(2**32 - 1, 2) == {"seed": 999}  # still one of NumPy's


def test_a_link_takes_the_place_of_a_split_of_ones_own_and_its_target_is_let_be(tmp_path):
    for place in ("01-a", "seed-2/01-a"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "which.txt").write_text(place)
    for _ in range(2):
        seeds.link_shared(tmp_path / "seed-2", ["01-a"])
        assert (tmp_path / "seed-2/01-a/which.txt").read_text() == "01-a"
    shutil.move(tmp_path / "seed-2", tmp_path.joinpath("elsewhere"))
    assert (tmp_path / "elsewhere/01-a").is_symlink()
    assert (tmp_path / "01-a/which.txt").is_file()


def test_a_seed_that_was_made_elsewhere_from_something_else_is_put_aside(tmp_path):
    for name in ("_toc.yml", "cxrlib", "phantom", "notebooks", "presets"):
        (tmp_path / name).symlink_to(ROOT / name)
    three = Plan(tmp_path, {"seeds": 3}, {})
    for number, kept in ((2, three.made_from("04-classification", "runs/quick/seed-2")), (3, "{}")):
        record = tmp_path / f"runs/quick/seed-{number}/executed/04-classification.json"
        record.parent.mkdir(parents=True)
        record.write_text(kept)
    assert three.disown() == ["seed-3/04-classification"]


def left(folder, number, idle="", patients=range(40)):
    """Write what chapters 3, 5 and 7 leave that is collected, with scores that depend on the seed."""
    rng = np.random.default_rng(number)
    place = folder / seeds.folder("run", number)
    label = np.tile([0, 1], 20)
    frame = pd.DataFrame({"row": range(40), "patient": patients, "split": "test", "label": label})
    for arm in ("Baseline", "Den-P", "A-F"):
        frame[arm] = np.clip(0.5 + 0.1 * (2 * label - 1) + rng.normal(0, 0.2, 40), 0, 1)
    states = {"model": ["Baseline", "Den-P", "A-F"], "state": ["", idle, ""]}
    restored = {"task": "denoising", "method": ["corrupted input", "Sharp U-Net"], "ssim": [0.5, 0.6 + number / 100]}
    kept = {"network": ["restoration, denoising"], "state": [idle or "learning"]}
    for name, table in (
        ("05-ensembles/predictions", frame),
        ("05-ensembles/states", states),
        ("07-evaluation/table-2", restored),
        ("03-pretext-learning/kept", kept),
    ):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(table).to_csv(place / f"{name}.csv", index=False)


def section(folder, count):
    collect.write(collect.collect(folder / "run", count), folder / "run" / collect.FOLDER)
    return seeds_page.section(folder / "run", count)


def test_the_page_shows_means_over_the_seeds_and_says_what_is_left_out(tmp_path):
    for number in (1, 2, 3):
        left(tmp_path, number, idle="idle" if number == 2 else "")
    text = section(tmp_path, 3)
    scores = pd.read_csv(tmp_path / "run/seeds/scores.csv").query("model == 'Den-P' and seed != 2").auc
    assert f"Den-P,2,{scores.mean():.3f} ({scores.std():.3f})," in text
    assert "Left out, because they did not learn: Den-P (seed 2)." in text
    assert re.search(r"^A-F minus Baseline,3,", text, re.M)
    assert re.search(r"^A-F minus Den-P,2,", text, re.M)
    assert "All seeds have the same split" in text
    assert "It counts both other trainings and other children." in text
    gains = pd.read_csv(tmp_path / "run/seeds/gains.csv")
    assert (gains.seeds.item(), gains["mean"].item()) == (2, pytest.approx(0.12))  # of seeds 1 and 3
    left(tmp_path, 2)
    assert "Every classifier learned in each seed." in section(tmp_path, 2)


def test_where_no_pair_learned_the_split_is_shared_all_the_same(tmp_path):
    for number in (1, 2):
        left(tmp_path, number, idle="idle")
        states = pd.DataFrame({"model": ["Baseline", "Den-P", "A-F"], "state": ["", "idle", "idle"]})
        states.to_csv(tmp_path / seeds.folder("run", number) / "05-ensembles/states.csv", index=False)
    text = section(tmp_path, 2)
    assert "All seeds have the same split" in text
    assert "did two models that the paper compares both learn" in text


def test_where_splits_differ_the_interval_counts_the_seeds_alone(tmp_path):
    for number in (1, 2, 3):
        left(tmp_path, number, patients=np.arange(40) + 100 * number)
    text = section(tmp_path, 3)
    assert "Each seed has a split of its own" in text
    assert "It is Student's over the seeds" in text
    found = pd.read_csv(tmp_path / "run/seeds/differences.csv").query("score == 'auc' and model_2 == 'Den-P'").iloc[0]
    assert f"Den-P minus Baseline,3,{tables.signed(found['mean'], plus=True)} (" in text
    assert tables.signed(found.low, plus=True) in text
    assert seeds_page.section(tmp_path / "nowhere", 1) == ""


HEAD = """---
chapter: {declared}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
---

```{{code-cell}}
:tags: [parameters]
run = "runs/mine"
seed = 1
threshold = 0.5
```

```{{code-cell}}
import time
import numpy as np
import pandas as pd
from bookchain.chapter import Chapter

chapter = Chapter("{name}", run)
upstream = [chapter.upstream(name) for name in {needs}]
with open(chapter.root / "executions.txt", "a") as file:
    file.write(f"{{run}}/{name}\\n")
drawn = np.random.default_rng(seed).random() + sum(float((path / "drawn.txt").read_text()) for path in upstream)
(chapter.folder / "drawn.txt").write_text(str(drawn))
{body}
chapter.finish()
```
"""
BODIES = {
    "01-preprocessing": "",
    "02-noise-and-blur": "",
    "03-pretext-learning": """
chapter.table(pd.DataFrame({"network": ["restoration, denoising"], "state": ["learning"]}), "kept")
""",
    "04-classification": """
step = chapter.checkpoints / "step.txt"  # as a training leaves one
if step.exists():
    (chapter.root / "resumed.txt").write_text(run)
step.parent.mkdir(parents=True, exist_ok=True)
step.touch()
while run.endswith("seed-2") and (chapter.root / "hold").exists():
    time.sleep(0.1)
""",
    "05-ensembles": """
frame = pd.DataFrame({"row": range(20), "patient": range(20), "split": "test", "label": [0, 0, 1, 1] * 5})
for arm in ("Baseline", "Den-P"):
    frame[arm] = np.random.default_rng(int(drawn * 1e6) + len(arm)).random(20)
chapter.table(frame, "predictions")
chapter.table(pd.DataFrame({"model": ["Baseline", "Den-P"], "state": ["", ""]}), "states")
""",
    "07-evaluation": """
method = ["corrupted input", "Sharp U-Net"]
chapter.table(pd.DataFrame({"task": "denoising", "method": method, "ssim": [0.5, drawn % 1]}), "table-2")
""",
}


class Study:
    """A copy of the project whose chapters are short: each draws a number, and adds what those before it drew."""

    def __init__(self, folder):
        self.root = copied(folder)
        self.run = self.root / "runs/mine"
        declared = {name: dependencies.declared(ROOT / "notebooks" / f"{name}.md")._asdict() for name in BODIES}
        shutil.rmtree(self.root / "notebooks")
        (self.root / "notebooks").mkdir()
        for name, body in BODIES.items():
            head = json.dumps(declared[name] | {"trains": False})  # so that two run at once
            text = HEAD.format(name=name, declared=head, needs=declared[name]["needs"], body=body)
            (self.root / "notebooks" / f"{name}.md").write_text(text)
        (self.root / "mine.yml").write_text("seed: 5\n")

    def start(self, count, *arguments):
        """Start Snakemake in a session of its own; into a file, since a killed run's kernels would hold a pipe open."""
        command = ["snakemake", *arguments, "--cores", "2", "--config", "preset=mine.yml", f"seeds={count}"]
        with open(self.root / "said.txt", "w") as said:
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=environment_of(self.root),
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self, process):
        assert process.wait() == 0, (self.root / "said.txt").read_text()
        return (self.root / "said.txt").read_text()

    def make(self, count):
        """Make the tables over so many seeds, and give the chapters that were executed for it, with their folders."""
        before = len(self.executions())
        self.said(self.start(count, "runs/mine/seeds"))
        return sorted(self.executions()[before:])

    def executions(self):
        log = self.root / "executions.txt"
        return log.read_text().split() if log.exists() else []

    def planned(self, count):
        said = self.said(self.start(count, "--dry-run"))
        return re.findall(r"^Job \d+: (?:chapter (\S+) \(runs/mine/?(.*)\)|(collecting|rendering))", said, re.M)

    def written(self, place):
        return {path.relative_to(place): path.read_bytes() for path in place.glob("*/*.csv")}


@pytest.mark.chain
def test_three_seeds_in_one_run_killed_continued_made_again_raised_and_lowered(tmp_path):
    study = Study(tmp_path)
    (study.root / "hold").touch()
    killed = study.start(3, "runs/mine/seeds")
    while not (study.run / "seed-2/checkpoints/04-classification/step.txt").exists():
        assert killed.poll() is None, (study.root / "said.txt").read_text()
        time.sleep(0.1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    clear = [sys.executable, "-m", "bookchain.execute"]
    subprocess.run(clear, cwd=study.root, env=environment_of(study.root), check=True)
    (study.root / "hold").unlink()
    study.make(3)

    # Shared chapters once; of what the kill cut off, at most two jobs, a second time.
    count = Counter(study.executions())
    wanted = {f"runs/mine{place}/{name}" for place in ("", "/seed-2", "/seed-3") for name in TRAINED}
    assert count.keys() == wanted | {"runs/mine/01-preprocessing", "runs/mine/02-noise-and-blur"}
    assert count["runs/mine/01-preprocessing"] == count["runs/mine/02-noise-and-blur"] == 1
    assert count["runs/mine/seed-2/04-classification"] == 2
    assert count.total() <= len(count) + 2
    assert (study.root / "resumed.txt").read_text() == "runs/mine/seed-2"

    # Each seed read what is its own, and what is shared.
    def drawn(place, name):
        return float((study.run / place / name / "drawn.txt").read_text())

    shared = drawn("", "01-preprocessing") + drawn("", "02-noise-and-blur")
    for place, seed in {"": 5, "seed-2": 1005, "seed-3": 2005}.items():
        upstream = shared + drawn(place, "03-pretext-learning") + drawn(place, "05-ensembles")
        assert drawn(place, "07-evaluation") == pytest.approx(np.random.default_rng(seed).random() + upstream)

    written = study.written(study.run)
    scores = pd.read_csv(study.run / "seeds/scores.csv")
    assert list(scores.seed) == [1, 1, 2, 2, 3, 3]
    assert scores.groupby("model").auc.nunique().eq(3).all()
    assert pd.read_csv(study.run / "seeds/gains.csv").seeds.item() == 3
    areas = scores.pivot(index="seed", columns="model", values="auc")
    counted = pd.read_csv(study.run / "seeds/areas.csv").iloc[0]
    assert (counted.model_1, counted.model_2, counted.seeds) == ("Baseline", "Den-P", 3)
    assert counted.difference == pytest.approx((areas["Den-P"] - areas.Baseline).mean(), rel=1e-4)

    shutil.rmtree(study.run / "seed-2")
    shutil.rmtree(study.run / "seeds")
    assert study.make(3) == [f"runs/mine/seed-2/{name}" for name in TRAINED]
    assert study.written(study.run) == written

    wanted = [(name, f"seed-{number}", "") for number in (4, 5) for name in TRAINED]
    assert sorted(study.planned(5)) == sorted([*wanted, ("", "", "collecting"), ("", "", "rendering")])

    assert study.make(2) == []
    assert (study.run / "seed-3/07-evaluation").is_dir()
    assert set(pd.read_csv(study.run / "seeds/scores.csv").seed) == {1, 2}

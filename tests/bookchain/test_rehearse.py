"""Tests of rehearse: what a run would take, samples of real layouts, and a dead network that is found."""

import json
import os

import pandas as pd
import pytest
from conftest import ROOT

from bookchain import estimate, rehearse
from bookchain.plan import Plan
from cxrlib.networks import rehearsal
from phantom.kermany import write_kermany


def plan(preset="paper", **given):
    return Plan(ROOT, {"preset": preset}, {name.upper(): str(path) for name, path in given.items()}, rehearsal=True)


def networks(**changes):
    row = {
        **{"chapter": "03-pretext-learning", "network": "restoration-denoising", "start": "glorot_uniform"},
        **{"verdict": "learns", "losses": [0.9, 0.5, 0.4], "constant": 0.46, "seconds a step": 2.0, "batch": 16},
        **{"epochs": 50, "weights": 28_806_211, "memory (GB)": 9.0},
    }
    return pd.DataFrame([row | changes])


def test_paper_is_planned_without_its_data_and_counts_the_published_images():
    images = estimate.training_images(plan())
    assert images["restoration"] == images["pretext"] == 4100
    assert images["classification"] == 6128  # 0.7 of 8,755
    assert estimate.training_images(plan("quick"))["restoration"] == 315  # 0.7 of the synthetic 450


def test_halves_of_one_set_leave_the_test_to_the_classifiers():
    images = estimate.training_images(plan("kermany-full"))
    assert images["restoration"] == 4100
    assert images["pretext"] == round(0.9 * 2928)
    assert images["classification"] == round(0.9 * 2928) - 1170


def test_hours_are_steps_times_seconds():
    hours = estimate.hours(networks(), {"restoration": 4100, "classification": 6128})
    assert hours[0] == pytest.approx(257 * 50 * 2.0 / 3600)
    hours = estimate.hours(networks(network="Den-P"), {"restoration": 4100, "classification": 6128})
    assert hours[0] == pytest.approx(383 * 50 * 2.0 / 3600)


def test_what_each_seed_trains_counts_once_a_seed():
    made = pd.concat([networks(), networks(chapter="01-preprocessing", network="segmenter")], ignore_index=True)
    three = Plan(ROOT, {"preset": "paper", "seeds": 3}, {}, rehearsal=True)
    assert list(estimate.trainings(three, made)) == [3, 1]
    one = estimate.hours(made, estimate.training_images(three))
    told = rehearse.report(three, made)
    assert f"about {3 * one[0] + one[1]:.0f} hours of training for 3 seeds, " in told
    assert f"about {one.sum():.0f} hours of training, " in rehearse.report(plan(), made)
    assert estimate.disk(three, made) > estimate.disk(plan(), made)


def test_the_report_names_the_dead():
    told = rehearse.report(plan(), networks())
    assert "LEARNS" in told
    assert told.endswith("No network is dead.")
    told = rehearse.report(plan(), networks(verdict="dead", constant=None))
    assert told.splitlines()[-1].startswith("DEAD: restoration-denoising. Do not start this run")


def test_a_sample_has_every_class_and_reads_as_the_set(tmp_path):
    write_kermany(tmp_path / "whole", 40, 40, 40, size=32, workers=1)
    few = rehearse.sample("kermany", tmp_path / "whole", tmp_path / "few")
    kinds = {kind: len(list(few.rglob(f"*{kind}*.jpeg"))) for kind in ("bacteria", "virus", "IM-")}
    assert all(0 < count < 40 for count in kinds.values())
    assert rehearse.sample("vgg16", tmp_path / "weights.npz", tmp_path) == tmp_path / "weights.npz"


def test_without_a_gpu_the_preset_points_to_its_rehearsal(monkeypatch):
    monkeypatch.setattr("bookchain.provenance.environment", lambda root: {"machine": {"cores": 2}})
    assert "make rehearse PRESET=paper" in rehearse.warning(plan())
    assert rehearse.warning(plan("quick")) == ""
    monkeypatch.setattr("bookchain.provenance.GPUS", ROOT / "nowhere")
    assert rehearse.warning(plan(profile="slurm")) == ""  # what starts the run on a cluster does not compute
    monkeypatch.setattr("bookchain.provenance.environment", lambda root: {"machine": {"GPU": "a card"}})
    assert rehearse.warning(plan()) == ""


def test_a_rate_that_moves_no_weight_is_found_dead(project, monkeypatch):
    """The command as a user gives it, on the chapters up to the first networks that are built to learn."""
    tiny = (project / "tests/tiny.yml").read_text()
    no_rate = "  restoration_epochs: 1\n  learning_rate: 1.0e-12\n"
    (project / "still.yml").write_text(tiny.replace("  restoration_epochs: 1\n", no_rate))
    monkeypatch.chdir(project)
    monkeypatch.setattr(rehearse, "CHAPTERS", rehearse.CHAPTERS[:3])
    for name in (rehearsal.FILE, rehearsal.STEPS):
        monkeypatch.setenv(name, "")
    still = Plan(project, {"preset": "still.yml"}, os.environ, rehearsal=True)
    found = rehearse.rehearse(still, steps=2)
    verdicts = found.set_index("network").verdict
    assert verdicts["segmenter"] != "dead"
    assert set(verdicts[["restoration-denoising", "restoration-deblurring"]]) == {"dead"}
    lines = (project / "runs/still-rehearsal/rehearsal.jsonl").read_text().splitlines()
    assert all(len(json.loads(line)["losses"]) <= 2 for line in lines)

"""Tests of arms: every name has the part that it plays, an added task's encoder by itself."""

from dataclasses import replace

import pytest

from cxrlib.evaluation.arms import controls_of, derived_from, role, with_added, with_role
from cxrlib.restoration.tasks import TASKS


def test_parts_follow_from_names_in_the_order_given():
    names = ["Deb-P", "mine", "Random start, He", "A-F", "Baseline", "Den-P", "Baseline, ImageNet scaling"]
    assert with_role(names, "pretext") == ["Deb-P", "Den-P"]
    assert with_role(names, "random", "baseline") == ["Random start, He", "Baseline", "Baseline, ImageNet scaling"]
    assert with_role(names, "ensemble") == ["A-F"]
    assert with_role([*names, "Dense head"], "control") == ["Dense head"]
    with pytest.raises(ValueError, match="no role pretexts"):
        with_role(names, "pretexts")


def test_the_encoder_of_an_added_task_is_a_pretext_arm(monkeypatch):
    assert role("Own-P") == "other"
    monkeypatch.setitem(TASKS, "own", replace(TASKS["denoising"], encoder="Own-P"))
    assert role("Own-P") == "pretext"


def test_arms_that_keep_a_part_of_an_encoder_name_it():
    assert derived_from("Den-P, blocks 1-3") == ("Den-P", 3)
    assert derived_from("Deb-P, block 1") == ("Deb-P", 1)
    assert derived_from("Random start, Baseline's moments") == ("Baseline", 0)
    for other in ("Den-P", "Random start, He", "Den-P, blocks 2-3", "Den-P, blocks 1-5", "Baseline, ImageNet scaling"):
        assert derived_from(other) == ("", 0)


def test_an_arm_is_not_compared_with_anothers_moments_nor_with_a_part_of_itself():
    names = ["Random start, Deb-P's moments", "Den-P, blocks 1-2", "Random start, He", "Deb-P", "Baseline"]
    assert controls_of("Deb-P", names) == ["Random start, Deb-P's moments", "Random start, He", "Baseline"]
    assert controls_of("Den-P", names) == ["Random start, He", "Baseline"]


def test_arms_of_tasks_that_the_paper_lacks_join_once_and_the_papers_are_not_pressed_upon_anyone():
    there = ["Deb-P", "Den-P", "Fil-P", "Id-P", "SA", "restoration-filling", "patient"]
    assert with_added(["Baseline", "Den-P"], there) == ["Baseline", "Den-P", "Fil-P", "Id-P"]
    assert with_added(["Id-P"], there) == ["Id-P", "Fil-P"]
    assert with_added(["Baseline"], ["Deb-P", "Den-P"]) == ["Baseline"]

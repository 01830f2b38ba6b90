"""The page of findings: verdicts and numbers come from the run's tables, and turn round with them."""

import re
import shutil

import pandas as pd
import pytest
from conftest import ROOT

from bookchain import findings_page
from bookchain.findings_page import TEMPLATE
from cxrlib.evaluation import audit, published, repeated, scores, significance

SYNTHETIC = {"restoration": "synthetic", "classification": "synthetic"}
REAL = {"restoration": "real", "classification": "real"}
AUDIT = "09-auditing-the-paper"


def write(frame, run, name):
    (run / name).parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(run / f"{name}.csv", index=False)


def page(*given, **options):
    return findings_page.page(findings_page.found(*given, **options))


def audited(run, counts):
    """Write what chapter 9 leaves, for any confusion matrices of the six models."""
    for measure, name in (("youden", "youden-pairs"), ("d_prime", "d-prime-pairs")):
        write(audit.compare_pairs(counts, measure), run, f"{AUDIT}/{name}")
    write(significance.pairwise({model: cells[:2] for model, cells in counts.items()}, "wilson"), run, f"{AUDIT}/pairs")
    points = pd.DataFrame({model: scores.from_counts(*cells) for model, cells in counts.items()}).T
    points["d_prime"] = [audit.MEASURES["d_prime"](*cells)["d_prime"] for cells in counts.values()]
    write(points.rename_axis("model").reset_index(), run, f"{AUDIT}/operating-points")
    intervals = pd.DataFrame({"interval": ["wald", "wilson"], "p": [3, 3], "p_holm": [4, 4]})
    write(intervals, run, f"{AUDIT}/not-significant")
    write(pd.DataFrame({"model": ["Baseline"]}), run, f"{AUDIT}/misprints")


@pytest.fixture(scope="module")
def decoded():
    frame = published.decode_table().set_index("model")
    return {model: (row.tp, row.fn, row.fp, row.tn) for model, row in frame.iterrows()}


@pytest.fixture
def run(tmp_path, decoded):
    audited(tmp_path, decoded)
    return tmp_path


@pytest.fixture
def reference(tmp_path):
    return shutil.copytree(ROOT / "book/reference", tmp_path / "reference")


def told(text):
    """Give the verdicts of the table, by the claim's number."""
    return dict(re.findall(r"^\| \[(\d)\..*?\| ([\w ]+) \|", text, re.M))


def test_the_published_numbers_get_the_verdicts_that_their_audit_gives(run):
    text = page(run, ROOT / "book/reference", SYNTHETIC)
    assert told(text) == {
        "1": "open",
        "2": "not shown",
        "3": "supported in part",
        "4": "contradicted",
        "5": "not tested yet",
        "6": "not tested yet",
    }
    assert "+0.057 for Den-P (p 0.044, after Holm 0.437)" in text
    assert "2 do not differ significantly, and 3 do not after Holm's adjustment" in text
    assert "gets 89% of A-F's lead" in text


def test_other_counts_would_have_got_other_verdicts(run):
    better = {"Baseline": (115, 460, 77, 1097), "SA": (200, 375, 70, 1104), "SLSQP-WA": (240, 335, 60, 1114)}
    better |= {"Den-P": (300, 275, 50, 1124), "Deb-P": (310, 265, 50, 1124), "A-F": (500, 75, 20, 1154)}
    audited(run, better)
    found = told(page(run, ROOT / "book/reference", SYNTHETIC))
    assert [found[claim] for claim in "234"] == ["supported", "supported", "supported"]
    worse = better | {"Baseline": better["A-F"], "A-F": better["Baseline"]}
    audited(run, worse)
    found = told(page(run, ROOT / "book/reference", SYNTHETIC))
    assert [found[claim] for claim in "23"] == ["contradicted", "contradicted"]


def test_other_inputs_would_have_given_restoration_another_verdict(run, reference):
    for task in published.TABLE_2:
        file = reference / f"readings-fullsize/{task}.csv"
        pd.read_csv(file).assign(**{"PSNR (dB)": 10.0, "SSIM": 0.1, "HaarPSI": 0.1}).to_csv(file, index=False)
    text = page(run, reference, SYNTHETIC)
    assert told(text)["1"] == "supported"
    assert "in 0 of 32 readings of the text, and is below each in 32" in text
    file = reference / "restoration-224/scores.csv"
    frame = pd.read_csv(file)
    frame.loc[frame.method.str.startswith("Sharp"), "PSNR (dB)"] = 99.0
    frame.to_csv(file, index=False)
    assert "beat the best filter's PSNR in\n  4 of 4" in page(run, reference, SYNTHETIC)


def test_a_run_without_a_measurement_says_so(run):
    text = page(run, ROOT / "book/reference", REAL)
    assert text.count("it measured none of this") == 5
    assert [told(text)[claim] for claim in "56"] == ["not tested yet", "not tested yet"]


def test_a_run_of_several_seeds_says_that_the_verdicts_count_one_of_them(run):
    scored = [(seed, name, "", 0.8, 0.7) for seed in (1, 2) for name in ("Baseline", "Den-P")]
    trained = pd.DataFrame(scored, columns=["seed", "model", "state", "auc", "balanced_accuracy"])
    pair = repeated.paired_differences(trained, [("Baseline", "Den-P")])
    write(trained, run, "seeds/scores")
    write(repeated.over_seeds(trained), run, "seeds/models")
    write(repeated.over_seeds(pair, ("model_1", "model_2")), run, "seeds/differences")
    text = page(run, ROOT / "book/reference", REAL, seeds=2)
    assert "Den-P minus Baseline,2,0.000 (0.000 to 0.000),0.000 (0.000 to 0.000)" in text
    assert "One training of each arm counts here" not in text
    assert "many times on films of children, and this run did so 2 times." in text
    assert text.count("it counts one seed, and [the others](#finding-seeds)") == 2
    one = page(run, ROOT / "book/reference", REAL)
    assert "finding-seeds" not in one
    assert "One training of each arm counts here" in one


def classified(run, gap, idle=()):
    models = ["Baseline", "Den-P", "Deb-P", "Random start, He", "SA", "SLSQP-WA", "A-F"]
    states = {"model": models, "state": ["idle" if name in idle else None for name in models]}
    write(pd.DataFrame(states), run, "05-ensembles/states")
    controls = [(control, arm) for arm in ("Den-P", "Deb-P") for control in ("Baseline", "Random start, He")]
    frame = pd.DataFrame(controls, columns=["model_1", "model_2"])
    write(frame.assign(difference=gap, p=0.001, p_holm=0.004), run, "08-significance/controls")
    write(pd.DataFrame(columns=["model_1", "model_2", "difference", "p", "p_holm"]), run, "08-significance/areas")
    ious = {"Baseline": 0.3, "Den-P": 0.3 + gap, "Deb-P": 0.3 + gap}
    rows = [(name, row, f"child {row}", iou + row / 100) for name, iou in ious.items() for row in range(5)]
    scores = pd.DataFrame(rows, columns=["map", "row", "patient", "iou"])
    write(scores.assign(pointing=scores.iou), run, "06-activation-maps/localisation")


@pytest.mark.parametrize(("gap", "word"), [(0.1, "supported"), (-0.1, "contradicted")])
def test_this_run_decides_only_where_its_radiographs_are_real(run, gap, word):
    classified(run, gap)
    found = told(page(run, ROOT / "book/reference", REAL))
    assert [found[claim] for claim in "56"] == [word, word]
    text = page(run, ROOT / "book/reference", SYNTHETIC)
    assert [told(text)[claim] for claim in "56"] == ["not tested yet", "not tested yet"]
    assert "**This run** {origin}`synthetic`" in text
    assert told(text)["2"] == "not shown"  # the verdict on the published numbers stays


def test_arms_that_did_not_learn_decide_nothing(run):
    classified(run, 0.1, idle=["Den-P", "Deb-P"])
    text = page(run, ROOT / "book/reference", REAL)
    assert [told(text)[claim] for claim in "56"] == ["not tested yet", "not shown"]
    assert "no comparison can be made" in text


@pytest.mark.parametrize("left", ["map != 'Baseline'", "row < 1"])
def test_maps_of_too_few_arms_or_images_are_not_compared(run, left):
    """The preset paper-proof draws the maps of one arm, for one image."""
    classified(run, 0.1)
    file = run / "06-activation-maps/localisation.csv"
    pd.read_csv(file).query(left).to_csv(file, index=False)
    assert told(page(run, ROOT / "book/reference", REAL))["5"] == "not tested yet"


def test_no_number_is_typed_into_the_template():
    text = re.sub(r"\$\{\w+\}|Equations 9 to 12|256 pixels", "", TEMPLATE.read_text())
    assert not re.findall(r"\d+[.]\d+|\d+\s?%|\b\d{2,}\b", text)

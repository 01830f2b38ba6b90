"""Presets are held against the chapters' own parameters before anything runs."""

import pytest
from conftest import ROOT, SOURCES

from bookchain import dependencies, presets
from bookchain.plan import Plan
from bookchain.presets import PlanError

OWN = {path.stem: dependencies.parameter_values(path) for path in SOURCES}
NAMES = {name for values in OWN.values() for name in values}


def read(folder, text):
    file = folder / "mine.yml"
    file.write_text(text)
    settings = presets.read(file, ROOT / "presets")
    presets.check(file, settings, OWN)
    return settings


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "1.0e-4", "0.0001", ".1e-3"])
def test_numbers_are_numbers_however_they_are_written(tmp_path, text):
    read_ = read(tmp_path, f"extends: quick\n04-classification:\n  learning_rate: {text}\n")
    assert read_["04-classification"]["learning_rate"] == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("chapter", "line", "fault"),
    [
        ("04-classification", "learning_rate: '1e-4'", "learning_rate is '1e-4'; give a number"),
        ("04-classification", "learning_rate: .nan", "learning_rate is nan; give more than 0"),
        ("04-classification", "learning_rate: .inf", "learning_rate is inf; give more than 0"),
        ("04-classification", "epochs: 2.5", "epochs is 2.5; give a whole number"),
        ("04-classification", "epochs: true", "epochs is True; give a whole number"),
        ("04-classification", "epochs:", "epochs is None; give a whole number"),
        ("04-classification", "epochs: 0", "epochs is 0; give 1 or more"),
        ("04-classification", "training_images: -1", "training_images is -1; give 0 or more"),
        ("04-classification", "momentum: 1.5", "momentum is 1.5; give 0 to 1"),
        ("01-preprocessing", "segmenter_size: 64", "segmenter_size is 64; give 96 or more"),
        ("01-preprocessing", "image_size: 50", "image_size is 50; give a multiple of 16"),
        ("04-classification", "mirror: 1", "mirror is 1; give true or false"),
        ("04-classification", "arms: Den-P", "arms is 'Den-P'; give a list"),
        ("04-classification", "arms: [1]", "each of its values: give text"),
        ("04-classification", "optimizer: sdg", "optimizer is 'sdg'; give one of 'adam', 'sgd'"),
        ("04-classification", "run: elsewhere", "has no parameter 'run'"),
        ("01-preprocessing", "synthetic_abnormal: -0.1", "synthetic_abnormal is -0.1; give 0 to 1"),
        ("01-preprocessing", "synthetic_kermany: [10, 0, 10]", "each of its values: give 1 or more"),
        ("01-preprocessing", "synthetic_vindr: [10]", "give 2 values"),
        ("01-preprocessing", "restoration_sizes: [0.7, 0.7, 0.2]", "shares that add up to 1"),
        ("01-preprocessing", "kermany: 3", "kermany is 3; give text"),
        (
            "02-noise-and-blur",
            "tasks: [denoising, deblurring, filing]",
            "give some of 'denoising', 'deblurring', 'fill",
        ),
        ("03-pretext-learning", "tasks: [deblurring, filling]", "the text needs denoising, too"),
        ("06-activation-maps", "threshold: otso", "threshold is 'otso'; give a number"),
    ],
)
def test_what_a_chapter_cannot_use_is_refused_with_file_chapter_and_name(tmp_path, chapter, line, fault):
    with pytest.raises(PlanError) as refused:
        read(tmp_path, f"{chapter}:\n  {line}\n")
    said = str(refused.value)
    assert f"{tmp_path / 'mine.yml'}: {chapter}" in said
    assert fault in said


@pytest.mark.parametrize(
    "line",
    [
        "06-activation-maps: {threshold: otsu, thresholds: [otsu, 1]}",
        "01-preprocessing: {restoration_sizes: [4100, 586, 1170], margin: 0}",
        "02-noise-and-blur: {noise_channels: 3}",
        "03-pretext-learning: {width: 1}",
        "threads: 2",
        "05-ensembles:",
    ],
)
def test_what_a_chapter_can_use_is_taken(tmp_path, line):
    assert read(tmp_path, line)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("gpu: 1", "gpu is 1; give true or false"),
        ("threads: 0", "threads is 0"),
        ("needs: kermany", "needs is 'kermany'"),
        ("05-ensembles: 3", "05-ensembles is 3; give its parameters"),
        ("05-ensembles: {epochs: 1, epochs: 2}", "'epochs' is there twice"),
        ("a: [1", "no valid YAML"),
        ("- a\n- b", "no sections by chapter"),
        ("extends: mine", r"extends itself (mine.yml -> mine.yml)"),
        ("extends: [quick]", "extends ['quick'], but no"),
    ],
)
def test_other_faults_are_one_message_with_the_file(tmp_path, text, fault):
    with pytest.raises(PlanError) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(f"{tmp_path / 'mine.yml'}: ")
    assert fault in str(refused.value)


def test_text_that_is_no_unicode_is_named(tmp_path):
    (tmp_path / "mine.yml").write_bytes(b"05-ensembles: {reading: \xe9}")
    with pytest.raises(PlanError, match=r"mine.yml: no valid YAML"):
        presets.read(tmp_path / "mine.yml", tmp_path)


def test_a_circle_is_told_with_its_way(tmp_path):
    for name, base in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.yml").write_text(f"extends: {base}\n")
    with pytest.raises(PlanError, match=r"a.yml: extends itself \(a.yml -> b.yml -> c.yml -> a.yml\)"):
        presets.read(tmp_path / "a.yml", tmp_path)


def test_limits_are_of_parameters_that_there_are():
    assert {*presets.RANGES, *presets.CHOICES, *presets.OTHER_WORDS, *presets.AS_LONG} <= NAMES


def test_a_second_preset_of_the_same_file_name_does_not_get_the_firsts_run(tmp_path):
    (tmp_path / "quick.yml").write_text("")
    with pytest.raises(
        PlanError, match=r"runs/quick is the run of .*presets/quick.yml, a preset of the same file name"
    ):
        Plan(ROOT, {"preset": str(tmp_path / "quick.yml")}, {})
    for name in ("cxrlib", "notebooks", "presets", "one", "two"):
        (tmp_path / name).mkdir()
    for name in ("one", "two"):
        (tmp_path / name / "mine.yml").write_text("")
    Plan(tmp_path, {"preset": "one/mine.yml"}, {}).claim()
    assert (tmp_path / "runs/mine/preset.txt").read_text() == "one/mine.yml\n"
    assert Plan(tmp_path, {"preset": "one/mine.yml"}, {}).run == "runs/mine"
    with pytest.raises(PlanError, match="runs/mine is the run of one/mine.yml"):
        Plan(tmp_path, {"preset": "two/mine.yml"}, {})
    (tmp_path / "one/mine.yml").unlink()  # it was moved, say
    assert Plan(tmp_path, {"preset": "two/mine.yml"}, {}).run == "runs/mine"


def test_a_parameter_outside_the_sections_holds_for_all_chapters_that_have_it(tmp_path):
    (tmp_path / "base.yml").write_text("seed: 1\n02-noise-and-blur:\n  seed: 2\n")
    file = tmp_path / "mine.yml"
    file.write_text("extends: base\ntasks: [denoising, deblurring, filling]\nthreads: 1\n")
    settings = presets.spread(presets.read(file, ROOT / "presets"), OWN)
    presets.check(file, settings, OWN)
    assert settings.pop("threads") == 1
    assert {name for name, section in settings.items() if "tasks" in section} == {
        name for name, values in OWN.items() if "tasks" in values
    }
    seeds = {name: section["seed"] for name, section in settings.items() if "seed" in section}
    assert seeds == {name: 2 if name == "02-noise-and-blur" else 1 for name in OWN if "seed" in OWN[name]}


def test_a_parameter_of_no_chapter_is_refused_outside_the_sections_too(tmp_path):
    with pytest.raises(PlanError, match="no chapter 'sead', nor a parameter of one"):
        read(tmp_path, "sead: 1\n")

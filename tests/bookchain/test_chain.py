"""The chain, run as its user runs it: all chapters through Snakemake and papermill, on the smallest cohorts."""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import snakemake

from bookchain.chapter import WRITES
from bookchain.provenance import MARKER
from cxrlib.evaluation import published, scores
from cxrlib.restoration.tasks import TASKS

ROOT = Path(__file__).parents[2]
CHAPTERS = [path.stem for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.md"))]


def planned(project):
    """Tell which chapters, and whether the site, a run would execute."""
    result = snakemake(project, "--dry-run")
    assert result.returncode == 0, result.stderr
    said = result.stdout + result.stderr
    return set(re.findall(r"^Job \d+: chapter (\S+)", said, re.M)), "rendering the book" in said


@contextmanager
def changed(path, old, new):
    """Change a file of the shared project, and put it back whatever the test finds."""
    before = path.read_text()
    assert old in before
    try:
        path.write_text(before.replace(old, new))
        yield
    finally:
        path.write_text(before)


def read(project, chapter, name):
    return pd.read_csv(project / "runs" / "tiny" / chapter / f"{name}.csv")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter_ran_to_its_end_and_its_page_has_no_traceback(project, chapter):
    assert json.loads((project / "runs" / "tiny" / chapter / "complete.json").read_text())["chapter"] == chapter
    page = (project / "runs/tiny/site/_build/html/notebooks" / f"{chapter}.html").read_text()
    assert "Traceback (most recent call last)" not in page
    assert "injected-parameters" not in page
    notebook = nbformat.read(project / "runs/tiny/executed" / f"{chapter}.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert all(output.output_type != "error" for output in outputs)


def test_preprocessing_writes_one_crop_a_row_and_exact_splits(project):
    cohort = read(project, "01-preprocessing", "cohort")
    images = np.load(project / "runs/tiny/01-preprocessing/images.npy")
    assert images.shape == (len(cohort), 32, 32)
    assert images.dtype == np.uint8
    table = read(project, "01-preprocessing", "table-1").set_index("task")
    assert (table[["train", "validation", "test"]].sum(axis=1) == table["images"]).all()
    tested = cohort[cohort.restoration.eq("test") | cohort.classification.eq("test")].patient
    trained = cohort[cohort[["restoration", "classification"]].eq("train").any(axis=1)].patient
    assert not set(tested) & set(trained)


@pytest.mark.parametrize("task", TASKS)
def test_corrupted_images_are_those_of_their_rows_and_pretext_keeps_the_best_epoch(project, task):
    clean = np.load(project / "runs/tiny/01-preprocessing/images.npy")[read(project, "02-noise-and-blur", "levels").row]
    corrupted = np.load(project / "runs/tiny/02-noise-and-blur" / f"{task}.npy")
    difference = np.abs(corrupted.astype(float) - clean).mean(axis=(1, 2))
    if task == "identity":
        assert difference.max() == 0
    else:
        assert 0 < difference.min() <= difference.max() < 60  # a shifted or shuffled array would be far off
    history = read(project, "03-pretext-learning", f"history-restoration-{task}")
    assert history.best.sum() == 1
    assert history.val_loss[history.best].item() == history.val_loss.min()


def test_predictions_are_probabilities_of_validation_and_test_images_only(project):
    predictions = read(project, "05-ensembles", "predictions")
    assert set(predictions.split) == {"validation", "test"}
    random, ensembles = ["Random start, He", "Random start, Glorot"], ["SA", "SLSQP-WA", "A-F"]
    arms = [
        "Baseline",
        "Den-P",
        "Deb-P",
        *random,
        "Fil-P",
        "Id-P",
        *ensembles,
        "Dense head",
        "Den-P, twice",
    ]  # those of the added tasks by themselves
    assert predictions[arms].ge(0).all(axis=None)
    assert predictions[arms].le(1).all(axis=None)
    assert np.allclose(predictions["SA"], predictions[["Den-P", "Deb-P"]].mean(axis=1), atol=1e-6)
    again = read(project, "04-classification", "repeated").set_index("row").probability
    assert not np.allclose(again[predictions.row], predictions["Den-P"])  # another training
    mean = (again[predictions.row].to_numpy() + predictions["Den-P"]) / 2
    assert np.allclose(predictions["Den-P, twice"], mean, atol=1e-6)
    assert read(project, "05-ensembles", "weights").weight.sum() == pytest.approx(1)


def test_table_3_follows_from_the_predictions(project):
    predictions = read(project, "05-ensembles", "predictions")
    test = predictions[predictions.split == "test"]
    table = read(project, "07-evaluation", "table-3").set_index("model")
    for model in table.index.intersection(test.columns):  # the trivial classifiers stand in chapter 7 alone
        expected = scores.from_predictions(test.label, test[model])
        assert table.loc[model].to_dict() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("chapter", "name", "column", "rows"),
    [
        ("06-activation-maps", "localisation", "map", {"whole image"}),
        ("05-ensembles", "validation", "model", {"A-F", "Dense head", "Den-P, twice"}),
        ("07-evaluation", "table-3", "model", {"A-F", "Dense head", "Den-P, twice"}),
        ("07-evaluation", "table-2", "method", {"corrupted input", "gaussian", "inpainting", "Sharp U-Net"}),
        ("09-auditing-the-paper", "decoded", "model", set(published.TABLE_3)),
    ],
)
def test_tables_have_what_they_are_compared_with(project, chapter, name, column, rows):
    assert rows <= set(read(project, chapter, name)[column])


def test_all_pairs_of_the_papers_six_and_the_two_added_models_are_tested_three_ways(project):
    assert [len(read(project, "08-significance", name)) for name in ("pairs", "mcnemar", "areas")] == [28, 28, 28]


def test_nothing_is_written_to_the_users_home(project):
    home = project.parent / "home"
    assert [str(path.relative_to(home)) for path in sorted(home.rglob("*"))] == [".keras", ".keras/keras.json"]


def test_page_shows_the_values_really_used(project):
    page = (project / "runs/tiny/site/_build/html/notebooks/07-evaluation.html").read_text()
    assert re.search(r"resamples.*?20\b", re.sub(r"<[^>]+>", "", page))


BY_HAND = """
import sys
from pathlib import Path
from bookchain.dependencies import code_cells, read_notebook
from bookchain.plan import Plan

plan = Plan(Path.cwd(), {"preset": "tests/tiny.yml"}, {})
for name in sys.argv[2:]:
    names = {}
    for cell in code_cells(read_notebook(Path("notebooks", f"{name}.md").absolute())):
        tags = cell.metadata.get("tags", [])
        if not {"solution", "check"} & {*tags}:
            exec(compile(cell.source, name, "exec"), names)
        if "parameters" in tags:
            names |= plan.parameters(name) | {"run": sys.argv[1]}
"""


def test_the_order_of_the_data_sets_changes_no_table(project, tmp_path):
    """Chapters 2 to 7 after a chapter 1 that has put VinDr-PCXR first: the same images, levels, noise and scores."""
    usual, other = project / "runs/tiny", tmp_path / "other"
    shutil.copytree(usual / "01-preprocessing", other / "01-preprocessing")
    cohort = read(project, "01-preprocessing", "cohort")
    swapped = cohort.sort_values("dataset", ascending=False, kind="stable", ignore_index=True)
    assert swapped.dataset[0] == "vindr_pcxr" != cohort.dataset[0]
    was = dict(enumerate(swapped.row))
    now = {before: after for after, before in was.items()}
    written = {"index": False, "float_format": "%.6g", "lineterminator": "\n"}
    folder = other / "01-preprocessing"
    np.save(folder / "images.npy", np.load(folder / "images.npy")[swapped.row])
    swapped.assign(row=range(len(swapped))).to_csv(folder / "cohort.csv", **written)
    boxes = pd.read_csv(folder / "boxes.csv")
    boxes.assign(row=boxes.row.map(now)).to_csv(folder / "boxes.csv", **written)
    lungs = np.load(folder / "lung-masks.npz")
    rows = np.array([now[row] for row in lungs["rows"]], dtype=int)
    np.savez_compressed(folder / "lung-masks.npz", rows=rows, masks=lungs["masks"])
    marker = json.loads((folder / MARKER).read_text())
    marker["files"] = {name: (folder / name).stat().st_size for name in marker["files"]}
    (folder / MARKER).write_text(json.dumps(marker))

    environment = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": str(project), WRITES: str(other)}
    arguments = [sys.executable, "-c", BY_HAND, str(other), *CHAPTERS[1:7]]
    done = subprocess.run(arguments, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]

    tables = [path.relative_to(usual) for chapter in CHAPTERS[1:7] for path in (usual / chapter).glob("*.csv")]
    assert len(tables) > 30
    for table in tables:
        expected, found = pd.read_csv(usual / table), pd.read_csv(other / table)
        if "row" in found:
            found["row"] = found.row.map(was)
        pd.testing.assert_frame_equal(found, expected, check_exact=True, obj=str(table))
    for task in TASKS:
        name = f"02-noise-and-blur/{task}.npy"
        np.testing.assert_array_equal(np.load(other / name), np.load(usual / name))


def test_changed_parameter_runs_its_chapter_and_what_follows(project):
    with changed(project / "tests/tiny.yml", "resamples: 20", "resamples: 21"):
        assert planned(project) == ({"07-evaluation", "08-significance"}, True)


def test_nothing_runs_again_unless_something_changed(project):
    assert planned(project) == (set(), False)


def test_changed_prose_renders_only(project):
    with changed(project / "notebooks/03-pretext-learning.md", "## Summary", "A new sentence.\n\n## Summary"):
        assert planned(project) == (set(), True)


def test_changed_module_runs_its_chapters_and_what_follows(project):
    with changed(project / "cxrlib/networks/ensembles.py", "import keras\n", "import keras  # changed\n"):
        assert planned(project) == ({"05-ensembles", "07-evaluation", "08-significance"}, True)


def test_failing_chapter_is_named_with_its_cell_and_leaves_nothing_half_done(project, tmp_path):
    copy = shutil.copytree(project, tmp_path / "project")  # it loses a chapter
    source = copy / "notebooks/09-auditing-the-paper.md"
    source.write_text(source.read_text().replace("alone = {", "raise ValueError('broken on purpose')\nalone = {"))
    result = snakemake(copy, "--cores", "2", "runs/tiny/executed/09-auditing-the-paper.ipynb")
    assert result.returncode != 0
    assert "chapter 09-auditing-the-paper" in result.stderr
    assert "broken on purpose" in result.stderr
    assert not (copy / "runs/tiny/09-auditing-the-paper").exists()

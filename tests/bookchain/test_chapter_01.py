"""Chapter 1 on data with faults, with other targets and splits: what is left out is told, and the rest is right."""

from pathlib import Path
from types import SimpleNamespace

import jupytext
import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
from PIL import Image

from bookchain.site import merge
from cxrlib.data.vindr_pcxr import CLASS_NAMES, LABELS
from phantom.kermany import write_kermany
from phantom.vindr_pcxr import write_vindr_pcxr

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.chain  # each test executes the chapter
SMALL = {"crop": False, "image_size": 32, "restoration_sizes": [0.6, 0.2, 0.2]}


def execute(folder, **parameters):
    """Run the chapter; give its tables by name, its images and its executed notebook."""
    notebook = papermill.execute_notebook(
        ROOT / "notebooks/01-preprocessing.ipynb",
        folder / "out.ipynb",
        parameters={"run": str(folder / "run"), **SMALL, **parameters},
        kernel_name="python3",
        progress_bar=False,
        log_output=False,
        cwd=ROOT,
    )
    made = folder / "run-own" / "01-preprocessing"
    tables = {path.stem: pd.read_csv(path) for path in made.glob("*.csv")}
    return SimpleNamespace(tables=tables, images=np.load(made / "images.npy"), notebook=notebook)


@pytest.fixture(autouse=True)
def quiet_kernels(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setenv("CXRLIB_PROGRESS", "/dev/null")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")


def test_faults_are_left_out_and_listed_and_the_official_test_is_kept(tmp_path):
    write_kermany(tmp_path / "pneumonia", 10, 12, 10, size=48, seed=1, workers=1)
    write_vindr_pcxr(tmp_path / "vindr", LABELS, CLASS_NAMES, 40, 14, size=48, seed=2, workers=1)
    broken = sorted((tmp_path / "pneumonia").rglob("*.jpeg"))[3]
    broken.write_bytes(broken.read_bytes()[:200])
    films = sorted((tmp_path / "vindr/train").glob("*.dicom"))
    films[0].unlink()
    films[1].write_bytes(b"")
    hostile = broken.with_name("<img src=x onerror=alert(1)>.jpeg")
    hostile.write_bytes(b"")
    (tmp_path / "leave.txt").write_text(f"{films[2].stem}\n")
    found = execute(
        tmp_path,
        kermany=str(tmp_path / "pneumonia"),
        vindr=str(tmp_path / "vindr"),
        vindr_exclude=str(tmp_path / "leave.txt"),
        official_test=True,
        unlabelled="abnormal",
    )
    cohort, check = found.tables["cohort"], found.tables["check"]
    errors = check[check.severity == "error"]
    assert {Path(file).name for file in errors.file} == {
        broken.name,
        hostile.name,
        films[0].name,
        films[1].name,
    }
    assert str(tmp_path) not in check.to_csv()
    assert not check.file.str.startswith("/").any()
    assert not set(cohort.image) & {film.stem for film in films[:3]}
    sets = found.tables["data-sets"].set_index("dataset")
    assert sets.origin.tolist() == ["real", "real"]  # folders were given
    assert sets.images.sum() == len(cohort)
    assert (sets.sha256.str.len() == 64).all()
    assert (cohort.dataset == "kermany").sum() == 31
    assert len(found.images) == len(cohort) == 31 + 54 - 3
    own = cohort[cohort.dataset == "vindr_pcxr"]
    assert ((own.classification == "test") == (own.folder == "test")).all()
    shown = "".join(
        output.data["text/html"]
        for cell in found.notebook.cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    )
    assert all(name in shown for name in (broken.name, films[0].name, films[1].name))
    assert "&lt;img src=x onerror=alert(1)&gt;.jpeg" in shown
    assert "<img src=x" not in shown
    page = nbformat.writes(merge(jupytext.read(ROOT / "notebooks/01-preprocessing.md"), found.notebook, ROOT))
    assert "kermany = 'KERMANY'" in page
    assert str(tmp_path) not in page


def test_bacterial_against_viral_leaves_the_normal_out_of_classification_only(tmp_path):
    write_kermany(tmp_path / "pneumonia", 30, 60, 40, size=48, seed=3, workers=1)
    found = execute(tmp_path, kermany=str(tmp_path / "pneumonia"), classification="kermany", target="bacterial")
    cohort = found.tables["cohort"]
    assert found.tables["classes"].name.tolist() == ["viral", "bacterial"]
    assert cohort.restoration.notna().all()
    classified = cohort[cohort.classification.notna()]
    assert set(classified.finding) == {"bacterial pneumonia", "viral pneumonia"}
    assert (classified.label == (classified.finding == "bacterial pneumonia")).all()
    for part in ("train", "validation", "test"):
        assert classified[classified.classification == part].label.nunique() == 2
    assert not set(classified.patient) & set(cohort.patient[cohort.pretext.notna()])


def own_table(folder, images=72, **columns):
    """A table of squares and stripes, two of each thing, with boxes on the squares; `columns`: function of a number."""
    rng = np.random.default_rng(0)
    (folder / "shots").mkdir(parents=True)
    rows, boxes = [], []
    for number in range(images):
        thing, kind = number // 2, ("square", "stripes")[number // 2 % 2]
        picture = rng.integers(20, 60, (60, 40 + number % 9), dtype=np.uint8)
        if kind == "square":
            x, y = rng.integers(2, 16, 2)
            picture[y : y + 20, x : x + 20] += 150
            boxes.append((f"shots/{number}.png", "a square", x, y, x + 20, y + 20))
        else:
            picture[:: 4 + number % 3] += 150
        Image.fromarray(picture).save(folder / f"shots/{number}.png")
        own = {name: given(thing) for name, given in columns.items()}
        rows.append({"path": f"shots/{number}.png", "patient": f"thing {thing}", "label": kind, **own})
    pd.DataFrame(rows).to_csv(folder / "things.csv", index=False)
    named = ["path", "finding", "x_min", "y_min", "x_max", "y_max"]
    pd.DataFrame(boxes, columns=named).to_csv(folder / "things-boxes.csv", index=False)
    return folder / "things.csv"


OWN = {"restoration": "own", "classification": "own", "crop": True, "restoration_sizes": [0.7, 0.1, 0.2]}


def test_a_table_of_ones_own_plays_both_parts_in_halves_that_share_nothing(tmp_path):
    found = execute(tmp_path, cohort_table=str(own_table(tmp_path / "secret")), **OWN)
    cohort, classes = found.tables["cohort"], found.tables["classes"]
    assert len(found.images) == len(cohort) == 72
    assert classes.name.tolist() == ["square", "stripes"]
    assert (cohort.label == (cohort.finding == "stripes")).all()
    learnt, classified = cohort[cohort.pretext.notna()], cohort[cohort.classification.notna()]
    assert len(learnt) + len(classified) == 72
    assert not set(learnt.patient) & set(classified.patient)
    for purpose in ("restoration", "pretext", "classification"):
        assert cohort[cohort[purpose].notna()].groupby("patient")[purpose].nunique().max() == 1
        assert cohort[cohort[purpose].notna()].groupby(purpose).label.nunique().min() == 2
    assert set(classified.classification) == {"train", "validation", "test"}
    assert not cohort.lungs_found.any()
    boxes = found.tables["boxes"].merge(cohort, on="row")
    assert len(boxes) == 36
    assert set(boxes.finding_y) == {"square"}
    inside = [
        found.images[box.row][int(box.y_min) + 1 : int(box.y_max) - 1, int(box.x_min) + 1 : int(box.x_max) - 1].mean()
        for box in boxes.itertuples()
    ]
    assert min(inside) > 150  # the bright squares, wherever padding and resizing have put them
    assert not any("secret" in table.to_csv() for table in found.tables.values())
    assert found.tables["data-sets"].dataset.tolist() == ["own"]


def test_what_a_table_says_of_purpose_split_and_class_is_kept(tmp_path):
    table = own_table(
        tmp_path / "data",
        purpose=lambda thing: ("restoration", "classification")[thing // 2 % 2],
        split=lambda thing: ("train", "validation", "test")[thing // 4 % 3],
    )
    found = execute(tmp_path, cohort_table=str(table), positive="square", **OWN)
    cohort = found.tables["cohort"].merge(
        pd.read_csv(table).rename(columns={"path": "image"})[["image", "purpose", "split"]], on="image"
    )
    assert found.tables["classes"].name.tolist() == ["stripes", "square"]
    for purpose in ("restoration", "classification"):
        own = cohort.purpose == purpose
        assert (cohort[purpose][own] == cohort.split[own]).all()
        assert cohort[purpose][~own].isna().all()
    assert cohort.pretext.equals(cohort.restoration)


def test_a_broken_table_stops_the_chapter_with_its_line(tmp_path):
    table = own_table(tmp_path / "data", images=12)
    table.write_text(table.read_text() + "shots/99.png,thing 9,square\n")
    with pytest.raises(papermill.PapermillExecutionError, match="line 14: path shots/99.png: no such file"):
        execute(tmp_path, cohort_table=str(table), **OWN)

"""Chapter 1 on data with faults, with other targets and splits: what is left out is told, and the rest is right."""

from pathlib import Path
from types import SimpleNamespace

import jupytext
import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest

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

"""The numbers of a run kept in the book: tables, time and memory, provenance, and nothing of the machine."""

import json

import nbformat
import pandas as pd
import pytest

from bookchain.record import record


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs" / "kermany"
    for name in ("executed", "benchmarks", "01-preprocessing"):
        (folder / name).mkdir(parents=True)
    notebook = nbformat.v4.new_notebook()
    parameters = {"run": "runs/kermany", "kermany": "/home/someone/data", "image_size": 48}
    notebook.metadata["papermill"] = {"parameters": parameters, "start_time": "2026-11-23T02:20:11.000000"}
    own = 'run = "runs/quick"\nkermany = ""  # data\nimage_size = 64\nseed = 1'
    notebook.cells = [nbformat.v4.new_code_cell(own, metadata={"tags": ["parameters"]})]
    nbformat.write(notebook, folder / "executed" / "01-preprocessing.ipynb")
    (folder / "benchmarks/01-preprocessing.tsv").write_text("s\th:m:s\tmax_rss\n61.4\t0:01:01\t2048.0\n")
    pd.DataFrame({"task": ["restoration"], "train": [4100]}).to_csv(
        folder / "01-preprocessing/table-1.csv", index=False
    )
    pd.DataFrame({"dataset": ["kermany"], "images": [5856], "origin": ["real"], "sha256": ["ab12"]}).to_csv(
        folder / "01-preprocessing/data-sets.csv", index=False
    )
    return folder


def mark(run, chapter, **made_by):
    (run / chapter).mkdir(exist_ok=True)
    (run / chapter / "complete.json").write_text(json.dumps({"chapter": chapter, "files": [], "made_by": made_by}))


def test_tables_resources_and_provenance_are_kept(run, tmp_path):
    record(run, tmp_path / "kept")
    assert pd.read_csv(tmp_path / "kept/01-table-1.csv").train.tolist() == [4100]
    assert (tmp_path / "kept/resources.csv").read_text() == "chapter,seconds,memory (GB)\n01-preprocessing,61,2.0\n"
    told = json.loads((tmp_path / "kept/provenance.json").read_text())
    assert told["preset"] == "kermany"
    assert told["data sets"] == [{"dataset": "kermany", "images": 5856, "origin": "real", "sha256": "ab12"}]
    assert told["made by"] == [{"chapters": ["01-preprocessing"], "commit": "not recorded"}]
    assert told["started"] == "2026-11-23T02:20"
    own = told["parameters that differ from the chapters' own"]
    assert own == {"01-preprocessing": {"kermany": "given", "image_size": 48}}
    assert "someone" not in "".join(path.read_text() for path in (tmp_path / "kept").iterdir())


def test_what_made_the_chapters_is_theirs_and_kept_once(run, tmp_path):
    executed = run / "executed/01-preprocessing.ipynb"
    for chapter, commit in {"01-preprocessing": "a", "02-noise-and-blur": "b", "03-pretext-learning": "a"}.items():
        (run / f"executed/{chapter}.ipynb").write_bytes(executed.read_bytes())
        mark(run, chapter, commit=commit, finished=f"2026-11-23 {chapter[:2]}:00")
    record(run, tmp_path / "kept")
    assert json.loads((tmp_path / "kept/provenance.json").read_text())["made by"] == [
        {"chapters": ["01-preprocessing", "03-pretext-learning"], "commit": "a"},
        {"chapters": ["02-noise-and-blur"], "commit": "b"},
    ]


def test_run_without_chapters_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no executed chapter"):
        record(tmp_path, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_scores_have_fixed_decimals_and_printed_names_and_counts_a_table_of_their_own(run, tmp_path):
    (run / "07-evaluation").mkdir()
    scores = {"model": ["A"], "tp": [3], "fn": [1], "fp": [0], "tn": [4], "sensitivity": [0.75], "mcc": [1.0]}
    pd.DataFrame(scores).to_csv(run / "07-evaluation/table-3.csv", index=False)
    restored = {"task": ["denoising", "deblurring"], "psnr": [31.2, 30.0], "ssim": [0.5, None], "ssim_loss": [0.0, 0.1]}
    pd.DataFrame(restored).to_csv(run / "07-evaluation/table-2.csv", index=False)
    record(run, tmp_path / "kept")
    assert (tmp_path / "kept/07-table-3.csv").read_text() == "model,Sens.,MCC\nA,0.750,1.000\n"
    assert (tmp_path / "kept/07-counts.csv").read_text() == "model,TP,FN,FP,TN\nA,3,1,0,4\n"
    assert (tmp_path / "kept/07-table-2.csv").read_text() == (
        "task,PSNR (dB),SSIM\ndenoising,31.20,0.500\ndeblurring,30.00,\n"
    )

"""Where a run's numbers come from: the page of the book, the numbers that are kept, and no path of the machine."""

import json
import re

import nbformat
import pandas as pd
import pytest
from record import record

from bookchain.provenance_page import page, parameters

CHAPTERS = ("01-preprocessing", "03-pretext-learning")
CELL = 'run = "runs/quick"\nkermany = ""\nvindr_exclude = ""\nmodel = ""\nimage_size = 64\nrates = [1e-3, 2]\nseed = 1'
USED = {"run": "/home/someone/run", "kermany": "../someone/data", "vindr_exclude": "~/someone.txt", "image_size": 48}
USED |= {"model": "/home/someone/model"}
DIGEST = "0123456789abcdef" * 4
COMMITS = ("a" * 40, "b" * 40 + "-dirty")


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "someone" / "kermany"
    for name in ("executed", "benchmarks", *CHAPTERS):
        (folder / name).mkdir(parents=True)
    for index, chapter in enumerate(CHAPTERS):
        notebook = nbformat.v4.new_notebook()
        notebook.metadata["papermill"] = {"parameters": USED if index == 0 else {}, "start_time": "2026-11-23T02:20:11"}
        notebook.cells = [nbformat.v4.new_code_cell(CELL, metadata={"tags": ["parameters"]})]
        nbformat.write(notebook, folder / f"executed/{chapter}.ipynb")
        (folder / f"benchmarks/{chapter}.tsv").write_text(f"s\th:m:s\tmax_rss\n{61.4 + index}\t0:01:01\t2048.0\n")
        mark(folder, chapter, COMMITS[index], keras=f"3.{index}")
    line = {"dataset": ["kermany"], "images": [5856], "origin": ["real"], "sha256": [DIGEST]}
    pd.DataFrame(line).to_csv(folder / "01-preprocessing/data-sets.csv", index=False)
    return folder


def mark(folder, chapter, commit, **versions):
    made = {"commit": commit, "finished": "2026-11-23 04:05", "backend": "jax"}
    made |= {"versions": {"numpy": "2.4", **versions}, "machine": {"cores": 2}}
    marker = {"chapter": chapter, "files": [], "made_by": made}
    (folder / chapter / "complete.json").write_text(json.dumps(marker))


def test_data_chapters_and_banner_are_on_the_page(run):
    text = page(run, "This run: {real} radiographs.")
    assert text.startswith("# Where these numbers come from\n\n```{note}\nThis run: {real} radiographs.\n```\n")
    assert f"kermany,5856,real,{DIGEST}\n" in text
    assert "01-preprocessing,aaaaaaaaaaaa,2026-11-23 04:05,61,2.0\n" in text
    assert "03-pretext-learning,bbbbbbbbbbbb-dirty,2026-11-23 04:05,62,2.0\n" in text


def test_software_is_told_once_and_by_chapter_where_it_differs(run):
    lines = page(run, "").splitlines()
    assert "numpy,2.4" in lines
    assert "keras,3.0 (chapters 01); 3.1 (chapters 03)" in lines
    assert "Keras's backend,jax" in lines
    assert "cores,2" in lines


def test_parameters_really_used_are_marked_where_they_differ(run):
    text = page(run, "")
    first, second = re.findall(r"^````\{dropdown\} (.+?)^````$", text, re.M | re.S)
    assert first.startswith("01-preprocessing: 6 parameters, 4 differing from the chapter's own\n")
    assert "**`image_size`**,**`48`**,`64`\n" in first
    assert '`rates`,"`[0.001, 2]`",\n' in first
    assert second.startswith("03-pretext-learning: 6 parameters, none differing")
    assert "parameter,this run\n" in second  # no empty column
    assert "`image_size`,`64`\n" in second
    assert ',"the chapter\'s own, where it differs"\n' in first


def test_no_table_takes_a_number(run):
    """Sphinx numbers tables with a caption, and Table 1 is the paper's."""
    assert set(re.findall(r"```\{csv-table\}(.*)", page(run, ""))) == {""}


def test_no_path_is_told(run):
    assert "someone" not in page(run, "")
    told = {name: setting.value for name, setting in parameters(run)["01-preprocessing"].items()}
    assert told == {"kermany": "given", "vindr_exclude": "given", "model": "given"} | {
        "image_size": 48,
        "rates": [1e-3, 2],
        "seed": 1,
    }


def test_how_to_make_it_again(run):
    def commands():
        return re.search(r"```bash\n(.+?)\n```", page(run, ""), re.S)[1].splitlines()

    make = "make book PRESET=kermany KERMANY=path/to/it"
    assert commands() == ["rm -r runs/kermany  # its chapters were made at different commits", make]
    mark(run, CHAPTERS[1], COMMITS[0])
    assert commands() == [f"git checkout {COMMITS[0]}", make]
    assert f"\n{make} SEEDS=3\n" in page(run, "", seeds=3)
    for chapter in CHAPTERS:
        mark(run, chapter, COMMITS[1])  # no checkout gives this back
    assert commands() == [make]
    assert "PRESET=path/to/mine.yml" in page(run.rename(run.with_name("mine")), "")


def test_older_or_damaged_run_says_what_it_did_not_record(run):
    (run / CHAPTERS[0] / "complete.json").write_text('{"chapter": "01-preprocessing", "files": []}')
    (run / CHAPTERS[1] / "complete.json").write_text("{")
    (run / "01-preprocessing/data-sets.csv").unlink()
    (run / "benchmarks/03-pretext-learning.tsv").unlink()
    text = page(run, "")
    assert "01-preprocessing,not recorded,not recorded,61,2.0\n" in text
    assert "03-pretext-learning,not recorded,not recorded,not recorded,not recorded\n" in text
    for what in ("Data sets", "Software", "Machine"):
        assert f"\n{what}: not recorded.\n" in text


def test_run_without_chapters_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no executed chapter; run `make book` first"):
        page(tmp_path, "")
    with pytest.raises(FileNotFoundError, match="no executed chapter"):
        record(tmp_path, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_tables_resources_and_provenance_are_kept(run, tmp_path):
    pd.DataFrame({"task": ["restoration"], "train": [4100]}).to_csv(run / "01-preprocessing/table-1.csv", index=False)
    record(run, tmp_path / "kept")
    assert pd.read_csv(tmp_path / "kept/01-table-1.csv").train.tolist() == [4100]
    resources = "chapter,seconds,memory (GB)\n01-preprocessing,61,2.0\n03-pretext-learning,62,2.0\n"
    assert (tmp_path / "kept/resources.csv").read_text() == resources
    kept = json.loads((tmp_path / "kept/provenance.json").read_text())
    assert kept["preset"] == "kermany"
    assert kept["data sets"] == [{"dataset": "kermany", "images": 5856, "origin": "real", "sha256": DIGEST}]
    assert kept["started"] == "2026-11-23T02:20"
    changed = kept["parameters that differ from the chapters' own"]["01-preprocessing"]
    assert changed == dict.fromkeys(("kermany", "vindr_exclude", "model"), "given") | {"image_size": 48}
    assert "someone" not in "".join(path.read_text() for path in (tmp_path / "kept").iterdir())


def test_what_made_several_chapters_is_kept_once(run, tmp_path):
    for chapter in CHAPTERS:
        mark(run, chapter, COMMITS[0])
    (run / "executed/04-classification.ipynb").write_bytes((run / f"executed/{CHAPTERS[0]}.ipynb").read_bytes())
    record(run, tmp_path / "kept")
    made_by = json.loads((tmp_path / "kept/provenance.json").read_text())["made by"]
    assert [(made["chapters"], made["commit"]) for made in made_by] == [
        (list(CHAPTERS), COMMITS[0]),
        (["04-classification"], "not recorded"),
    ]


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

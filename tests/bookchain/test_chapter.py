"""Tests of bookchain.chapter: where a chapter writes, what it finds of the others, and how it says what is missing."""

import json
import logging
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from bookchain.chapter import WRITES, Chapter, MissingArtefactError, project_root
from bookchain.provenance import MARKER


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, entered as JupyterLab does: from notebooks/."""
    for folder in ("cxrlib", "notebooks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "_toc.yml").write_text("format: jb-book\n")
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setenv(WRITES, "runs/quick")  # as the chain does
    return tmp_path.resolve()


def test_root_is_found_from_anywhere_below(project):
    assert project_root() == project_root(project) == project
    (project / "runs/quick/deep").mkdir(parents=True)
    assert project_root(project / "runs/quick/deep") == project


@pytest.mark.parametrize("missing", ["_toc.yml", "cxrlib"])
def test_root_needs_both_signs(project, missing):
    (project / missing).unlink() if missing == "_toc.yml" else (project / missing).rmdir()
    with pytest.raises(FileNotFoundError, match="start in the project"):
        project_root()


def test_chapter_has_its_own_folder_in_the_run(project):
    chapter = Chapter("03-pretext-learning", "runs/quick")
    assert chapter.folder == project / "runs/quick/03-pretext-learning"
    assert chapter.folder.is_dir()
    assert not chapter.checkpoints.is_relative_to(chapter.folder)
    assert chapter.checkpoints.is_relative_to(chapter.run)


def test_given_paths_are_relative_to_the_root(project, monkeypatch):
    chapter = Chapter("01-preprocessing", "runs/quick")
    assert chapter.path("data/kermany") == project / "data/kermany"
    assert chapter.path(str(project / "elsewhere")) == project / "elsewhere"
    monkeypatch.setenv("HOME", str(project))
    assert chapter.path("~/data") == project / "data"


def test_upstream_is_the_finished_folder(project):
    first = Chapter("01-preprocessing", "runs/quick")
    first.finish()
    second = Chapter("02-noise-and-blur", "runs/quick")
    assert second.upstream("01-preprocessing") == first.folder


def test_by_hand_a_chapter_writes_beside_the_books_run_and_reads_ones_own_results_first(project, monkeypatch, capsys):
    book = Chapter("01-preprocessing", "runs/quick")
    book.table(pd.DataFrame({"a": [1]}), "split")
    book.finish()
    monkeypatch.delenv(WRITES)
    own = Chapter("01-preprocessing", "runs/quick/")
    own.table(pd.DataFrame({"a": [2]}), "split")
    assert own.folder == project / "runs/quick-own/01-preprocessing"
    assert own.checkpoints.is_relative_to(project / "runs/quick-own")
    second = Chapter("02-noise-and-blur", "runs/quick")
    assert second.upstream("01-preprocessing") == book.folder, "one's own result is not finished"
    assert capsys.readouterr().err == ""
    own.finish()
    assert second.upstream("01-preprocessing") == own.folder
    assert capsys.readouterr().err == "01-preprocessing: your own results, from runs/quick-own/01-preprocessing\n"
    assert (project / "runs/quick/01-preprocessing/split.csv").read_text() == "a\n1\n"
    monkeypatch.setenv(WRITES, "runs/quick")
    assert Chapter("02-noise-and-blur", "runs/quick").upstream("01-preprocessing") == book.folder, "the chain's own"


@pytest.mark.parametrize("state", ["absent", "half-finished", "of another run"])
def test_missing_upstream_is_one_line_that_names_the_notebook(project, state, monkeypatch):
    if state == "half-finished":
        Chapter("01-preprocessing", "runs/quick").table(pd.DataFrame({"a": [1]}), "split")
    if state == "of another run":
        monkeypatch.setenv(WRITES, "runs/kermany")
        Chapter("01-preprocessing", "runs/kermany").finish()
        monkeypatch.setenv(WRITES, "runs/quick")
    chapter = Chapter("02-noise-and-blur", "runs/quick")
    with pytest.raises(MissingArtefactError) as raised:
        chapter.upstream("01-preprocessing")
    message = str(raised.value)
    assert "notebooks/01-preprocessing.ipynb" in message
    assert message.startswith("runs/quick/01-preprocessing: ")
    assert str(project) not in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("content", ["", '{"chapter": "01-pre'])
def test_damaged_marker_is_no_marker(project, content):
    first = Chapter("01-preprocessing", "runs/quick")
    (first.folder / MARKER).write_text(content)
    with pytest.raises(MissingArtefactError, match="runs/quick/01-preprocessing: not there yet, or not finished"):
        Chapter("02-noise-and-blur", "runs/quick").upstream("01-preprocessing")


def test_file_lost_since_is_named(project):
    first = Chapter("01-preprocessing", "runs/quick")
    first.table(pd.DataFrame({"a": [1]}), "split")
    first.finish()
    second = Chapter("02-noise-and-blur", "runs/quick")
    assert second.upstream("01-preprocessing") == first.folder
    (first.folder / "split.csv").unlink()
    with pytest.raises(MissingArtefactError) as raised:
        second.upstream("01-preprocessing")
    message = str(raised.value)
    assert message.startswith("runs/quick/01-preprocessing/split.csv: gone since its chapter was finished. ")
    assert "notebooks/01-preprocessing.ipynb" in message
    assert len(message.splitlines()) == 1


def test_file_that_became_shorter_since_is_named(project):
    """As a power failure leaves it: numpy would refuse the memory map, and nobody a short table."""
    first = Chapter("01-preprocessing", "runs/quick")
    first.table(pd.DataFrame({"a": [1, 2, 3]}), "split")
    first.finish()
    second = Chapter("02-noise-and-blur", "runs/quick")
    with (first.folder / "split.csv").open("r+b") as file:
        file.truncate(4)
    fault = "runs/quick/01-preprocessing/split.csv: 4 bytes and no longer 8 since its chapter was finished. Run"
    with pytest.raises(MissingArtefactError, match=fault):
        second.upstream("01-preprocessing")


def test_marker_of_an_earlier_run_names_no_sizes(project):
    first = Chapter("01-preprocessing", "runs/quick")
    first.table(pd.DataFrame({"a": [1]}), "split")
    (first.folder / MARKER).write_text('{"chapter": "01-preprocessing", "files": ["split.csv"]}')
    second = Chapter("02-noise-and-blur", "runs/quick")
    assert second.upstream("01-preprocessing") == first.folder
    (first.folder / "split.csv").unlink()
    with pytest.raises(MissingArtefactError, match="split.csv: gone"):
        second.upstream("01-preprocessing")


def test_a_chapter_is_finished_when_all_of_it_is_on_the_disk(project, disk):
    chapter = Chapter("01-preprocessing", "runs/quick")
    (chapter.folder / "images").mkdir()
    (chapter.folder / "images/a.png").write_bytes(b"written by another library")
    chapter.table(pd.DataFrame({"a": [1]}), "split")
    chapter.finish()
    kept = disk.at_renaming(chapter.folder / MARKER)
    for path in (chapter.folder / "images/a.png", chapter.folder / "split.csv", chapter.folder / MARKER):
        assert kept[path.stat().st_ino] == path.read_bytes()


def test_jupyter_shows_that_line_alone(project, capsys):
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    chapter = Chapter("02-noise-and-blur", "runs/quick")
    shell.user_ns["chapter"] = chapter
    result = shell.run_cell("chapter.upstream('01-preprocessing')")
    assert isinstance(result.error_in_exec, MissingArtefactError)
    shown = "".join(capsys.readouterr()).strip()
    assert shown == str(result.error_in_exec)


def test_a_new_execution_clears_what_an_earlier_one_left(project):
    chapter = Chapter("01-preprocessing", "runs/quick")
    (chapter.folder / "old.csv").write_text("old")
    chapter.finish()
    chapter.checkpoints.mkdir(parents=True)
    (chapter.checkpoints / "state.json").write_text("{}")
    again = Chapter("01-preprocessing", "runs/quick")
    assert list(again.folder.iterdir()) == []
    assert (again.checkpoints / "state.json").is_file()
    with pytest.raises(MissingArtefactError):
        Chapter("02-noise-and-blur", "runs/quick").upstream("01-preprocessing")


def test_whoever_runs_only_the_set_up_loses_nothing(project):
    done = Chapter("01-preprocessing", "runs/quick")
    done.table(pd.DataFrame({"a": [1]}), "split")
    done.finish()
    Chapter("01-preprocessing", "runs/quick")
    assert Chapter("02-noise-and-blur", "runs/quick").upstream("01-preprocessing") == done.folder


def test_finishing_lists_the_files_and_drops_the_checkpoints(project):
    chapter = Chapter("01-preprocessing", "runs/quick")
    (chapter.folder / "images").mkdir()
    (chapter.folder / "images/a.npy").write_bytes(b"")
    chapter.checkpoints.mkdir(parents=True)
    chapter.table(pd.DataFrame({"a": [1]}), "split")
    chapter.finish()
    marker = json.loads((chapter.folder / MARKER).read_text())
    assert (marker["chapter"], marker["files"]) == ("01-preprocessing", {"images/a.npy": 0, "split.csv": 4})
    assert not chapter.checkpoints.exists()


def test_finishing_records_what_made_the_chapter(project):
    chapter = Chapter("01-preprocessing", "runs/quick")
    chapter.finish()
    made = json.loads((chapter.folder / MARKER).read_text())["made_by"]
    assert made["commit"] == "unknown"  # this project is under no version control
    assert made["versions"]["numpy"] == np.__version__
    assert made["machine"]["cores"] >= 1
    finished = datetime.strptime(made["finished"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert datetime.now(UTC) - finished < timedelta(minutes=2)


def test_chapter_finishes_also_where_nothing_can_be_recorded(project, monkeypatch):
    monkeypatch.setattr("bookchain.provenance.environment", lambda root: 1 / 0)
    Chapter("01-preprocessing", "runs/quick").finish()
    assert (project / "runs/quick/01-preprocessing" / MARKER).is_file()


def test_equal_tables_have_equal_bytes(project):
    chapter = Chapter("07-evaluation", "runs/quick")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"model": ["Baseline", "Den-P"], "auc": rng.random(2), "count": [1234567, 2]})
    nearly = frame.assign(auc=frame.auc * (1 + 1e-12))
    assert chapter.table(frame, "one") is frame
    chapter.table(nearly, "two")
    one, two = ((chapter.folder / f"{name}.csv").read_bytes() for name in ("one", "two"))
    assert one == two
    assert b"1234567" in one
    assert b"\r" not in one
    read = pd.read_csv(chapter.folder / "one.csv")
    assert read.auc.to_numpy() == pytest.approx(frame.auc.to_numpy(), rel=1e-5)
    chapter.table(frame, "short", digits=2)
    assert f"Baseline,{frame.auc[0]:.2g},1234567\n" in (chapter.folder / "short.csv").read_text()


def test_tensorflow_keeps_its_advice_off_the_page_but_not_its_errors(project, caplog):
    Chapter("01-preprocessing", "runs/quick")
    logger = logging.getLogger("tensorflow")
    logger.warning("retracing is expensive")
    logger.error("out of memory")
    assert [record.message for record in caplog.records if record.name == "tensorflow"] == ["out of memory"]

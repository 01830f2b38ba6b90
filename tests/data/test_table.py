"""Tests of anyone's table: what is read from it, and broken tables that are refused by file, line and name."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from PIL import Image

from cxrlib.data.checking import check
from cxrlib.data.table import boxes_file, files, index_table, read_boxes

HEAD = "path,patient,label"
ROWS = ["a/1.png,p1,stone", "a/2.png,p1,stone", "b/3.png,p2,bark", "b/4.png,p3,bark"]


@pytest.fixture
def folder(tmp_path):
    """Four images in two folders, and a mask of one."""
    rng = np.random.default_rng(0)
    for name in ("a/1", "a/2", "b/3", "b/4", "masks/1"):
        file = tmp_path / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 48), dtype=np.uint8)).save(file)
    return tmp_path


def write(folder, rows, head=HEAD, name="kinds.csv", encoding="utf-8"):
    table = folder / name
    table.write_text("\n".join([head, *rows]) + "\n", encoding=encoding)
    return table


def test_a_table_of_three_columns_is_enough(folder):
    frame, issues = index_table(write(folder, ROWS))
    assert issues == []
    assert frame.image.tolist() == ["a/1.png", "a/2.png", "b/3.png", "b/4.png"]
    assert frame.path.tolist() == [str(folder / image) for image in frame.image]
    assert frame.patient.tolist() == ["p1", "p1", "p2", "p3"]
    assert frame.label.tolist() == [1, 1, 0, 0]  # the last in alphabetical order
    assert frame["class"].tolist() == frame.finding.tolist() == ["stone", "stone", "bark", "bark"]
    assert frame.folder.tolist() == ["a", "a", "b", "b"]
    assert frame.line.tolist() == [2, 3, 4, 5]
    assert set(frame.dataset) == {"own"}
    assert not frame[["split", "purpose", "mask"]].any(axis=None)


def test_optional_columns_are_read(folder):
    rows = [
        "a/1.png,p1,stone,grey,train,masks/1.png",
        "a/2.png,p1,stone,,train,",
        "b/3.png,p2,bark,oak,test,",
        "b/4.png,p3,bark,elm,validation,",
    ]
    frame, issues = index_table(write(folder, rows, f"{HEAD},finding,split,mask"))
    assert issues == []
    assert frame.finding.tolist() == ["grey", "stone", "oak", "elm"]
    assert frame.split.tolist() == ["train", "train", "test", "validation"]
    assert frame["mask"].tolist() == [str(folder / "masks/1.png"), "", "", ""]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_spreadsheets_write_is_read(folder, separator, encoding):
    rows = [row.replace(",", separator).replace("p1", "Zoë") for row in ROWS]
    rows.insert(2, separator * 2)  # an empty row, which counts as a line
    frame, issues = index_table(write(folder, rows, HEAD.replace(",", separator), encoding=encoding))
    assert issues == []
    assert frame.patient.tolist() == ["Zoë", "Zoë", "p2", "p3"]
    assert frame.line.tolist() == [2, 3, 5, 6]


@pytest.mark.parametrize(
    ("labels", "positive", "classes"),
    [
        (["normal", "ill", "normal", "ill"], "", ["normal", "ill", "normal", "ill"]),
        (["Benign", "B", "B", "Benign"], "", ["Benign", "B", "B", "Benign"]),
        (["0", "1", "1", "0"], "", ["0", "1", "1", "0"]),
        (["oval", "lobed", "lobed", "oval"], "lobed", ["oval", "lobed", "lobed", "oval"]),
        (["x", "y", "z", "x"], "y", ["not y", "y", "not y", "not y"]),
    ],
)
def test_which_class_is_positive(folder, labels, positive, classes):
    rows = [f"{row.rpartition(',')[0]},{label}" for row, label in zip(ROWS, labels, strict=True)]
    rows[1] = rows[1].replace("p1", "p4")
    frame, issues = index_table(write(folder, rows), positive)
    assert issues == []
    assert frame["class"].tolist() == classes
    named = positive or {"normal": "ill", "Benign": "B", "0": "1"}[labels[0]]
    assert frame.label.tolist() == [int(label == named) for label in labels]


BROKEN = {
    "a missing column": ("path,patient", ["a/1.png,p1"], "columns ['label'] are missing"),
    "no rows": (HEAD, [], "has no rows"),
    "no file": (HEAD, [*ROWS, "b/5.png,p4,bark"], "line 6: path b/5.png: no such file"),
    "a path twice": (HEAD, [*ROWS, "./a/1.png,p9,bark"], "line 6: ./a/1.png is there twice"),
    "an absolute path": (HEAD, [*ROWS[1:], "/a/1.png,p1,stone"], "line 5: /a/1.png leads out of the table's folder"),
    "a path upwards": (HEAD, ["../1.png,p1,stone", *ROWS], "line 2: ../1.png leads out of the table's folder"),
    "no patient": (HEAD, [*ROWS[:2], "b/3.png,,bark", ROWS[3]], "line 4: no patient"),
    "no label": (HEAD, [*ROWS[:3], "b/4.png,p3,"], "line 5: no label"),
    "one label": (HEAD, ROWS[:2], "one label only, stone"),
    "three labels": (HEAD, [*ROWS[:3], "b/4.png,p3,moss"], "3 labels (bark, moss, stone), and none is named as the"),
    "an unknown part": (
        f"{HEAD},split",
        [f"{row},{part}" for row, part in zip(ROWS, ("train", "train", "tset", "test"), strict=True)],
        "line 4: split 'tset'",
    ),
    "a patient on two sides": (
        f"{HEAD},split",
        [f"{row},{part}" for row, part in zip(ROWS, ("train", "test", "train", "test"), strict=True)],
        "line 3: patient p1 has split 'test' here, and another above",
    ),
    "a part for some rows": (
        f"{HEAD},split",
        [f"{row},{part}" for row, part in zip(ROWS, ("train", "train", "", "test"), strict=True)],
        "line 4: no split, which other rows have",
    ),
    "a patient of two purposes": (
        f"{HEAD},purpose",
        [f"{row},{part}" for row, part in zip(ROWS, ("restoration", *["classification"] * 3), strict=True)],
        "line 3: patient p1 has purpose 'classification' here, and another above",
    ),
    "no mask": (f"{HEAD},mask", [f"{ROWS[0]},masks/9.png", *ROWS[1:]], "line 2: mask masks/9.png: no such file"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_table_is_refused_by_line_and_name(folder, case):
    head, rows, fault = BROKEN[case]
    table = write(folder, rows, head)
    frame, issues = index_table(table)
    found = [issue for issue in issues if fault in issue.fault]
    assert found, issues
    assert all((issue.file, issue.severity) == (str(table), "error") and issue.remedy for issue in found)
    report = check(table, workers=1)
    with pytest.raises(ValueError, match="own cannot be used; python -m cxrlib check says more"):
        report.require("own")


def test_a_positive_label_that_no_row_has_is_refused(folder):
    frame, issues = index_table(write(folder, ROWS), positive="moss")
    assert frame.empty
    assert str(issues[0]).endswith(
        "no row has the label 'moss', which should be the positive one; give one of bark, stone"
    )


def test_an_image_that_cannot_be_read_is_named_with_its_line(folder):
    (folder / "b/3.png").write_bytes(b"no image")
    report = check(write(folder, ROWS), workers=1)
    assert report.issues.file[report.issues.severity == "error"].tolist() == [str(folder / "b/3.png")]
    assert report.issues.fault[0].startswith("line 4: not a readable JPEG")
    with pytest.raises(ValueError, match=r"b/3\.png: line 4: not a readable"):
        report.require("own")


def test_a_sound_table_is_checked_and_measured(folder):
    report = check(write(folder, ROWS), workers=1)
    assert report.issues[["severity", "fault"]].to_numpy().tolist() == [
        ["warning", "class 'bark': number of patients 2"],
        ["warning", "class 'stone': number of patients 1"],
    ]
    assert report.summary["labels"] == {"bark": 2, "stone": 2}  # the negative class first
    assert report.frame.width.tolist() == [48] * 4
    report.require("own")


def test_boxes_lie_beside_the_table_and_on_its_images(folder):
    table = write(folder, ROWS)
    frame = index_table(table)[0].assign(width=48, height=40)
    assert [len(found) for found in read_boxes(table, frame)] == [0, 0]
    write(
        folder,
        [
            "a/1.png,crack,1,2,30,20",
            "a/9.png,crack,1,2,30,20",
            "b/3.png,moss,5,5,5,9",
            "b/3.png,moss,50,5,60,9",
            "b/3.png,moss,40,5,60,9",
            "b/3.png,moss,x,5,60,9",
        ],
        "path,finding,x_min,y_min,x_max,y_max",
        boxes_file(table).name,
    )
    boxes, issues = read_boxes(table, frame)
    assert boxes.image.tolist() == ["a/1.png", "b/3.png"]
    assert boxes.x_max.tolist() == [30, 60]
    told = {issue.fault.partition(":")[0]: issue.severity for issue in issues}
    assert told == {"line 3": "error", "line 4": "error", "line 5": "error", "line 6": "warning", "line 7": "error"}
    assert any("a/9.png is no usable image of the table" in issue.fault for issue in issues)
    report = check(table, workers=1)
    assert len(report.boxes) == 2
    assert report.summary["issues"]["error"] == 4


def test_the_files_of_a_table_are_those_it_names(folder):
    table = write(folder, [f"{ROWS[0]},masks/1.png", f"{ROWS[2]},", "gone.png,p,bark,"], f"{HEAD},mask")
    assert files(table) == sorted(folder / name for name in ("a/1.png", "b/3.png", "kinds.csv", "masks/1.png"))


def cxrlib(*words):
    command = [sys.executable, "-m", "cxrlib", "check", "--workers", "1", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_command_line_says_what_to_run_next(folder):
    folder = folder.rename(folder.with_name("my images"))
    table = write(folder, ROWS)
    done = cxrlib(table)
    assert done.returncode == 0, done.stdout
    assert f"make book PRESET=own COHORT='{table}'" in done.stdout
    assert "Positive is 'stone', negative 'bark'" in done.stdout
    asked = cxrlib(table, "--positive", "bark").stdout
    assert "Positive is 'bark', negative 'stone'" in asked
    assert 'positive: "bark"' in asked
    broken = cxrlib(write(folder, ROWS[:2]))
    assert broken.returncode == 1
    assert "make book" not in broken.stdout


@pytest.mark.parametrize("name", ["a", "a/1.png", "nowhere"])
def test_what_is_no_data_set_is_told_how_to_write_a_table(folder, name):
    report = check(folder / name, workers=1)
    remedy = report.issues.remedy[report.issues.severity == "error"].iloc[0]
    assert all(word in remedy for word in ("path", "patient", "label", "CSV"))


def test_a_column_that_is_not_known_is_named(folder):
    frame, issues = index_table(write(folder, [f"{row},x" for row in ROWS], f"{HEAD},findings"))
    assert len(frame) == 4
    assert [(issue.severity, issue.fault) for issue in issues] == [("warning", "column 'findings' is not known")]
    assert pd.api.types.is_integer_dtype(frame.label)

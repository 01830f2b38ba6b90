"""Tests of checking and the command line: planted faults, all of them found, and nothing else."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from PIL import Image

from cxrlib.__main__ import main
from cxrlib.data.boxes import read_boxes
from cxrlib.data.checking import check
from cxrlib.data.issues import strict
from cxrlib.data.kermany import index_kermany
from cxrlib.data.measures import measure_images
from cxrlib.data.vindr_pcxr import CLASS_NAMES, LABELS, index_vindr_pcxr
from phantom.vindr_pcxr import write_vindr_pcxr

MAX_PIXELS = 20_000
# One phrase a kind of fault; each issue holds exactly one of them.
KINDS = [
    *("0 bytes", "damaged or unusual", "not a readable JPEG", "DICOM without pixels", "3 frames", "colour"),
    *("above the limit", "less than 32 a side", "blank:", "grey values only", "saturated:"),
    *("nearly identical", "identical to", "share this image", "images are left out, as asked", "no table names image"),
    *("named in the CSV but not there", "no row in image_labels", "not a .dicom file", "has no image_id"),
    *("twice with the same labels", "twice with different labels", "in both label tables", "neither 0 nor 1"),
    *("No finding and a finding", "has none of the 15 labels", "is not one of the 15 labels", "are missing"),
    *("not one of the 36 findings", "without area", " partly outside", " outside its", "is in no label table"),
    *(
        "is not an image id",
        "identifies no patient of",
        "identifies no patient",
        "not a JPEG or PNG",
        "does not have",
        "the same name",
    ),
    "the published",
]


def kinds(report, root):
    """The set of (severity, file below the root, kind of fault, image named in a table's fault)."""
    found = set()
    for row in report.issues.itertuples():
        kind = next(kind for kind in KINDS if kind in row.fault)
        image = next((word.strip("'") for word in row.fault.split() if len(word.strip("'")) == 32), "")
        file = str(Path(row.file).relative_to(root)) if Path(row.file).is_absolute() else row.file
        assert row.remedy
        found.add((row.severity, file, kind, image if file.endswith(".csv") or file == "exclude" else ""))
    assert len(found) == len(report.issues)
    return found


def noise(size=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)


def save_with(path, pixels=None, **elements):
    """Change a DICOM file: other pixels, other elements, or elements taken out (None)."""
    data = pydicom.dcmread(path)
    if pixels is not None:
        data.Rows, data.Columns = pixels.shape[:2]
        data.PixelData = pixels.astype("<u2").tobytes()
    for name, value in elements.items():
        if value is None:
            if name in data:
                delattr(data, name)
        else:
            setattr(data, name, value)
    data.save_as(path)


def raw(pixels, bits=16):
    """Elements of a file that shows its stored values."""
    gone = dict.fromkeys(["WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"])
    depth = {"BitsStored": bits, "HighBit": bits - 1, "PhotometricInterpretation": "MONOCHROME2"}
    return {"pixels": pixels, **gone, **depth}


# ---- VinDr-PCXR ----


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A sound synthetic set, below a folder whose name has spaces and accents."""
    root = tmp_path_factory.mktemp("sets") / "Bệnh viện Nhi, bản 1"
    write_vindr_pcxr(root, LABELS, CLASS_NAMES, 56, 8, size=64, seed=3, workers=1)
    return root


def read(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def planted(clean, tmp_path_factory):
    """A copy with faults: root, the expected issues, the ids to exclude, the ids that stay."""
    root = shutil.copytree(clean, tmp_path_factory.mktemp("faulty") / "hỏng set")
    labels, marks = read(root / "image_labels_train.csv"), read(root / "annotations_train.csv")
    test_labels = read(root / "image_labels_test.csv")
    normal = labels.image_id[labels["No finding"] == "1.0"].tolist()
    sick = labels.image_id[(labels["No finding"] == "0.0") & labels.image_id.isin(marks.image_id)].tolist()
    unit = marks.image_id.isin(sick) & (marks.class_name != "No finding")
    expected, gone = set(), set()

    def expect(severity, file, kind, image=""):
        expected.add((severity, file, kind, image))

    def broken(severity, kind, change):
        """Spoil one file of a healthy child."""
        image = normal.pop()
        path = root / "train" / f"{image}.dicom"
        change(path)
        expect(severity, f"train/{image}.dicom", kind)
        if severity == "error":
            gone.add(image)
        return path

    # Files.
    broken("error", "0 bytes", lambda path: path.write_bytes(b""))
    broken("error", "damaged or unusual", lambda path: path.write_bytes(path.read_bytes()[:-3000]))
    broken("error", "DICOM without pixels", lambda path: path.write_bytes(path.read_bytes()[:500]))
    broken("error", "not a readable JPEG", lambda path: path.write_text("<html>404</html>"))
    broken("error", "DICOM without pixels", lambda path: save_with(path, PixelData=None))
    broken("error", "3 frames", lambda path: save_with(path, NumberOfFrames=3))
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    colour |= {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "Rows": 64, "Columns": 64}
    broken("error", "colour", lambda path: save_with(path, **colour, PixelData=bytes(64 * 64 * 3)))
    broken("error", "above the limit", lambda path: save_with(path, **raw(noise(150).astype(np.uint16) * 257)))
    broken("error", "less than 32 a side", lambda path: save_with(path, **raw(noise(1))))
    broken("error", "less than 32 a side", lambda path: save_with(path, **raw(noise(31).astype(np.uint16) * 257)))
    broken("error", "blank:", lambda path: save_with(path, **raw(np.zeros((64, 64)))))
    broken("error", "blank:", lambda path: save_with(path, **raw(np.full((64, 64), 700), bits=12)))
    broken("warning", "grey values only", lambda path: save_with(path, **raw(noise(seed=1))))
    broken("warning", "grey values only", lambda path: save_with(path, **raw(noise(seed=2), bits=12)))
    mostly = np.where(noise(seed=3) < 70, noise(seed=4), 0).astype(np.uint16) * 257
    broken("warning", "saturated:", lambda path: save_with(path, **raw(mostly)))
    broken("error", "named in the CSV but not there", lambda path: path.unlink())
    for kind, change in [
        ("identical to", lambda path: None),
        ("nearly identical", lambda path: save_with(path, SOPInstanceUID="1.2.3")),
    ]:
        second, first = normal.pop(), normal.pop()
        shutil.copy(root / f"train/{first}.dicom", root / f"train/{second}.dicom")
        change(root / f"train/{second}.dicom")
        expect("warning", f"train/{first}.dicom", kind)
        expect("note", f"train/{first}.dicom", "share this image")
    shutil.copy(next(root.glob("test/*.dicom")), root / "test" / f"{'f' * 32}.dicom")
    expect("warning", f"test/{'f' * 32}.dicom", "no row in image_labels")
    (root / "train/index.html").write_text("Index of /train")
    expect("warning", "train/index.html", "not a .dicom file")
    (root / "train/.DS_Store").write_text("")

    # Label tables.
    table = "image_labels_train.csv"

    def spoil(kind, column, value, images=normal, severity="error"):
        image = images.pop()
        labels.loc[labels.image_id == image, column] = value
        expect(severity, table, kind, image)
        gone.add(image)

    spoil("neither 0 nor 1", "CPAM", "")
    spoil("neither 0 nor 1", "Bronchitis", "2")
    spoil("neither 0 nor 1", "No finding", "yes")
    spoil("No finding and a finding", "Pneumonia", "1.0")
    spoil("has none of the 15 labels", "No finding", "0.0", severity="note")
    same, other, lost, across = (normal.pop() for _ in range(4))
    expect("warning", table, "twice with the same labels", same)
    expect("error", table, "twice with different labels", other)
    contrary = labels[labels.image_id == other].assign(**{"No finding": "0.0", "Pneumonia": "1.0"})
    nameless = labels[labels.image_id == lost].assign(image_id=" ")
    elsewhere = nameless.assign(image_id=f"../test/{test_labels.image_id[0]}")
    empty = pd.DataFrame("", index=[0], columns=labels.columns)
    labels = pd.concat([labels, labels[labels.image_id == same], contrary, nameless, elsewhere, empty])
    expect("error", table, "is not an image id")
    expect("error", table, "has no image_id")
    test_labels = pd.concat([test_labels, labels[labels.image_id == across]])
    expect("error", table, "in both label tables", across)
    gone |= {other, across}
    labels["Rickets"] = "0.0"
    expect("warning", table, "is not one of the 15 labels")
    test_labels = test_labels.drop(columns="Hyaline membrane disease")
    expect("warning", "image_labels_test.csv", "are missing")

    # Annotations.
    def move(kind, severity, **values):
        image = sick.pop()
        row = marks.index[unit & (marks.image_id == image)][0]
        for name, value in values.items():
            marks.loc[row, name] = value
        expect(severity, "annotations_train.csv", kind, image)

    move("not one of the 36 findings", "warning", class_name="Diffuse alveolar opacity")
    move("without area", "error", x_min="")
    move("without area", "error", y_max="far")
    move("without area", "error", x_min="10", x_max="10")
    move(" partly outside", "warning", x_min="-5")
    move(" partly outside", "warning", y_max="65")
    move(" outside its", "error", x_min="2000", x_max="2100")
    marks.loc[len(marks)] = marks.loc[marks.index[0]].where(marks.columns != "image_id", "e" * 32)
    expect("warning", "annotations_train.csv", "is in no label table", "e" * 32)

    exclude = [normal.pop(), sick.pop(), "d" * 32]
    expect("error", "exclude", "no table names image", "d" * 32)
    expect("note", "exclude", "images are left out, as asked")
    gone |= set(exclude)

    # A spreadsheet program's hand: byte order mark, Windows line ends, spaces.
    labels = labels.assign(image_id=" " + labels.image_id + " ").rename(
        columns={"image_id": "image_id ", "CPAM": " CPAM"}
    )
    labels.to_csv(root / table, index=False, encoding="utf-8-sig", lineterminator="\r\n")
    test_labels.fillna("0").to_csv(root / "image_labels_test.csv", index=False)
    marks.to_csv(root / "annotations_train.csv", index=False)
    return root, expected, exclude, {path.stem for path in clean.glob("*/*.dicom")} - gone


def test_sound_set_has_no_issue(clean):
    report = check(clean, workers=1)
    assert report.issues.empty
    assert report.duplicates.empty
    assert report.frame[["path", "label"]].equals(strict(index_vindr_pcxr(clean))[["path", "label"]])
    assert report.summary["images"] == report.summary["patients"] == 64
    assert report.summary["boxes"] == sum(len(read(path).query("x_min != ''")) for path in clean.glob("anno*.csv"))
    assert report.summary["labels"] == {"normal": 43, "abnormal": 21}
    assert report.summary["height"] == [64, 64]


def test_planted_faults_are_found_and_nothing_else(planted):
    root, expected, exclude, kept = planted
    report = check(root, exclude=exclude, workers=1, max_pixels=MAX_PIXELS)
    assert len(expected) > 40
    assert kinds(report, root) == expected
    assert set(report.frame.image) == kept
    assert list(report.issues.severity) == sorted(report.issues.severity, key=["error", "warning", "note"].index)
    assert set(report.summary["issues"].items()) == set(report.issues.severity.value_counts().items())
    assert len(report.duplicates) == 2


def test_readers_give_what_is_left_and_the_strict_stop(planted):
    root, _, exclude, kept = planted
    frame, issues = index_vindr_pcxr(root, exclude=exclude)
    assert kept < set(frame.image)
    assert frame.image.is_unique
    assert frame.patient.notna().all()
    with pytest.raises(ValueError, match="exclude: no table names image 'd{32}'; correct the list"):
        strict((frame, issues))
    boxes, found = read_boxes(root, frame.assign(width=64, height=64))
    assert ((boxes.x_max > boxes.x_min) & (boxes.y_max > boxes.y_min) & (boxes.x_min < 64)).all()
    with pytest.raises(ValueError, match="without area for .*, with 2 more like it; correct the row"):
        strict((boxes, found))


FORMS = {
    "one a line": ("\r\n{0}\r\n\r\n{1}\r\n{2}", "utf-8-sig"),
    "a column": ("image_id,reason\r\n{0},späht\r\n{1},\r\n,\r\n{2},x", "utf-8"),
    "quotes": ('"{0}"\n"{1}"\n"{2}"\n', "utf-8"),
    "a column in quotes": ('"image_id"\n"{0}"\n"{1}"\n"{2}"\n', "utf-8"),
    "semicolons": ("reason;image_id;\nspäht;{0};\n;;\n;{1};\n;{2};\n", "latin-1"),
    "tabs": ("image_id\treason\n{0}\t\n{1}\t\n{2}\ta", "utf-8"),
    "empty last column": ("{0},\n{1},\n,\n{2},\n", "utf-8"),
    "UTF-16": ("{0}\r\n{1}\r\n{2}\r\n", "utf-16"),
    "UTF-16 without a mark": ("{0}\n{1}\n{2}\n", "utf-16-le"),
    "UTF-16, big end first": ("image_id\n{0}\n{1}\n{2}\n", "utf-16-be"),
}


@pytest.mark.parametrize("form", ["list", *FORMS])
def test_excluded_images(clean, tmp_path, form):
    images = index_vindr_pcxr(clean)[0].image[:3].tolist()
    source = images if form == "list" else tmp_path / "ids"
    if form != "list":
        text, encoding = FORMS[form]
        source.write_bytes(text.format(*images).encode(encoding))
    frame = strict(index_vindr_pcxr(clean, exclude=source))
    assert len(frame) == 61
    assert not frame.image.isin(images).any()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "names no image"),
        (b"image_id,reason\n,\n", "names no image"),
        (b"number,id\n1,a\n", "several columns, none of them called image_id"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a list of ids"),
        (b"a\nb\n", "none of its 2 ids belongs to an image; the first is 'a'"),
    ],
)
def test_list_that_cannot_be_carried_out_stops_the_run(clean, tmp_path, content, fault):
    (tmp_path / "ids.txt").write_bytes(content)
    report = check(clean, exclude=tmp_path / "ids.txt", workers=1)
    with pytest.raises(ValueError, match=f"ids.txt: {fault}.*; .* (list|image_id)"):
        report.require("vindr_pcxr")


def test_missing_list_of_images_to_exclude_leaves_nothing(clean, tmp_path):
    frame, issues = index_vindr_pcxr(clean, exclude=tmp_path / "ids.txt")
    assert frame.empty
    assert [issue.fault for issue in issues] == ["not there"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda root: shutil.rmtree(root), "no such folder"),
        (lambda root: [path.unlink() for path in root.glob("*.csv")], "holds no known data set"),
        (lambda root: (root / "image_labels_test.csv").unlink(), "not there"),
        (lambda root: (root / "annotations_train.csv").unlink(), "not there"),
        (lambda root: (root / "image_labels_train.csv").write_text(""), "empty"),
        (lambda root: (root / "annotations_test.csv").write_text("image_id;class_name\n"), "are missing"),
        (lambda root: (root / "annotations_test.csv").write_text("image_id,class_name,x_min\n"), "are missing"),
        (lambda root: (root / "image_labels_train.csv").write_bytes(b"\x80\x05i\x01m\x02"), "not a table"),
        (lambda root: (root / "image_labels_train.csv").write_text("image_id,No finding,CPAM,CPAM \n"), "occur twice"),
    ],
)
def test_what_stops_the_readers_is_one_error(clean, tmp_path, change, fault):
    root = tmp_path / "set"
    (root / "train").mkdir(parents=True)
    for path in clean.glob("*.csv"):
        head = path.read_text().splitlines()[0]
        (root / path.name).write_text(head + "\n")
    assert check(root, workers=1).issues.fault.tolist() == ["no images"]
    change(root)
    report = check(root, workers=1)
    errors = report.issues[report.issues.fault != "no images"]
    assert errors.severity.tolist() == ["error"]
    assert fault in errors.fault[0]
    assert report.frame.empty


# ---- Kermany ----


@pytest.fixture(scope="module")
def planted_kermany(kermany_cohort, tmp_path_factory):
    """A copy of the cohort, with one re-encoded copy of its own, and faults: root, the expected issues."""
    root = shutil.copytree(kermany_cohort.root, tmp_path_factory.mktemp("faulty") / "été 2018")
    base, expected, seed = root / "chest_xray", set(), iter(range(100))
    (pair,) = check(root, workers=1).duplicates["first"]
    pair = str(Path(pair).relative_to(root))
    expected |= {("warning", pair, "nearly identical", ""), ("note", pair, "share this image", "")}
    expected |= {("note", "chest_xray", "the published", "")}

    def plant(severity, kind, name, make=None):
        path = base / name
        path.parent.mkdir(exist_ok=True)
        (make or (lambda path: Image.fromarray(noise(seed=next(seed))).save(path)))(path)
        expected.add((severity, f"chest_xray/{name}", kind, ""))

    def pixels(values):
        return lambda path: Image.fromarray(values).save(path)

    def truncated(path):
        Image.fromarray(noise()).save(path)
        path.write_bytes(path.read_bytes()[:-900])

    plant("error", "identifies no patient", "train/NORMAL/scan 7.jpeg")
    plant("error", "identifies no patient of", "train/NORMAL/person9000_bacteria_1.jpeg")
    plant("error", "identifies no patient of", "test/PNEUMONIA/IM-9001-0001.jpeg")
    plant("warning", "not a JPEG or PNG", "train/NORMAL/Thumbs.db", lambda path: path.write_bytes(b"x"))
    plant("warning", "not a JPEG or PNG", "train/PNEUMONIA/person9002_virus_1.gif")
    plant("warning", "not a JPEG or PNG", "train/IM-9003-0001.jpeg")
    plant("warning", "does not have", "train/PNEUMONIA/person9003_virus_1.jpeg", Path.mkdir)
    plant("warning", "does not have", "train/COVID", Path.mkdir)
    plant("warning", "does not have", "validation", Path.mkdir)
    (base / "train/NORMAL/._IM-0001-0001.jpeg").write_bytes(b"x")
    (base / "__MACOSX").mkdir()
    Image.fromarray(noise(seed=50)).save(base / "train/NORMAL/IM-9004-0001.jpeg")
    plant("warning", "the same name", "test/NORMAL/IM-9004-0001.png")
    plant("error", "damaged or unusual", "train/NORMAL/IM-9005-0001.jpeg", truncated)
    plant("error", "0 bytes", "train/NORMAL/IM-9006-0001.jpeg", Path.touch)
    plant("error", "not a readable JPEG", "train/NORMAL/IM-9007-0001.jpeg", lambda path: path.write_text("404"))
    plant("error", "above the limit", "train/NORMAL/IM-9008-0001.jpeg", pixels(noise(150)))
    plant("error", "less than 32 a side", "train/NORMAL/IM-9009-0001.jpeg", pixels(noise(1)))
    plant("error", "less than 32 a side", "train/NORMAL/IM-9010-0001.jpeg", pixels(noise(200)[:20, :60]))
    plant("error", "blank:", "train/NORMAL/IM-9011-0001.jpeg", pixels(np.zeros((64, 64), np.uint8)))
    plant("error", "blank:", "train/NORMAL/IM-9012-0001.jpeg", pixels(np.full((64, 64), 255, np.uint8)))
    plant("warning", "grey values only", "train/NORMAL/IM-9013-0001.png", pixels(noise(seed=60).astype(np.uint16)))
    plant("warning", "grey values only", "train/NORMAL/IM-9014-0001.png", pixels(noise(seed=61) // 128))
    plant("warning", "saturated:", "train/NORMAL/IM-9015-0001.png", pixels(noise(seed=62) // 128 * 255))
    Image.fromarray(noise(seed=70)).save(base / "train/NORMAL/IM-9016-0001.jpeg")
    shutil.copy(base / "train/NORMAL/IM-9016-0001.jpeg", base / "train/PNEUMONIA/person9017_virus_1.jpeg")
    expected.add(("warning", "chest_xray/train/NORMAL/IM-9016-0001.jpeg", "identical to", ""))
    expected.add(("note", "chest_xray/train/NORMAL/IM-9016-0001.jpeg", "share this image", ""))
    return root, expected


@pytest.mark.parametrize("below", ["", "chest_xray"])
def test_planted_faults_of_the_kermany_set(planted_kermany, below):
    root, expected = planted_kermany
    report = check(root / below, workers=1, max_pixels=MAX_PIXELS)
    assert kinds(report, root) == expected
    errors = set(report.issues.file[report.issues.severity == "error"])
    assert len(errors) == 11
    assert not set(report.frame.path) & errors
    assert report.summary["images"] == 46 + 7
    other = report.issues[report.issues.fault.str.contains("other label")]
    assert other.file.str.endswith("IM-9016-0001.jpeg").all()
    assert len(other) == 1


def test_many_equal_images_are_one_issue(tmp_path):
    for number in range(40):
        for name in (f"NORMAL/IM-{number:04d}-0001.png", f"PNEUMONIA/person{number}_virus_{number}.png"):
            path = tmp_path / "train" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(seed=0 if number < 30 else hash(name) % 2**32)).save(path)
    report = check(tmp_path, workers=1)
    warnings = report.issues[report.issues.severity == "warning"]
    assert warnings.fault.tolist() == ["60 images of 60 patients are identical, with both labels, such as this one"]
    assert len(report.duplicates) == 59


def test_one_class_is_no_data_set(tmp_path):
    (tmp_path / "train/NORMAL").mkdir(parents=True)
    Image.fromarray(noise()).save(tmp_path / "train/NORMAL/IM-0001-0001.png")
    with pytest.raises(ValueError, match="no image that can be used is abnormal; fetch the rest"):
        check(tmp_path, workers=1).require("kermany")


def test_lung_masks_are_read_too(tmp_path, kermany_cohort, capsys):
    frame, _ = index_kermany(kermany_cohort.root)
    lung = np.zeros((64, 64), np.uint8)
    lung[20:50, 10:30], lung[20:50, 35:55] = 1, 2
    masks = [lung, 255 * (lung > 0), lung > 0, 255 * (lung == 0), 0 * lung, noise(), 255 * (lung >= 0)]
    for image, mask in zip(frame.image, masks, strict=False):
        (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask.astype(np.uint8)).save(tmp_path / f"{image}.png")
    assert main(["check", str(kermany_cohort.root), "--masks", str(tmp_path), "--workers", "1", "--json", "-"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["summary"]["masks"] == 4
    faults = {Path(i["file"]).name: i["fault"] for i in report["issues"] if i["file"].startswith(str(tmp_path))}
    told = ["inverted: 100% of its", "empty: no lung", "not a mask: ", "inverted: 100%"]
    for image, fault in zip(frame.image[[3, 4, 5, 6]], told, strict=True):
        assert faults.pop(f"{Path(image).name}.png").startswith(fault)
    assert not faults


def test_kermany_reader_leaves_out_and_names(planted_kermany):
    frame, issues = index_kermany(planted_kermany[0])
    left_out = {issue.file for issue in issues if issue.severity == "error"}
    assert len(left_out) == 3
    assert not left_out & set(frame.path)
    fault = r"person9000_bacteria_1.jpeg: the name .* NORMAL \(but one of PNEUMONIA\), with 2 more like it; rename it"
    with pytest.raises(ValueError, match=fault):
        strict((frame, issues))


def test_measures(tmp_path):
    values = np.zeros((40, 50), np.uint8)
    values[0, :20], values[1, :10] = 255, 51
    Image.fromarray(values).save(tmp_path / "a.png")
    measures = measure_images(pd.DataFrame({"path": [str(tmp_path / "a.png"), "no.png"]}, index=[3, 5]), workers=1)
    row = measures.loc[3]
    assert (row.width, row.height, row.minimum, row.maximum) == (50, 40, 0, 1)
    assert (row.at_zero, row.at_one) == (pytest.approx(1970 / 2000), pytest.approx(20 / 2000))
    assert len(row.sha256) == 64
    assert row.thumbnail.shape == (1024,)
    assert measures.issue[5].file == "no.png"
    assert measures.issue[5].fault == "no such file"


def test_workers_do_not_change_the_report(planted_kermany):
    one, two = (check(planted_kermany[0], workers=workers, max_pixels=MAX_PIXELS) for workers in (1, 2))
    assert one.issues.equals(two.issues)
    assert one.frame.equals(two.frame)


def test_fingerprint_is_that_of_sha256sum_and_of_every_image(kermany_cohort, tmp_path):
    base = kermany_cohort.root / "chest_xray"
    files = sorted(path.relative_to(base).as_posix() for path in base.rglob("*.jpeg"))
    lines = subprocess.run(["sha256sum", *files], cwd=base, capture_output=True, check=True).stdout
    known = check(base, workers=1).fingerprint()
    assert known == hashlib.sha256(lines).hexdigest()
    assert known == check(kermany_cohort.root, workers=1).fingerprint()
    copy = shutil.copytree(base, tmp_path / "copy")
    for file in files[:2]:
        (copy / file).write_bytes((copy / file).read_bytes() + b"\0")
        changed = check(copy, workers=1).fingerprint()
        assert changed != known
        known = changed
    (copy / files[0]).unlink()
    assert check(copy, workers=1).fingerprint() != known


# ---- command line ----


def test_exit_status_and_report(clean, planted_kermany, capsys):
    root, _ = planted_kermany
    assert main(["check", str(clean), "--workers", "1"]) == 0
    assert "0/64" in capsys.readouterr().err
    assert main(["check", str(root), "--workers", "1"]) == 1
    printed = capsys.readouterr().out
    assert "chest_xray/train/NORMAL/IM-9006-0001.jpeg: empty file (0 bytes)\n" in printed
    assert "\n  fetch it again:\n" in printed
    assert main([]) == 0
    assert "check" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["chek"], ["check"], ["check", "x", "--workers", "0"], ["check", "x", "--json", "n/o"]]
)
def test_wrong_usage(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_json(planted, tmp_path, capsys):
    root, expected, exclude, _ = planted
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(exclude))
    words = ["check", str(root), "--exclude", str(ids), "--workers", "1", "--quiet"]
    assert main([*words, "--json", str(tmp_path / "report.json")]) == 1
    written = capsys.readouterr()
    assert written.out + written.err == ""
    assert main([*words, "--json", "-"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((tmp_path / "report.json").read_text())
    # All but the image that only this file's own limit refuses.
    assert len(report["issues"]) == len(expected) - 1
    assert set(report["issues"][0]) == {"file", "severity", "fault", "remedy"}
    assert report["summary"]["dataset"] == "vindr_pcxr"


def test_command_is_cheap_and_runs(tmp_path, fresh_python):
    fresh_python("import sys, cxrlib.__main__; assert not {'keras', 'tensorflow', 'torch'} & set(sys.modules)")
    command = [sys.executable, "-m", "cxrlib", "check", tmp_path / "none"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 1
    assert "none: no such folder" in done.stdout


# ---- the real set ----


def test_real_set_has_its_34_pairs_and_no_fault(real_report):
    assert len(real_report.duplicates) == 34
    assert real_report.summary["issues"] == {"error": 0, "warning": 34, "note": 1}
    assert real_report.issues.fault[34] == "patients NORMAL2-IM-0095 and NORMAL2-IM-0096 share this image"
    assert real_report.summary["folders"] == {"train": 5216, "val": 16, "test": 624}


def test_real_originals_are_a_part_and_no_more(shared_data):
    report = check(shared_data / "kermany_originals_sample")
    assert report.issues.severity.tolist() == ["note"]
    assert "the published set has train 1349 + 3883" in report.issues.fault[0]
    assert len(report.frame) == 24

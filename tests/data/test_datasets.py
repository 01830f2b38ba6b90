"""Tests of the readers and of duplicates, on synthetic cohorts and the real set."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxrlib.data.boxes import read_boxes
from cxrlib.data.duplicates import find_duplicates, groups_of, thumbnail
from cxrlib.data.issues import strict
from cxrlib.data.kermany import add_lung_masks, index_kermany
from cxrlib.data.listing import read_table
from cxrlib.data.masks import read_mask
from cxrlib.data.measures import measure_images
from cxrlib.data.vindr_pcxr import index_vindr_pcxr


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


# ---- Kermany ----


@pytest.mark.parametrize("below", ["", "chest_xray"])
def test_kermany_from_the_folder_or_its_parent(kermany_cohort, below):
    frame = strict(index_kermany(kermany_cohort.root / below))
    overview = kermany_cohort.overview
    assert set(frame.dataset) == {"kermany"}
    below_root = [str(Path(path).relative_to(kermany_cohort.root)) for path in frame.path]
    found = dict(zip(below_root, frame.label, strict=True))
    assert found == dict(zip(overview.path, overview.label, strict=True))
    assert (frame.finding.eq("normal") == frame.label.eq(0)).all()
    assert frame.finding.value_counts().to_dict() == {"normal": 24, "bacterial pneumonia": 12, "viral pneumonia": 10}
    assert set(frame.folder) == {"train", "val", "test"}
    assert frame.image[0] == str(Path(frame.path[0]).relative_to(kermany_cohort.root / "chest_xray").with_suffix(""))


def test_kermany_patients_as_the_writer_numbers_them(kermany_cohort):
    frame = strict(index_kermany(kermany_cohort.root, patient_key="number and type"))
    by_path = dict(zip(frame.path, frame.patient, strict=True))
    for path, patient in zip(kermany_cohort.overview.path, kermany_cohort.overview.patient, strict=True):
        assert by_path[str(kermany_cohort.root / path)] == patient


@pytest.mark.parametrize(
    ("key", "patients"),
    [
        ("number", ["IM-0115", "IM-0115", "IM-0115", "IM-0116", "person1", "person1", "person1", "person12"]),
        (
            "number and type",
            ["IM-0115", "IM-0115", "NORMAL2-IM-0115", "NORMAL2-IM-0116"]
            + ["person1_bacteria", "person1_bacteria", "person1_virus", "person12_virus"],
        ),
    ],
)
def test_both_patient_keys(tmp_path, key, patients):
    touch(
        tmp_path,
        "train/NORMAL/IM-0115-0001.jpeg",
        "test/NORMAL/IM-0115-0001-0002.jpeg",
        "train/NORMAL/NORMAL2-IM-0115-0001.jpeg",
        "train/NORMAL/NORMAL2-IM-0116-0001.jpeg",
        "train/PNEUMONIA/person1_bacteria_1.jpeg",
        "train/PNEUMONIA/person1_bacteria_2.jpeg",
        "test/PNEUMONIA/person1_virus_6.jpeg",
        "val/PNEUMONIA/person12_virus_46.jpeg",
    )
    frame = strict(index_kermany(tmp_path, patient_key=key))
    assert sorted(frame.patient) == sorted(patients)


@pytest.mark.parametrize(
    ("key", "patients"),
    [
        ("number", ["patient1049278", "patient1135262", "patient1135262", "patient820420"]),
        ("number and type", ["BACTERIA-1135262", "NORMAL-1049278", "VIRUS-1135262", "VIRUS-820420"]),
    ],
)
@pytest.mark.parametrize("wrapper", ["", "chest_xray", "chest_xray/chest_xray", "archive/chest_xray/chest_xray"])
def test_names_of_the_other_distribution(tmp_path, key, patients, wrapper):
    touch(
        tmp_path / wrapper,
        "test/NORMAL/NORMAL-1049278-0001.jpeg",
        "train/PNEUMONIA/BACTERIA-1135262-0004.jpeg",
        "train/PNEUMONIA/VIRUS-1135262-0001.jpeg",
        "train/PNEUMONIA/VIRUS-820420-0001.jpeg",
    )
    frame = strict(index_kermany(tmp_path, key))
    assert sorted(frame.patient) == patients
    findings = {"NORMAL": "normal", "BACTERIA": "bacterial pneumonia", "VIRUS": "viral pneumonia"}
    assert frame.finding.tolist() == [findings[Path(path).name.split("-")[0]] for path in frame.path]
    touch(tmp_path / wrapper, "train/NORMAL/VIRUS-820420-0002.jpeg")
    with pytest.raises(ValueError, match=r"identifies no patient of NORMAL \(but one of PNEUMONIA\)"):
        strict(index_kermany(tmp_path, key))


def test_empty_class_and_folder_that_cannot_be_listed_are_errors(tmp_path, monkeypatch):
    touch(tmp_path, "train/NORMAL/IM-0115-0001.jpeg", "train/PNEUMONIA/.DS_Store")
    with pytest.raises(ValueError, match="PNEUMONIA: no image in this class"):
        strict(index_kermany(tmp_path))
    iterdir = Path.iterdir

    def refuse(path):  # root may list every folder
        if path.name in ("PNEUMONIA", "test"):
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ValueError, match=r"PNEUMONIA: cannot be listed \(Permission denied\), with 1 more"):
        strict(index_kermany(tmp_path))
    _, issues = index_vindr_pcxr(tmp_path)
    assert [Path(issue.file).name for issue in issues if "cannot be listed" in issue.fault] == ["test"]


def test_kermany_passes_over_what_archives_leave(tmp_path):
    touch(tmp_path, "train/NORMAL/IM-0115-0001.jpeg", "train/NORMAL/.DS_Store", "train/NORMAL/._IM-0115-0001.jpeg")
    touch(tmp_path, "__MACOSX/train/NORMAL/x.jpeg", "train/NORMAL/Thumbs.db")
    assert len(strict(index_kermany(tmp_path))) == 1


def test_unknown_choices_are_refused(tmp_path):
    with pytest.raises(ValueError, match="patient_key 'name'"):
        index_kermany(tmp_path, patient_key="name")
    with pytest.raises(ValueError, match="unlabelled 'maybe'"):
        index_vindr_pcxr(tmp_path, unlabelled="maybe")


# ---- VinDr-PCXR ----


@pytest.mark.parametrize(("unlabelled", "label"), [("exclude", None), ("abnormal", 1), ("normal", 0)])
def test_vindr_labels(vindr_cohort, unlabelled, label):
    frame = strict(index_vindr_pcxr(vindr_cohort.root, unlabelled)).set_index("image")
    overview = vindr_cohort.overview.set_index("patient")
    zero = overview.index[overview.diseases.str.len() == 0]
    assert len(zero) == 1
    assert set(overview.index) - set(frame.index) == (set(zero) if label is None else set())
    assert (frame.patient == frame.index).all()
    assert set(frame.dataset) == {"vindr_pcxr"}
    for image, row in frame.iterrows():
        diseases = overview.diseases[image]
        assert row.label == (label if image in zero else int(diseases != ("No finding",)))
        assert set(row.finding.split(" | ")) == set(diseases or [""])
        assert row.folder == overview.split[image]
        assert Path(row.path).is_file()


def test_vindr_boxes(vindr_cohort):
    images = vindr_cohort.overview.patient.to_frame("image").assign(width=999, height=999)
    boxes = strict(read_boxes(vindr_cohort.root, images))
    assert list(boxes.columns) == ["image", "finding", "x_min", "y_min", "x_max", "y_max", "file"]
    assert "No finding" not in set(boxes.finding)
    written = pd.concat(pd.read_csv(vindr_cohort.root / f"annotations_{part}.csv") for part in ("train", "test"))
    written = written[written.class_name != "No finding"]
    corners = ["x_min", "y_min", "x_max", "y_max"]
    assert np.array_equal(boxes[corners], written[corners])
    sick = vindr_cohort.overview[vindr_cohort.overview.label == 1]
    assert set(boxes.image) <= set(sick.patient)
    assert boxes.image.nunique() > len(sick) / 2
    assert all(boxes[name].dtype.kind == "f" for name in corners)


def test_missing_tables_and_images_are_named(tmp_path, vindr_cohort):
    frame, issues = index_vindr_pcxr(tmp_path)
    assert frame.empty
    assert [Path(issue.file).name for issue in issues] == ["image_labels_train.csv", "image_labels_test.csv"]
    for part in sorted(vindr_cohort.root.glob("*.csv")):  # the annotations first
        shutil.copy(part, tmp_path)
        boxes, issues = read_boxes(tmp_path, frame.assign(width=0, height=0))
        assert boxes.empty
        assert {issue.fault for issue in issues} <= {"not there"}
    with pytest.raises(ValueError, match=r"\.dicom: named in the CSV but not there, with 86 more like it; fetch it"):
        strict(index_vindr_pcxr(tmp_path))


def test_vindr_ids_stay_text(tmp_path):
    # All-digit ids, which pandas would read as numbers.
    for part, image in (("train", "0" * 31 + "1"), ("test", "0" * 31 + "2")):
        (tmp_path / f"image_labels_{part}.csv").write_text(f"image_id,rad_ID,No finding,CPAM\n{image},R1,1.0,0.0\n")
        touch(tmp_path, f"{part}/{image}.dicom")
    assert strict(index_vindr_pcxr(tmp_path)).image.tolist() == ["0" * 31 + "1", "0" * 31 + "2"]


@pytest.mark.parametrize("suffix", [".dcm", "", ".DCM"])
def test_vindr_under_other_names(tmp_path, vindr_cohort, suffix):
    root = shutil.copytree(vindr_cohort.root, tmp_path / "set")
    known = strict(index_vindr_pcxr(root))
    for path in root.glob("*/*.dicom"):
        path.rename(path.with_suffix(suffix))
    frame, issues = index_vindr_pcxr(root)
    assert {issue.severity for issue in issues} == {"note"}
    assert frame.drop(columns="path").equals(known.drop(columns="path"))
    assert {Path(path).suffix for path in frame.path} == {suffix}
    assert measure_images(frame[:2], workers=1).issue.isna().all()
    shutil.copy(frame.path[0], Path(frame.path[0]).with_suffix(".dicom"))
    again, issues = index_vindr_pcxr(root)
    assert len(again) == len(known)
    assert [issue.severity for issue in issues if "the same image as" in issue.fault] == ["warning"]


def test_vindr_tables_with_semicolons_and_empty_rows(tmp_path, vindr_cohort):
    root = shutil.copytree(vindr_cohort.root, tmp_path / "set")
    for path in root.glob("*.csv"):
        lines = path.read_text().translate(str.maketrans(",.", ";,")).splitlines()
        path.write_bytes("\r\n".join([*lines, ";" * lines[0].count(";"), ""]).encode("utf-16"))
    assert (
        strict(index_vindr_pcxr(root))
        .drop(columns="path")
        .equals(strict(index_vindr_pcxr(vindr_cohort.root)).drop(columns="path"))
    )
    frame = vindr_cohort.overview.patient.to_frame("image").assign(width=999, height=999)
    both = [strict(read_boxes(place, frame)).drop(columns="file") for place in (root, vindr_cohort.root)]
    assert both[0].equals(both[1])


# ---- duplicates ----


def pairs_of(frame, **options):
    return find_duplicates(list(frame.path), np.stack(measure_images(frame, workers=1).thumbnail), **options)


def test_duplicates_are_found_and_nothing_else(kermany_cohort):
    found = pairs_of(strict(index_kermany(kermany_cohort.root)))
    assert len(found) == 1
    first, second = (Path(found[name][0]).stem for name in ("first", "second"))
    patients = kermany_cohort.overview.set_index(kermany_cohort.overview.path.map(lambda path: Path(path).stem)).patient
    assert patients[first] != patients[second]
    assert found["first"][0] < found["second"][0]


def test_identical_and_regreyed_copies_are_found(tmp_path):
    rng = np.random.default_rng(0)
    scene = np.clip(rng.normal(120, 20, (6, 5)), 60, 180).repeat(12, axis=0).repeat(12, axis=1)
    other = np.clip(rng.normal(120, 20, (6, 5)), 60, 180).repeat(12, axis=0).repeat(12, axis=1)
    for name, pixels in {"a": scene, "b": scene, "c": scene * 0.7 + 30, "d": other, "e": scene[:, ::-1]}.items():
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{name}.png")
    frame = pd.DataFrame({"path": [str(tmp_path / f"{name}.png") for name in "abcde"]})
    found = pairs_of(frame)
    names = {(Path(a).stem, Path(b).stem) for a, b in zip(found["first"], found["second"], strict=True)}
    assert names == {("a", "b"), ("a", "c"), ("b", "c")}
    assert found.distance[0] == pytest.approx(0, abs=1e-5)
    assert pairs_of(frame[:1]).empty


def test_distance_is_in_standard_deviations(tmp_path):
    # Independent noise of s standard deviations on one of two images: root mean square difference about s.
    rng = np.random.default_rng(0)
    scene = rng.normal(0.5, 0.1, (32, 32))
    Image.fromarray((scene * 65535).astype(np.uint16)).save(tmp_path / "a.png")
    Image.fromarray(((scene + rng.normal(0, 0.001, (32, 32))) * 65535).astype(np.uint16)).save(tmp_path / "b.png")
    frame = pd.DataFrame({"path": [str(tmp_path / "a.png"), str(tmp_path / "b.png")]})
    assert pairs_of(frame).distance[0] == pytest.approx(0.01, rel=0.1)
    assert pairs_of(frame, max_distance=0.009).empty
    assert len(pairs_of(frame, max_distance=0.011)) == 1


def test_large_groups_are_held_together_by_few_pairs():
    rng = np.random.default_rng(0)
    films = np.stack([thumbnail(film) for film in rng.random((60, 32, 32))])
    films[:20] = films[0]  # equal
    films[30:45] = films[30] + rng.normal(0, 0.01, (15, 1024))  # nearly so
    films[50:53] = films[50]  # a small group
    films[20] = films[0] + rng.normal(0, 0.01, 1024)  # near to the equal ones
    paths = [f"{number:02d}" for number in rng.permutation(60)]
    found = find_duplicates(paths, films)
    assert len(found) == 20 + 14 + 3
    assert found.distance.max() < 0.03
    groups = groups_of(paths, found)
    assert [len(set(groups[part])) for part in (slice(21), slice(30, 45), slice(50, 53))] == [1, 1, 1]
    assert len(set(groups)) == 60 - 20 - 14 - 2
    assert found.groupby(["first", "second"]).size().max() == 1


def test_thumbnail_is_standardised():
    image = np.random.default_rng(0).random((50, 70)).astype(np.float32)
    assert thumbnail(image).mean() == pytest.approx(0, abs=1e-5)
    assert thumbnail(image).std() == pytest.approx(1, abs=1e-5)
    assert thumbnail(image * 0.5 + 0.2) == pytest.approx(thumbnail(image), abs=1e-4)
    assert (thumbnail(np.full((50, 70), 0.3, np.float32)) == 0).all()


# ---- the real set ----


def test_real_counts_and_patients(shared_data):
    root = shared_data / "kermany_224"
    frame = strict(index_kermany(root, patient_key="number and type"))
    counts = {"normal": 1583, "bacterial pneumonia": 2780, "viral pneumonia": 1493}
    assert frame.finding.value_counts().to_dict() == counts
    manifest = pd.read_csv(root / "manifest.csv")
    known = dict(zip(manifest.path, manifest.patient_key, strict=True))
    below = [path.removeprefix(f"{root}/") for path in frame.path]
    assert dict(zip(below, frame.patient, strict=True)) == known
    # Counted by those who prepared the data: 979 numbers with both types, 328 both as IM and NORMAL2-IM.
    shared = frame.groupby(strict(index_kermany(root)).patient).patient.nunique()
    sick = shared.index.str.startswith("person")
    assert (shared[sick] == 2).sum() == 979
    assert (shared[~sick] == 2).sum() == 328


def test_lung_masks_are_found_beside_their_images(tmp_path, kermany_cohort):
    frame = strict(index_kermany(kermany_cohort.root))
    for image in frame.image[:3]:
        touch(tmp_path, f"{image}.png")
    found = strict(add_lung_masks(frame, tmp_path))
    assert found.image.tolist() == frame.image[:3].tolist()
    assert found["mask"].tolist() == [str(tmp_path / f"{image}.png") for image in frame.image[:3]]
    assert set(found.confidence) == {"?"}
    table = pd.DataFrame({"file": [f"{image}.jpeg" for image in frame.image[:2]], "confidence": ["A_exact", "B_order"]})
    table.to_csv(tmp_path / "mask_map.csv")
    assert strict(add_lung_masks(frame, tmp_path)).confidence.tolist() == ["A", "B", "?"]
    assert strict(add_lung_masks(frame, None)).empty
    with pytest.raises(ValueError, match="no mask"):
        strict(add_lung_masks(frame, tmp_path / "elsewhere"))
    (tmp_path / "mask_map.csv").write_text(f"file;confidence\n{frame.image[0]}.jpeg;1\n;\n")
    assert strict(add_lung_masks(frame, tmp_path)).confidence.tolist() == ["1", "?", "?"]
    table.drop(columns="confidence").to_csv(tmp_path / "mask_map.csv")
    with pytest.raises(ValueError, match="confidence.* missing"):
        strict(add_lung_masks(frame, tmp_path))


def test_real_masks(shared_data):
    frame = strict(index_kermany(shared_data / "kermany_224"))
    found = strict(add_lung_masks(frame, shared_data / "kermany_lung_masks_224"))
    assert found.confidence.value_counts().to_dict() == {"B": 4152, "A": 1501, "C": 80}


def test_faulty_sets_that_were_given(shared_faults):
    root = shared_faults / "vindr_small"
    for name, left in (("exclude_quoted.csv", 9), ("exclude_utf16.txt", 10)):
        assert len(strict(index_vindr_pcxr(root, exclude=shared_faults / "csv" / name))) == left
    labels, issues = read_table(shared_faults / "csv/image_labels_blank_rows.csv", ["image_id", "No finding"])
    assert issues == []
    assert labels.image_id.str.len().tolist() == [32] * 6
    table, issues = read_table(shared_faults / "csv/mask_map_numeric.csv", ["file", "confidence"])
    assert (table.confidence.tolist(), issues) == (["1"], [])
    assert len(strict(index_kermany(shared_faults / "mendeley_names"))) == 8
    for path in (shared_faults / "masks_01/train/NORMAL").iterdir():
        assert 0.05 < read_mask(path).mean() < 0.5

"""Tests of phantom: physics, anatomy, lesions and the two writers."""

import re
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from scipy import ndimage

from cxrlib.data.vindr_pcxr import CLASS_NAMES, LABELS
from phantom import kermany as kermany_module
from phantom import physics, storage, vindr_pcxr
from phantom import radiograph as radiograph_module
from phantom.anatomy import draw_anatomy, draw_view
from phantom.findings import draw_findings
from phantom.kermany import write_kermany
from phantom.lesions import FINDINGS
from phantom.radiograph import draw_radiograph
from phantom.skeleton import draw_skeleton
from phantom.thorax import Thorax
from phantom.vindr_pcxr import write_vindr_pcxr

SIZE = 128


def generator(number: int = 0) -> np.random.Generator:
    return np.random.default_rng([11, number])


def clear_view():
    """A centred, sharp, well-exposed film without letter, lines or collimator edge."""
    return replace(
        draw_view(generator()),
        rotation=0.0,
        tilt=0.0,
        shift=0.0,
        quanta=1e8,
        motion=0.0,
        shutter=(0.0, 0.0, 0.0, 0.0),
        marker="",
        lines=0,
        inspiration=1.0,
        aspect=1.3,
    )


# ---- physics ----


def test_transmission_matches_nist():
    # NIST SRDB 126, tables 2 and 4: soft tissue 0.2048 cm^2/g at 60 keV and 1.060 g/cm^3; bone 0.6655 at 40 keV, 1.920.
    assert physics.transmit(np.float32(10), np.float32(0), {60: 1.0}) == pytest.approx(0.11408, rel=1e-3)
    assert physics.transmit(np.float32(0), np.float32(1), {40: 1.0}) == pytest.approx(0.27866, rel=1e-3)


def test_transmission_is_multiplicative_in_one_bin_and_hardens_in_two():
    one = [float(physics.transmit(np.float32(t), np.float32(0), {40: 1.0})) for t in (4, 8)]
    assert one[1] == pytest.approx(one[0] ** 2, rel=1e-4)
    two = [float(physics.transmit(np.float32(t), np.float32(0))) for t in (4, 8)]
    assert two[1] > 1.01 * two[0] ** 2
    assert physics.transmit(np.float32(0), np.float32(0)) == pytest.approx(1)


def test_transmission_errors():
    with pytest.raises(ValueError, match="55"):
        physics.transmit(np.float32(1), np.float32(0), {55: 1.0})
    with pytest.raises(ValueError, match="negative"):
        physics.transmit(np.float32(-1), np.float32(0))


def test_noise_follows_dose():
    flat = np.full((200, 200), 0.2, np.float32)
    deviation = {
        quanta: physics.detect(flat, generator(), 0.1, quanta, scatter_ratio=0, unsharpness=0).std()
        for quanta in (1e5, 4e5, 1.6e6)
    }
    # Poisson: deviation sqrt(0.2 * quanta * pixel area) in counts, over quanta * pixel area.
    for quanta, measured in deviation.items():
        assert measured == pytest.approx(np.sqrt(0.2 / (quanta * 0.01)), rel=0.05)


def test_scatter_lowers_contrast():
    edge = np.full((100, 100), 0.1, np.float32)
    edge[:, 50:] = 0.5
    contrast = []
    for ratio in (0.0, 1.0):
        signal = physics.detect(edge, generator(), 0.2, 1e9, scatter_ratio=ratio)
        contrast.append(np.log(signal[:, 60].mean() / signal[:, 40].mean()))
    assert contrast[0] == pytest.approx(np.log(5), rel=0.01)
    assert contrast[1] < 0.9 * contrast[0]


def test_display_shows_bone_bright_in_range():
    signal = np.linspace(0.01, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    shown = physics.display(signal, 0.1, np.ones((64, 64), bool), compression=0)
    assert shown.dtype == np.float32
    assert 0 <= shown.min() < shown.max() <= 1
    assert np.all(np.diff(shown.ravel()[::16]) <= 1e-6)


@pytest.mark.parametrize("sigma", [1.0, 12.0])
def test_blur_keeps_flat_images_and_the_mean(sigma):
    flat = np.full((80, 90), 0.3, np.float32)
    assert np.allclose(physics.blur(flat, sigma), 0.3, atol=1e-5)
    spot = np.zeros((161, 161), np.float32)
    spot[80, 80] = 1
    assert physics.blur(spot, sigma).sum() == pytest.approx(1, rel=0.05)


# ---- one radiograph ----


def test_image_range_shape_and_determinism():
    first, again = (draw_radiograph(generator(3), SIZE) for _ in range(2))
    assert first.image.dtype == np.float32
    assert first.image.shape[0] == SIZE
    assert 1.0 <= first.image.shape[1] / SIZE <= 1.46
    assert 0 <= first.image.min() < 0.1
    assert 0.7 < first.image.max() <= 1
    assert np.array_equal(first.image, again.image)
    assert first.boxes == []
    assert not np.array_equal(first.image.shape, draw_radiograph(generator(4), SIZE).image.shape) or not np.array_equal(
        first.image, draw_radiograph(generator(4), SIZE).image
    )


@pytest.mark.parametrize("number", range(6))
def test_lung_mask_is_two_lungs(number):
    radiograph = draw_radiograph(generator(number), SIZE)
    mask = radiograph.lung_mask
    assert mask.dtype == bool
    assert mask.shape == radiograph.image.shape
    # The human masks of the Kermany set cover about 15 to 50 % of their images.
    assert 0.15 < mask.mean() < 0.5
    labels, count = ndimage.label(mask)
    sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1]
    assert count >= 2
    assert sizes[1] > 0.5 * sizes[0]
    assert sizes[:2].sum() > 0.98 * mask.sum()


def test_lungs_end_at_the_diaphragm():
    radiograph = draw_radiograph(generator(1), SIZE, anatomy=draw_anatomy(generator(1)), view=clear_view())
    image, mask = radiograph.image, radiograph.lung_mask
    assert not mask[-6:].any()
    # Below the right dome (image left) lies the liver: brighter than the lung above it.
    column = np.flatnonzero(mask.any(0))[0] + int(0.25 * np.ptp(np.flatnonzero(mask.any(0))))
    edge = np.flatnonzero(mask[:, column])[-1]
    assert image[edge + 6, column - 2 : column + 3].mean() > image[edge - 6, column - 2 : column + 3].mean() + 0.1


def test_bones_show():
    anatomy, view = draw_anatomy(generator(1)), clear_view()
    thorax = Thorax(anatomy, view, radiograph_module._canvas(anatomy, view, SIZE))
    bone = draw_skeleton(thorax, np.random.default_rng([anatomy.seed, 0]))
    drawn = draw_radiograph(generator(1), SIZE, anatomy=anatomy, view=view)
    ribs, detail = (image - cv2.GaussianBlur(image, (0, 0), 4) for image in (bone, drawn.image))
    where = drawn.lung_mask & (thorax.across < 0.8)
    assert np.corrcoef(ribs[where], detail[where])[0, 1] > 0.5


def test_grey_levels_follow_anatomy():
    radiograph = draw_radiograph(generator(1), SIZE, anatomy=draw_anatomy(generator(1)), view=clear_view())
    image, mask = radiograph.image, radiograph.lung_mask
    rows, columns = np.nonzero(mask)
    middle = mask.shape[1] // 2
    # Bright to dark: spine, right lung (image left, no heart over its outer half), air beside the child.
    band = slice(int(np.quantile(rows, 0.35)), int(np.quantile(rows, 0.65)))
    spine = image[band, middle - 2 : middle + 3].mean()
    outer = (columns.min() + 0.55 * (middle - columns.min())).astype(int)
    lung = image[band, outer - 4 : outer + 4].mean()
    assert spine > lung + 0.2
    assert lung > image[-1, :2].mean()
    # The heart lies on the child's left, the image's right.
    low = slice(int(np.quantile(rows, 0.6)), int(np.quantile(rows, 0.8)))
    near = int(0.18 * np.ptp(columns))
    assert image[low, middle + near - 3 : middle + near].mean() > image[low, middle - near : middle - near + 3].mean()


def test_one_child_on_two_films():
    anatomy = draw_anatomy(generator(5))
    view = clear_view()
    one = draw_radiograph(generator(1), SIZE, ("Consolidation",), anatomy, view)
    two = draw_radiograph(generator(2), SIZE, ("Consolidation",), anatomy, replace(view, gamma=1.4))
    other = draw_radiograph(generator(2), SIZE, ("Consolidation",), draw_anatomy(generator(6)), view)
    assert one.boxes == two.boxes
    assert one.severities == two.severities
    assert not np.array_equal(one.image, two.image)
    assert other.boxes != one.boxes


@pytest.mark.parametrize("finding", FINDINGS)
def test_lesion_changes_its_box(finding):
    view, inside, outside = clear_view(), [], []
    for number in range(3):
        anatomy = draw_anatomy(generator(number))
        healthy, sick = (
            draw_radiograph(generator(number), SIZE, names, anatomy, view, severity=0.9) for names in ((), (finding,))
        )
        height, width = sick.image.shape
        assert sick.findings == (finding,)
        assert sick.boxes
        where = np.zeros((height, width), bool)
        for name, x_min, y_min, x_max, y_max in sick.boxes:
            assert name == finding
            assert 0 <= x_min < x_max <= width
            assert 0 <= y_min < y_max <= height
            where[y_min:y_max, x_min:x_max] = True
        change = np.abs(sick.image - healthy.image)
        inside.append(change[where].mean())
        outside.append(change[~where].mean())
    assert np.mean(inside) > 0.01
    assert np.mean(inside) > 2 * np.mean(outside)


def test_severity_scales_the_change():
    view, anatomy = clear_view(), draw_anatomy(generator(2))
    healthy = draw_radiograph(generator(2), SIZE, (), anatomy, view)
    change = [
        np.abs(
            draw_radiograph(generator(2), SIZE, ("Consolidation",), anatomy, view, degree).image - healthy.image
        ).mean()
        for degree in (0.0, 0.5, 1.0)
    ]
    assert change[0] < change[1] < change[2]


def test_radiograph_errors():
    with pytest.raises(ValueError, match="Pneumothorax"):
        draw_radiograph(generator(), SIZE, ("Pneumothorax",))
    with pytest.raises(ValueError, match="size is 16"):
        draw_radiograph(generator(), 16)
    with pytest.raises(ValueError, match="severity is 1.5"):
        draw_radiograph(generator(), SIZE, ("Consolidation",), severity=1.5)


def test_drawn_findings():
    rng = generator()
    for pattern, usual in (("bacterial", "Consolidation"), ("viral", "Peribronchovascular interstitial opacity")):
        drawn = [draw_findings(rng, pattern) for _ in range(200)]
        assert all(set(findings) <= set(FINDINGS) and len(set(findings)) == len(findings) for findings in drawn)
        assert np.mean([findings[0] == usual for findings in drawn]) > 0.45
    with pytest.raises(ValueError, match="fungal"):
        draw_findings(rng, "fungal")


# ---- Kermany layout ----

PERSON = re.compile(r"person(\d+)_(bacteria|virus)_(\d+)\.jpeg")
NORMAL = re.compile(r"(IM|NORMAL2-IM)-(\d{4})-(\d{4})(-\d{4})?\.jpeg")


@pytest.fixture(scope="module")
def kermany(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kermany")
    frame = write_kermany(folder / "set", 30, 18, 12, size=64, seed=5, workers=1, masks=folder / "masks")
    return folder, frame


def test_kermany_files(kermany):
    folder, frame = kermany
    on_disk = sorted(str(path.relative_to(folder / "set")) for path in (folder / "set").rglob("*.*"))
    assert on_disk == sorted(frame["path"])
    assert (frame["label"] == 0).sum() == 30
    assert frame["path"].str.contains("_bacteria_").sum() == 18
    assert frame["path"].str.contains("_virus_").sum() == 12
    for path, label, split in zip(frame["path"], frame["label"], frame["split"], strict=True):
        top, folder_split, kind, name = path.split("/")
        assert (top, folder_split, kind) == ("chest_xray", split, "PNEUMONIA" if label else "NORMAL")
        assert (PERSON if label else NORMAL).fullmatch(name)
        image = cv2.imread(str(folder / "set" / path), cv2.IMREAD_UNCHANGED)
        assert image.ndim == 2
        assert image.shape[0] == 64
        mask = cv2.imread(str(folder / "masks" / split / kind / name.replace(".jpeg", ".png")), cv2.IMREAD_UNCHANGED)
        assert mask.shape == image.shape
        assert set(np.unique(mask)) == {0, 255}


def test_kermany_patients(kermany):
    _, frame = kermany
    assert (frame.groupby("patient")["split"].nunique() == 1).all()
    assert set(frame["split"]) == {"train", "test", "val"}
    names = frame["path"].str.split("/").str[-1]
    assert all(name.startswith(patient) for name, patient in zip(names, frame["patient"], strict=True))
    assert names.is_unique
    assert (frame.groupby("patient").size() > 1).any()
    numbers = {"IM": set(), "NORMAL2-IM": set(), "bacteria": set(), "virus": set()}
    for name in names:
        if match := PERSON.fullmatch(name):
            numbers[match[2]].add(int(match[1]))
        else:
            match = NORMAL.fullmatch(name)
            numbers[match[1]].add(int(match[2]))
    for one, two in (("IM", "NORMAL2-IM"), ("bacteria", "virus")):
        shared = numbers[one] & numbers[two]
        assert 1 <= len(shared) <= 0.2 * len(numbers[one] | numbers[two])


def test_kermany_holds_one_reencoded_pair(kermany):
    folder, frame = kermany
    normal = frame[frame["label"] == 0]
    images = [cv2.imread(str(folder / "set" / path), 0).astype(int) for path in normal["path"]]
    pairs = [
        (i, j)
        for i in range(len(images))
        for j in range(i)
        if images[i].shape == images[j].shape and np.abs(images[i] - images[j]).mean() < 3
    ]
    assert len(pairs) == 1
    one, two = (normal.iloc[index] for index in pairs[0])
    assert one["patient"] != two["patient"]
    assert one["split"] == two["split"]
    assert (folder / "set" / one["path"]).read_bytes() != (folder / "set" / two["path"]).read_bytes()


def test_kermany_images_come_from_their_own_generators(kermany):
    folder, frame = kermany
    children = {patient: index for index, patient in enumerate(dict.fromkeys(frame["patient"]))}
    pattern = {"bacteria": "bacterial", "virus": "viral"}
    for index in (0, 7, 33, 55):
        path, patient = frame.loc[index, ["path", "patient"]]
        child = np.random.default_rng([5, children[patient], kermany_module.CHILD])
        anatomy = draw_anatomy(child)
        findings = draw_findings(child, pattern[patient.split("_")[1]]) if "person" in patient else ()
        drawn = draw_radiograph(np.random.default_rng([5, index]), 64, findings, anatomy)
        assert findings == frame.loc[index, "findings"]
        written = cv2.imread(str(folder / "set" / path), 0) / 255
        assert np.abs(written - drawn.image).mean() < 0.02
        mask = cv2.imread(str(folder / "masks" / path.removeprefix("chest_xray/").replace(".jpeg", ".png")), 0)
        assert np.array_equal(mask > 0, drawn.lung_mask)


def test_kermany_is_the_same_with_two_workers(kermany, tmp_path):
    folder, frame = kermany
    again = write_kermany(tmp_path / "set", 30, 18, 12, size=64, seed=5, workers=2)
    pd.testing.assert_frame_equal(frame, again)
    for path in frame["path"]:
        assert (tmp_path / "set" / path).read_bytes() == (folder / "set" / path).read_bytes()
    other = write_kermany(tmp_path / "other", 2, 0, 0, size=64, seed=6, workers=1)
    assert not set(other["path"]) & set(frame["path"])


def test_kermany_errors(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for root, masks in (("full", None), ("set", tmp_path / "full")):
        with pytest.raises(FileExistsError, match="full is not empty"):
            write_kermany(tmp_path / root, 1, 0, 0, size=64, workers=1, masks=masks)
    for counts in ((0, 0, 0), (3, -1, 0)):
        with pytest.raises(ValueError, match="make no cohort"):
            write_kermany(tmp_path / "set", *counts)
    with pytest.raises(ValueError, match="lies in"):
        write_kermany(tmp_path / "set", 3, 0, 0, masks=tmp_path / "set" / "masks")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]


def test_failed_writing_leaves_nothing(tmp_path):
    def fail():
        with storage.new_folder(tmp_path / "set") as folder:
            (folder / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


# ---- VinDr-PCXR layout ----

NAMES = (LABELS, CLASS_NAMES)


@pytest.fixture(scope="module")
def vindr(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vindr") / "set"
    return folder, write_vindr_pcxr(folder, *NAMES, 90, 30, size=64, seed=5, workers=1)


def test_vindr_tables(vindr):
    folder, frame = vindr
    tables = {f"{name}_{split}.csv" for name in ("annotations", "image_labels") for split in ("test", "train")}
    assert {path.name for path in folder.iterdir()} == {*tables, "test", "train"}
    for split, count in (("train", 90), ("test", 30)):
        labels = pd.read_csv(folder / f"image_labels_{split}.csv")
        boxes = pd.read_csv(folder / f"annotations_{split}.csv")
        assert list(labels.columns) == ["image_id", "rad_ID", *LABELS]
        assert " ".join(boxes.columns) == "image_id rad_ID class_name x_min y_min x_max y_max class_id"
        assert len(labels) == count
        assert labels["image_id"].str.fullmatch("[0-9a-f]{32}").all()
        assert {path.stem for path in (folder / split).glob("*.dicom")} == set(labels["image_id"])
        assert set(np.unique(labels[list(LABELS)])) == {0.0, 1.0}
        assert (labels.loc[labels["No finding"] == 1, list(LABELS[1:])].sum(axis=1) == 0).all()
        written = frame[frame["split"] == split].set_index("patient").loc[labels["image_id"]]
        assert written["label"].mean() == pytest.approx(0.33, abs=0.02)
        disease = labels[list(LABELS[1:])].sum(axis=1).to_numpy() > 0
        assert (disease == (written["label"].to_numpy() == 1)).all()
        nothing = boxes["class_name"] == "No finding"
        assert boxes.loc[nothing, ["x_min", "y_min", "x_max", "y_max"]].isna().all(axis=None)
        assert boxes.loc[~nothing, ["x_min", "y_min", "x_max", "y_max"]].notna().all(axis=None)
        assert set(boxes.loc[nothing, "image_id"]) == set(written.index[written["label"] == 0])
        assert boxes.groupby("class_name")["class_id"].nunique().eq(1).all()
    train = pd.read_csv(folder / "image_labels_train.csv")
    assert (train[list(LABELS)].sum(axis=1) == 0).sum() == 1


def test_vindr_boxes_lie_in_their_images(vindr):
    folder, _ = vindr
    boxes = pd.read_csv(folder / "annotations_train.csv").dropna()
    assert len(boxes) >= 30
    for box in boxes.itertuples():
        header = pydicom.dcmread(folder / "train" / f"{box.image_id}.dicom", stop_before_pixels=True)
        assert 0 <= box.x_min < box.x_max <= header.Columns
        assert 0 <= box.y_min < box.y_max <= header.Rows


def test_vindr_dicom_shows_the_drawn_image(vindr):
    folder, frame = vindr
    kinds = set()
    for index, path in enumerate(frame["path"][:16]):
        child = np.random.default_rng([5, index, vindr_pcxr.CHILD])
        anatomy = draw_anatomy(child)
        findings = draw_findings(child) if frame["label"][index] else ()
        drawn = draw_radiograph(np.random.default_rng([5, index]), 64, findings, anatomy).image
        file = pydicom.dcmread(folder / path)
        shown = apply_voi_lut(apply_modality_lut(file.pixel_array, file), file).astype(float)
        # pydicom scales a window's output to the range that the stored bits span after the modality transformation.
        low = float(file.get("RescaleIntercept", 0))
        high = low + (2**file.BitsStored - 1) * float(file.get("RescaleSlope", 1))
        shown = (shown - low) / (high - low)
        kinds.add((file.PhotometricInterpretation, "WindowCenter" in file, "RescaleSlope" in file))
        shown = 1 - shown if file.PhotometricInterpretation == "MONOCHROME1" else shown
        assert findings == frame["findings"][index]
        assert np.abs(shown - drawn).max() < 0.001
    assert len(kinds) >= 5


def test_vindr_headers_vary_and_hold_no_identity(vindr):
    folder, frame = vindr
    headers = [pydicom.dcmread(folder / path) for path in frame["path"]]
    for header in headers:
        assert header.PatientID == ""
        assert "StudyInstanceUID" not in header
        assert (header.BitsAllocated, header.HighBit) == (16, header.BitsStored - 1)
        assert header.pixel_array.max() < 2**header.BitsStored
    assert {header.PhotometricInterpretation for header in headers} == {"MONOCHROME1", "MONOCHROME2"}
    assert {header.BitsStored for header in headers} == {12, 14, 15, 16}
    for keyword in ("WindowCenter", "RescaleSlope", "PatientAge", "PatientSex"):
        assert 0 < sum(keyword in header for header in headers) < len(headers)
    assert {str(header.get("PatientAge", "Y"))[-1] for header in headers} >= {"Y", "M"}


def test_vindr_is_the_same_with_two_workers(vindr, tmp_path):
    folder, frame = vindr
    again = write_vindr_pcxr(tmp_path / "set", *NAMES, 90, 30, size=64, seed=5, workers=2)
    pd.testing.assert_frame_equal(frame, again)
    for path in frame["path"][::7]:
        assert (tmp_path / "set" / path).read_bytes() == (folder / path).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*NAMES, 0, 0), "make no cohort"),
        ((*NAMES, 1, 1, 1.5), r"abnormal_fraction is 1\.5"),
        ((LABELS[:5], CLASS_NAMES, 1, 1), "lack .*Pleuro-pneumonia"),
        ((LABELS, CLASS_NAMES[:5], 1, 1), "lack .*Consolidation"),
    ],
)
def test_vindr_errors(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        write_vindr_pcxr(tmp_path / "set", *arguments)
    assert list(tmp_path.iterdir()) == []

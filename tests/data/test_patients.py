"""Tests of `cxrlib.data.patients`: age strings by the standard, and files that state nothing."""

import numpy as np
import pytest
from dicom_files import STORED, write_dicom
from PIL import Image

from cxrlib.data.measures import measure_images
from cxrlib.data.patients import age_in_years, read_patient
from cxrlib.data.vindr_pcxr import index_vindr_pcxr


@pytest.mark.parametrize(
    ("text", "years"),
    [("003Y", 3), ("3y", 3), (" 018M ", 1.5), ("052W", 364 / 365.25), ("007D", 7 / 365.25), ("000D", 0)],
)
def test_ages_follow_the_standard(text, years):
    assert age_in_years(text) == pytest.approx(years)


@pytest.mark.parametrize("text", ["", "Y", "12", "1234Y", "-01Y", "3.5Y", "03Y M", "003X"])
def test_another_form_states_no_age(text):
    assert np.isnan(age_in_years(text))


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"PatientAge": "006M", "PatientSex": "F"}, (0.5, "F")),
        ({"PatientAge": "", "PatientSex": "m "}, (np.nan, "M")),
        ({"PatientSex": "unknown"}, (np.nan, "")),
        ({}, (np.nan, "")),
    ],
)
def test_header_of_a_file(tmp_path, elements, expected):
    found = read_patient(write_dicom(tmp_path / "film.dcm", STORED, **elements))
    np.testing.assert_equal((found["age_years"], found["sex"]), expected)


def test_other_files_state_nothing(tmp_path):
    path = tmp_path / "film.png"
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(path)
    for file in (path, tmp_path / "missing.dcm"):
        np.testing.assert_equal(read_patient(file), {"age_years": np.nan, "sex": ""})


def test_each_image_of_a_synthetic_set_has_what_its_header_says(vindr_cohort):
    frame, _ = index_vindr_pcxr(vindr_cohort.root)
    measured = measure_images(frame, workers=1)
    stated = [read_patient(path) for path in frame.path]
    assert measured.sex.tolist() == [one["sex"] for one in stated]
    np.testing.assert_equal(measured.age_years.tolist(), [one["age_years"] for one in stated])
    assert {"F", "M", ""} <= set(measured.sex)
    assert measured.age_years.dropna().between(0, 18).all()

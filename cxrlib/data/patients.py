"""Read a child's age and sex from a DICOM header, if it states them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.errors import InvalidDicomError

DAYS = {"D": 1, "W": 7, "M": 365.25 / 12, "Y": 365.25}  # of the units of a DICOM age string, PS3.5 6.2
SEXES = ("F", "M", "O")


def read_patient(path: str | Path) -> dict[str, Any]:
    """Return the age and sex in the header of a file.

    Args:
        path: Any file; a file that is not DICOM states neither.

    Returns:
        `age_years` (float; NaN if the header gives no age, or not in DICOM's form), and `sex` ("F", "M", "O", or "").
    """
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PatientAge", "PatientSex"])
    except (InvalidDicomError, OSError):
        return {"age_years": np.nan, "sex": ""}
    sex = str(header.get("PatientSex") or "").strip().upper()
    return {"age_years": age_in_years(str(header.get("PatientAge") or "")), "sex": sex if sex in SEXES else ""}


def age_in_years(text: str) -> float:
    """Return the age that a DICOM age string states, such as 018M: three digits, then D, W, M or Y (PS3.5 6.2).

    The unit may be missing or a digit: then the string states no age.

    Args:
        text: The string.

    Returns:
        Years, 0 or more; NaN if the string has another form.

    >>> [age_in_years(text) for text in ("018M", "003Y", "")]
    [1.5, 3.0, nan]
    """
    found = re.fullmatch(r"(\d{1,3})([DWMY])", text.strip().upper())
    return int(found[1]) * DAYS[found[2]] / DAYS["Y"] if found else np.nan

"""Fixtures of the tests of data."""

import pytest

from cxrlib.data.checking import check


@pytest.fixture(scope="session")
def real_report(shared_data):
    """What the check says of the whole pneumonia set, read once for all tests."""
    return check(shared_data / "kermany_224", patient_key="number and type")

"""Fixtures of the tests of data."""

import pytest

from cxrlib.data.checking import check

# A process of its own, for the peak of memory never falls again.
REFUSAL = """
import resource, sys
from cxrlib.data.issues import ImageError
from cxrlib.data.images import read_image
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_image(sys.argv[1])
except ImageError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture(scope="session")
def real_report(shared_data):
    """What the check says of the whole pneumonia set, read once for all tests."""
    return check(shared_data / "kermany_224", patient_key="number and type")


@pytest.fixture
def refusal(fresh_python):
    """Read an image that must be refused, and return the message and the memory that this took in kilobytes."""

    def refusal(path):
        message, kilobytes = fresh_python(REFUSAL, path).stdout.splitlines()
        return message, int(kilobytes)

    return refusal

"""Fixtures that several test files share."""

import os

# Before TensorFlow is imported: quiet, and sums in a fixed order.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("CXRLIB_SHARED") or ROOT.parent / "shared")


@pytest.fixture(autouse=True, scope="module")
def released_models():
    """Let go of a test file's models: Keras and TensorFlow hold them, and all that follows grows slower."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real data; tests that need it are skipped, visibly, where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("real data absent; CXRLIB_SHARED names the folder that holds data/")
    return SHARED / "data"


@pytest.fixture(scope="session")
def kermany_cohort(tmp_path_factory):
    """A synthetic cohort in Kermany's layout with one re-encoded copy: `root` and the writer's own `overview`."""
    from cxrlib.phantom import write_kermany

    root = tmp_path_factory.mktemp("cohorts") / "kermany"
    return SimpleNamespace(root=root, overview=write_kermany(root, 24, 12, 10, size=64, seed=1, workers=1))


@pytest.fixture(scope="session")
def vindr_cohort(tmp_path_factory):
    """A synthetic cohort in VinDr-PCXR's layout, one row of labels all zero: `root` and the writer's `overview`."""
    from cxrlib.phantom import write_vindr_pcxr

    root = tmp_path_factory.mktemp("cohorts") / "vindr"
    return SimpleNamespace(root=root, overview=write_vindr_pcxr(root, 80, 8, size=48, seed=2, workers=1))


@pytest.fixture(scope="session")
def fresh_python():
    """Function that runs code in a new Python process and gives its standard output."""

    def run(code: str, *arguments, check: bool = True) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run

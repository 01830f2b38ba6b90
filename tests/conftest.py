"""Fixtures that several test files share."""

import os

# Before TensorFlow is imported: quiet, and sums in a fixed order.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_DETERMINISTIC_OPS", "1")

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.md"))
SHARED = Path(os.environ.get("CXRLIB_SHARED") or ROOT.parent / "shared")


def environment_of(project):
    """Environment of a copy of the project: no data of the reader's, this interpreter first on the path."""
    own = {name: value for name, value in os.environ.items() if name not in {"KERMANY", "VINDR", "VGG16", "LUNG_MASKS"}}
    return own | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(project)}


def snakemake(project, *arguments):
    """Run Snakemake in a copy of the project."""
    command = ["snakemake", "--config", "preset=tests/tiny.yml", *arguments]
    environment = environment_of(project)
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def pytest_collection_modifyitems(items):
    """Mark the tests that need a run of all chapters: `make test` leaves them to `make test-chain`."""
    for item in items:
        if "chain_run" in item.fixturenames:
            item.add_marker("chain")


@pytest.fixture(scope="session")
def chain_run(tmp_path_factory):
    """A copy of the project in which all chapters have run once, and the site was rendered."""
    copy = tmp_path_factory.mktemp("chain") / "project"
    ignored = shutil.ignore_patterns(".git", ".venv", "runs", ".snakemake", "__pycache__", "_build", "*.egg-info")
    shutil.copytree(ROOT, copy, ignore=ignored)
    result = snakemake(copy, "--cores", "2")
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-6000:]
    return copy


@pytest.fixture(scope="session")
def project(chain_run):
    """The copy that all tests share: whoever changes a file in it puts that back, or works on a copy of this copy."""
    return chain_run


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
def shared_faults():
    """Folder of small faulty inputs; tests that need it are skipped, visibly, where it is absent."""
    if not (SHARED / "faults").is_dir():
        pytest.skip("faulty inputs absent; CXRLIB_SHARED names the folder that holds faults/")
    return SHARED / "faults"


@pytest.fixture(scope="session")
def kermany_cohort(tmp_path_factory):
    """A synthetic cohort in Kermany's layout with one re-encoded copy: `root` and the writer's own `overview`."""
    from phantom.kermany import write_kermany

    root = tmp_path_factory.mktemp("cohorts") / "kermany"
    return SimpleNamespace(root=root, overview=write_kermany(root, 24, 12, 10, size=64, seed=1, workers=1))


@pytest.fixture(scope="session")
def vindr_cohort(tmp_path_factory):
    """A synthetic cohort in VinDr-PCXR's layout, one row of labels all zero: `root` and the writer's `overview`."""
    from cxrlib.data.vindr_pcxr import CLASS_NAMES, LABELS
    from phantom.vindr_pcxr import write_vindr_pcxr

    root = tmp_path_factory.mktemp("cohorts") / "vindr"
    overview = write_vindr_pcxr(root, LABELS, CLASS_NAMES, 80, 8, size=48, seed=2, workers=1)
    return SimpleNamespace(root=root, overview=overview)


@pytest.fixture(scope="session")
def fresh_python():
    """Function that runs code in a new Python process and gives its standard output."""

    def run(code: str, *arguments, check: bool = True) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run

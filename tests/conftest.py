"""Fixtures that several test files share."""

import atexit
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from bookchain.plan import DATA, variable
from bookchain.surroundings import DROPPED, surroundings

ROOT = Path(__file__).parents[1]

# Before Keras is imported: the tests' surroundings are a chapter's, but for home, temporary files, the backend and the
# modules that a call of the tests asks for, and figures, which are not shown.
_home = Path(tempfile.mkdtemp(prefix="surroundings-"))
atexit.register(shutil.rmtree, _home, ignore_errors=True)
_own = surroundings(ROOT, _home, os.environ)
for _name in [name for name in os.environ if name.startswith(DROPPED) and name not in ("PYTHONPATH", *_own)]:
    del os.environ[_name]
os.environ |= {name: value for name, value in _own.items() if name.startswith(DROPPED) and name != "PYTHONPATH"}
os.environ["MPLBACKEND"] = "agg"

SOURCES = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.md"))
SHARED = Path(os.environ.get("CXRLIB_SHARED") or ROOT.parent / "shared")


def environment_of(project):
    """Environment of a copy of the project: no data of the reader's, this interpreter first on the path."""
    own = {name: value for name, value in os.environ.items() if name not in ("PRESET", *map(variable, DATA))}
    return own | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(project)}


def snakemake(project, *arguments):
    """Run Snakemake in a copy of the project."""
    command = ["snakemake", "--config", "preset=tests/tiny.yml", *arguments]
    environment = environment_of(project)
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def copied(folder):
    """Copy the project into a folder, below names that a shell would read as more than names."""
    ignored = shutil.ignore_patterns(".git", ".venv", "runs", ".snakemake", "__pycache__", "_build", "*.egg-info")
    return Path(shutil.copytree(ROOT, folder / "a b" / "it's", ignore=ignored))


def make(copy, home, *words):
    """Run make in a copy of the project that has this environment, with settings that are against it."""
    given = {name: value for name, value in environment_of(copy).items() if not name.startswith(DROPPED)}
    given |= {"HOME": str(home), "MPLBACKEND": "Agg", "SNAKEMAKE_PROFILE": "nowhere", "PYTHONPATH": "/nowhere"}
    (copy / ".venv").symlink_to(sys.prefix)
    command = ["make", "--old-file=.venv/installed", *words]
    result = subprocess.run(command, cwd=copy, env=given, capture_output=True, text=True, check=False)
    (copy / ".venv").unlink()  # whoever copies this copy needs it not
    return result


def pytest_collection_modifyitems(items):
    """Mark the tests that need a run of all chapters: `make test` leaves them to `make test-chain`."""
    for item in items:
        if "chain_run" in item.fixturenames:
            item.add_marker("chain")


@pytest.fixture(scope="session")
def chain_run(tmp_path_factory):
    """A copy of the project in which all chapters have run once, and the site was rendered.

    It was run by make where much is against it: the folder's name, a home with settings, others' variables.
    """
    copy = copied(tmp_path_factory.mktemp("chain"))
    home = copy.parent / "home"
    (home / ".keras").mkdir(parents=True)
    (home / ".keras/keras.json").write_text('{"floatx": "float16", "image_data_format": "channels_first"}')
    result = make(copy, home, "book", "PRESET=tests/tiny.yml", "CORES=2")
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


class Disk:
    """A disk that keeps what was flushed to it: of other files a loss of power would leave nothing."""

    def __init__(self, monkeypatch):
        self.kept, self.events = {}, []
        flush, rename = os.fsync, os.replace

        def fsync(descriptor):
            flush(descriptor)
            state = os.fstat(descriptor)
            if stat.S_ISREG(state.st_mode):
                self.kept[state.st_ino] = os.pread(descriptor, state.st_size, 0)
            else:
                self.events.append(("folder", state.st_ino, None))

        def replace(source, target):
            self.events.append(("renamed", Path(target), dict(self.kept)))
            rename(source, target)

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "replace", replace)

    def at_renaming(self, path):
        """Give what was on the disk when a file got its name, by inode; the folder must have been flushed after."""
        place = max(number for number, event in enumerate(self.events) if event[:2] == ("renamed", path))
        assert ("folder", path.parent.stat().st_ino, None) in self.events[place:]
        return self.events[place][2]


@pytest.fixture
def disk(monkeypatch):
    """What a loss of power would leave on the disk."""
    return Disk(monkeypatch)


@pytest.fixture(scope="session")
def fresh_python():
    """Function that runs code in a new Python process and gives its standard output."""

    def run(code: str, *arguments, check: bool = True) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run

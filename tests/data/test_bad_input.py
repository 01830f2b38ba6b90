"""Runs that meet a full disk, a folder that takes no files, or a file that means harm: an error, nothing half-done."""

import pickle
import re
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from bookchain import chapter as chapter_module
from bookchain.chapter import WRITES, Chapter, MissingArtefactError, UnwritableRunError
from bookchain.plan import Plan
from bookchain.presets import PlanError
from bookchain.provenance import MARKER
from cxrlib.networks import training
from cxrlib.networks.vgg16 import load_imagenet_weights, vgg16_encoder

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, entered at its root."""
    for folder in ("cxrlib", "notebooks", "presets"):
        (tmp_path / folder).mkdir()
    (tmp_path / "_toc.yml").write_text("format: jb-book\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(WRITES, "runs/quick")  # as the chain does
    return tmp_path.resolve()


# ---- a full disk: no file may grow beyond 10,000 bytes ----

FULL_DISK = """
import os, resource, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, os.getcwd())
os.chdir(sys.argv[1])
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
def attempt(function, *arguments):
    try:
        function(*arguments)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
    else:
        print("no error")
"""


def test_table_and_marker_on_a_full_disk(project, fresh_python):
    code = """
import pandas as pd
from bookchain.chapter import Chapter
chapter = Chapter("01-preprocessing", "runs/quick")
chapter.table(pd.DataFrame({"a": [1]}), "older")
limit(10)
attempt(chapter.table, pd.DataFrame({"a": range(100_000)}), "split")
attempt(chapter.table, pd.DataFrame({"a": range(100_000)}), "older")
attempt(chapter.finish)
"""
    said = fresh_python(FULL_DISK + code, project).stdout.splitlines()
    assert len(said) == 3
    for line, name in zip(said, ("split.csv", "older.csv", MARKER), strict=True):
        assert line.startswith(f"UnwritableRunError: runs/quick/01-preprocessing/{name}: cannot be written (")
        assert "Free its disk" in line
    folder = project / "runs/quick/01-preprocessing"
    assert [path.name for path in folder.iterdir()] == ["older.csv"]
    assert (folder / "older.csv").read_text() == "a\n1\n"
    with pytest.raises(MissingArtefactError, match="not finished"):
        Chapter("02-noise-and-blur", "runs/quick").upstream("01-preprocessing")


def test_model_and_crops_on_a_full_disk(tmp_path, fresh_python):
    code = """
import keras
import numpy as np
from PIL import Image
from cxrlib.data import cropping
from cxrlib.networks import training
inputs = keras.Input((96, 96, 1))
large = keras.Model(inputs, keras.layers.Conv2D(1, 70)(inputs))
segmenter = keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs))
Image.fromarray(np.zeros((96, 96), np.uint8)).save("film.png")
limit(10_000)
attempt(training.save_model, large, "model.keras")
attempt(cropping.crop_to_lungs, ["film.png"] * 9, segmenter, "images.npy", 64)
"""
    said = fresh_python(FULL_DISK + code, tmp_path).stdout.splitlines()
    assert len(said) == 2
    assert all("File too large" in line for line in said)
    assert not (tmp_path / "model.keras").exists()
    assert not (tmp_path / "images.npy").exists()


# ---- a kill in the middle of a write ----


def test_killed_write_leaves_no_table(project, fresh_python):
    code = """
import pandas as pd
from pathlib import Path
from bookchain.chapter import Chapter
chapter = Chapter("01-preprocessing", "runs/quick")
def killed(frame, path, **options):
    Path(path).write_text("a\\n1")
    os._exit(9)
pd.DataFrame.to_csv = killed
chapter.table(pd.DataFrame({"a": [1, 2]}), "split")
"""
    assert fresh_python(FULL_DISK + code, project, check=False).returncode == 9
    assert not (project / "runs/quick/01-preprocessing/split.csv").exists()
    again = Chapter("01-preprocessing", "runs/quick")
    again.table(pd.DataFrame({"a": [1, 2]}), "split")
    again.finish()
    assert sorted(path.name for path in again.folder.iterdir()) == [MARKER, "split.csv"]


def test_interrupted_finish_leaves_no_marker(project, monkeypatch):
    chapter = Chapter("01-preprocessing", "runs/quick")
    write = Path.write_text

    def interrupted(path, text):
        write(path, text[:5])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        chapter.finish()
    assert list(chapter.folder.iterdir()) == []


def test_interrupted_clearing_leaves_no_marker(project, monkeypatch):
    finished = Chapter("01-preprocessing", "runs/quick")
    finished.table(pd.DataFrame({"a": [1]}), "split")
    finished.finish()

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(chapter_module.shutil, "rmtree", interrupted)
    again = Chapter("01-preprocessing", "runs/quick")
    with pytest.raises(KeyboardInterrupt):
        _ = again.folder
    assert not (finished.folder / MARKER).exists()


# ---- a run folder that takes no files ----


@pytest.mark.parametrize("place", ["runs", "runs/quick", "runs/quick/01-preprocessing"])
def test_file_in_place_of_the_run_folder_is_one_line(project, place):
    (project / place).parent.mkdir(parents=True, exist_ok=True)
    (project / place).write_text("")
    with pytest.raises(UnwritableRunError) as raised:
        Chapter("01-preprocessing", "runs/quick")
    message = str(raised.value)
    assert re.match(r"runs/quick/01-preprocessing: cannot be written \((Not a directory|File exists)\)\. ", message)
    assert "make runs/quick a folder you may write to" in message
    assert len(message.splitlines()) == 1


def test_read_only_run_folder_is_one_line(project, monkeypatch):
    finished = Chapter("01-preprocessing", "runs/quick")
    finished.finish()

    def refuse(path, **options):
        raise OSError(30, "Read-only file system", str(path))  # root may write to any folder that is not mounted so

    told = r"^runs/quick/01-preprocessing: cannot be written \(Read-only file"
    started = Chapter("01-preprocessing", "runs/quick")
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(UnwritableRunError, match=told):
        _ = started.folder
    monkeypatch.setattr(chapter_module.tempfile, "TemporaryFile", lambda dir: refuse(dir))  # before any work is done
    with pytest.raises(UnwritableRunError, match=told):
        Chapter("01-preprocessing", "runs/quick")


def test_folder_that_turns_read_only_names_the_table(project, monkeypatch):
    chapter = Chapter("01-preprocessing", "runs/quick")
    chapter.folder.rmdir()
    with pytest.raises(UnwritableRunError, match=r"^runs/quick/01-preprocessing/split.csv: cannot be written \("):
        chapter.table(pd.DataFrame({"a": [1]}), "split")


# ---- files that would execute something ----


class Payload:
    """Pickled, this writes a file at `where` as soon as it is loaded."""

    def __init__(self, where):
        self.where = where

    def __reduce__(self):
        return (Path.touch, (self.where,))


def test_pickled_object_among_weights_is_refused(tmp_path):
    trap = np.empty(1, dtype=object)
    trap[0] = Payload(tmp_path / "executed")
    np.savez(tmp_path / "vgg16.npz", **{"block1_conv1/kernel": trap, "block1_conv1/bias": trap})
    with pytest.raises(ValueError, match="vgg16.npz: cannot be read as weights .*allow_pickle"):
        load_imagenet_weights(vgg16_encoder((32, 32, 3), 1 / 16), tmp_path / "vgg16.npz")
    assert not (tmp_path / "executed").exists()
    pickle.loads(pickle.dumps(trap[0]))
    assert (tmp_path / "executed").exists()  # the trap was a real one


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(tmp_path, value):
    encoder = vgg16_encoder((32, 32, 3), 1 / 16)
    arrays = {layer.name: layer.get_weights() for layer in encoder.layers if layer.weights}
    parts = "kernel", "bias"
    arrays["block3_conv2"][0][1, 1, 0, 0] = value
    pairs = {f"{name}/{kind}": one for name, both in arrays.items() for kind, one in zip(parts, both, strict=True)}
    np.savez(tmp_path / "vgg16.npz", **pairs)
    with pytest.raises(ValueError, match="vgg16.npz: block3_conv2 has weights that are not finite; fetch it"):
        load_imagenet_weights(encoder, tmp_path / "vgg16.npz")


def test_model_with_code_in_it_is_refused(tmp_path):
    where = tmp_path / "executed"
    text = str(where)
    inputs = keras.Input((4,))
    trap = keras.layers.Lambda(lambda x: (open(text, "w").close(), x)[1])  # noqa: SIM115
    keras.Model(inputs, trap(inputs)).save(tmp_path / "segmenter.keras")
    where.unlink()
    with pytest.raises(ValueError, match="Lambda"):
        training.load_model(tmp_path / "segmenter.keras")
    assert not where.exists()
    keras.models.load_model(tmp_path / "segmenter.keras", safe_mode=False)
    assert where.exists()  # the trap was a real one


def test_preset_with_code_in_it_is_refused(project):
    (project / "presets/quick.yml").write_text("!!python/object/apply:pathlib.Path.touch [executed]\n")
    with pytest.raises(PlanError, match="quick.yml: no valid YAML .*could not determine a constructor"):
        Plan(project, {}, {})
    assert not (project / "executed").exists()


UNSAFE = r"""allow_pickle\s*=\s*True | \bpickle\b(?!\s*=) | read_pickle | joblib\.(load|dump) | safe_mode\s*=\s*False |
enable_unsafe_deserialization | yaml\.(load|unsafe_load|full_load)\( | extractall | unpack_archive | torch\.load"""


@pytest.mark.parametrize("pattern", ["cxrlib/**/*.py", "bookchain/*.py", "notebooks/*.md", "Snakefile"])
def test_nothing_that_executes_files_is_used(pattern):
    unsafe = re.compile(UNSAFE, re.VERBOSE)
    files = sorted(ROOT.glob(pattern))
    assert files
    found = [f"{path.name}: {line}" for path in files for line in path.read_text().splitlines() if unsafe.search(line)]
    assert not found

"""What a chapter is made by: commit, versions and machine, said without loading anything and without fail."""

import json
import platform
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from bookchain import provenance
from bookchain.provenance import environment


def git(folder, *words):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, check=True)


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_commit_is_whole_and_tells_of_changes(repository):
    clean = environment(repository)["commit"]
    assert re.fullmatch(r"[0-9a-f]{40}", clean)
    (repository / "file").write_text("2")
    assert environment(repository)["commit"] == f"{clean}-dirty"


def test_commit_is_unknown_without_version_control(repository, tmp_path_factory, monkeypatch):
    copy = repository / "copy"  # the repository around a copy is not the copy's
    copy.mkdir()
    assert environment(copy)["commit"] == "unknown"
    broken = tmp_path_factory.mktemp("broken")
    (broken / ".git").write_text("")
    assert environment(broken)["commit"] == "unknown"
    monkeypatch.setenv("PATH", "")
    assert environment(repository)["commit"] == "unknown"


def test_versions_and_machine():
    said = environment()
    assert said["versions"]["Python"] == platform.python_version()
    assert said["versions"]["numpy"] == np.__version__
    assert said["machine"]["architecture"] == platform.machine()
    assert 0.1 < said["machine"]["memory (GB)"] < 1e5


def test_no_path_no_host_and_no_user_is_told(monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: pytest.fail("asked for the host's name"))
    monkeypatch.setattr(platform, "release", lambda: "6.8.0-secret-host")
    text = json.dumps(environment())
    assert not re.search(r"[/\\]", text)
    assert "secret" not in text
    assert "Linux 6.8.0" in text or platform.system() != "Linux"


def test_backend_is_that_of_the_loaded_keras_and_nothing_is_loaded_for_it(fresh_python):
    code = (
        "import json, sys, bookchain.provenance; said = bookchain.provenance.environment(); "
        "slow = {'keras', 'tensorflow', 'torch', 'jax', 'papermill', 'nbformat'} & set(sys.modules); "
        "print(json.dumps([list(said), sorted(slow)]))"
    )
    said, loaded = json.loads(fresh_python(code).stdout)
    assert "backend" not in said
    assert loaded == []


def test_backend_without_a_list_of_devices_is_told_all_the_same(monkeypatch):
    keras = SimpleNamespace(backend=SimpleNamespace(backend=lambda: "torch"))  # has no `distribution`, as PyTorch
    monkeypatch.setitem(sys.modules, "keras", keras)
    said = environment()
    assert said["backend"] == "torch"
    assert "devices of Keras" not in said["machine"]
    keras.distribution = SimpleNamespace(list_devices=lambda: ["gpu:0", "gpu:1"])
    assert environment()["machine"]["devices of Keras"] == "gpu:0, gpu:1"


def test_graphics_card_is_named_where_the_driver_names_it(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "GPUS", tmp_path)
    assert "GPU" not in environment()["machine"]
    (tmp_path / "0000:01:00.0").mkdir()
    (tmp_path / "0000:01:00.0/information").write_text("Model: \t\t NVIDIA H100\nIRQ:   \t\t 11\nGPU UUID: \t GPU-1\n")
    assert environment()["machine"]["GPU"] == "NVIDIA H100"

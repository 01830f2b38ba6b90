"""A chapter is executed in surroundings of its own: a user's settings do not reach it, and their home is left alone."""

import json
import os
import sys
from pathlib import Path

import pytest

from bookchain.execute import execute
from bookchain.surroundings import surroundings

CHAPTER = """---
kernelspec: {display_name: Python 3, language: python, name: python3}
---

```{code-cell}
:tags: [parameters]
wanted = ""
```

```{code-cell}
import json, os, pathlib, sys, tempfile
import keras
import matplotlib.pyplot as plt

told = {
    "floatx": keras.config.floatx(),
    "format": keras.config.image_data_format(),
    "backend": keras.config.backend(),
    "python": sys.executable,
    "line width": plt.rcParams["lines.linewidth"],
    "start-up": sorted({"from_ipython", "from_python", "from_site"} & {*globals(), *vars(sys)}),
    "asserts": __debug__,
    "home": str(pathlib.Path.home()),
    "temporary": tempfile.gettempdir(),
    "threads": os.environ["TF_NUM_INTRAOP_THREADS"],
}
pathlib.Path(wanted).write_text(json.dumps(told))
plt.plot([1, 2])
```
"""

KERNEL = '{"argv": ["false"], "display_name": "x", "language": "python"}'
HOSTILE = {
    ".keras/keras.json": '{"floatx": "float64", "epsilon": 1e-7, "image_data_format": "channels_first"}',
    ".config/matplotlib/matplotlibrc": "lines.linewidth: 9\nbackend: agg\n",
    ".ipython/profile_default/startup/00.py": "from_ipython = 1",
    ".ipython/profile_default/ipython_kernel_config.py": "c.InteractiveShellApp.exec_lines = ['from_ipython = 1']",
    "start.py": "from_python = 1",
    "modules/sitecustomize.py": "import sys; sys.from_site = 1",
    "modules/keras.py": "raise ImportError('the user's own')",
    "jupyter/kernels/python3/kernel.json": KERNEL,
    ".local/share/jupyter/kernels/python3/kernel.json": KERNEL,
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "a b" / "it's"
    (folder / "cxrlib").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    (folder / "_toc.yml").touch()
    (folder / "notebooks/01-a.md").write_text(CHAPTER)
    monkeypatch.chdir(folder)
    return folder


def told(project):
    """Execute the chapter as the chain does, and give what it saw and what it showed."""
    wanted = project / "told.json"
    made_from = {"parameters": {"wanted": str(wanted)}, "surroundings": {"backend": "tensorflow", "threads": 2}}
    assert execute(Path("runs/x"), "01-a", json.dumps(made_from)) == 0
    return json.loads(wanted.read_text()), (project / "runs/x/executed/01-a.ipynb").read_text()


def files(folder):
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_hostile_home_does_not_reach_a_chapter_and_nothing_is_written_there(project, tmp_path, monkeypatch):
    home = tmp_path / "home"
    for name, text in HOSTILE.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    before = files(home)
    variables = {
        **{"HOME": home, "MPLBACKEND": "Agg", "MATPLOTLIBRC": home / ".config/matplotlib/matplotlibrc"},
        **{"PYTHONSTARTUP": home / "start.py", "PYTHONPATH": home / "modules", "PYTHONOPTIMIZE": "1"},
        **{"JUPYTER_PATH": home / "jupyter", "KERAS_BACKEND": "jax", "TF_ENABLE_ONEDNN_OPTS": "0"},
        **{"XDG_CONFIG_HOME": home / ".config", "IPYTHONDIR": home / ".ipython"},
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    for name in ("KERAS_HOME", "MPLCONFIGDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)  # which the tests' own surroundings set
    found, shown = told(project)
    own = project / "runs/x/home"
    assert found == {
        **{"floatx": "float32", "format": "channels_last", "backend": "tensorflow", "python": sys.executable},
        **{"line width": 1.5, "start-up": [], "asserts": True, "threads": "2"},
        **{"home": str(own), "temporary": str(own / "tmp")},
    }
    assert "image/png" in shown
    assert files(home) == before


def test_a_chapter_needs_no_home(project, monkeypatch):
    monkeypatch.setenv("HOME", "/nowhere/at/all")
    assert told(project)[0]["home"] == str(project / "runs/x/home")


def test_what_is_no_setting_stays_and_modules_of_the_project_are_found(tmp_path):
    backends = tmp_path / ".venv/backends"
    backends.mkdir(parents=True)
    given = {"PATH": "/bin", "TF_FORCE_GPU_ALLOW_GROWTH": "true", "PIP_USER": "1", "KERAS_BACKEND": "jax"}
    given["PYTHONPATH"] = os.pathsep.join([str(backends), str(tmp_path.parent), ""])
    found = surroundings(tmp_path, tmp_path / "home", given)
    assert found["PYTHONPATH"].split(os.pathsep) == [str(tmp_path), str(backends)]
    assert {name: found[name] for name in ("PATH", "TF_FORCE_GPU_ALLOW_GROWTH")} == {
        "PATH": "/bin",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    assert found["KERAS_BACKEND"] == "jax"
    assert "PIP_USER" not in found

"""What the project needs directly is pinned in requirements.lock, which make, conda and Binder install."""

import os
import re
import subprocess
import tomllib

from conftest import ROOT


def name_of(requirement):
    return re.split(r"[<>=!\[ ;]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def test_lock_pins_every_direct_dependency_and_names_no_index():
    lock = (ROOT / "requirements.lock").read_text()
    locked = {name_of(line): line.partition("==")[2] for line in lock.split()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    assert {name_of(requirement) for group in groups for requirement in group} <= locked.keys()
    assert all(locked.values())
    assert "http" not in lock


def test_packages_that_are_installed_are_those_that_are_there():
    """Pip installs what pyproject.toml lists, and Colab has no other copy."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {path.parent for name in ("bookchain", "cxrlib", "phantom") for path in (ROOT / name).rglob("__init__.py")}
    assert {name.replace(".", "/") for name in listed} == {str(folder.relative_to(ROOT)) for folder in there}


def test_settings_for_other_programs_reach_neither_installation_nor_run():
    set_by_user = {"PIP_USER": "1", "PIP_TARGET": "/x", "SNAKEMAKE_PROFILE": "/x", "PYTHONPATH": "/x"}
    command = ["make", "--eval=probe: ; @env", "probe", "VINDR=it's"]
    said = subprocess.run(command, cwd=ROOT, env=os.environ | set_by_user, capture_output=True, text=True, check=True)
    seen = dict(line.split("=", 1) for line in said.stdout.splitlines() if "=" in line)
    assert {name: seen[name] for name in set_by_user if name in seen} == {"PIP_USER": "0"}
    assert (seen["VINDR"], seen["PIP_NO_CACHE_DIR"]) == ("it's", "1")
    assert seen["XDG_CACHE_HOME"].startswith(str(ROOT))

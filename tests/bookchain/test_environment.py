"""What the project needs directly is pinned in requirements.lock, which make, conda and Binder install."""

import re
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

"""One set of versions: requirements.lock, pyproject.toml and environment.yml must agree."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def name_of(requirement):
    return re.split(r"[<>=!\[ ;]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def locked():
    lines = (ROOT / "requirements.lock").read_text().split()
    return {name_of(line): line.partition("==")[2] for line in lines}


def direct():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return {name_of(requirement) for group in groups for requirement in group}


def test_lock_pins_every_direct_dependency_and_names_no_index():
    assert direct() <= locked().keys()
    assert all(locked().values())
    assert "http" not in (ROOT / "requirements.lock").read_text()


def test_conda_environment_has_the_same_packages_at_the_same_versions():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    listed = next(entry["pip"] for entry in dependencies if isinstance(entry, dict))
    pinned = {name_of(line): line.partition("==")[2] for line in listed if not line.startswith("-")}
    assert pinned.keys() == direct()
    assert pinned == {name: locked()[name] for name in direct()}

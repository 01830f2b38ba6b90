"""One lock for all systems and Pythons, with hashes, that make, conda and Binder install; and who may install it."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest
from conftest import ROOT
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = [f"requirements{kind}.lock" for kind in ("", "-browser", "-cluster", "-gpu", "-lite", "-pyodide")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MACHINES = {
    "Linux": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    "Mac": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
}
VERSIONS = ["3.11.2", "3.11.9", "3.12.1", "3.13.0"]  # the first is Debian 12's


def pins(name="requirements.lock"):
    """Give the entries of a lock, each with its hashes."""
    text = re.sub(r"(?m)^ *#.*\n", "", (ROOT / name).read_text()).replace("\\\n", " ")
    return [(Requirement(line.split(" --hash=")[0]), line.split(" --hash=")[1:]) for line in text.splitlines()]


def environment(machine, version):
    found = {"python_version": version.rpartition(".")[0], "python_full_version": version, "extra": ""}
    return default_environment() | MACHINES[machine] | found


def locked_for(where):
    found = [pin for pin, _ in pins() if pin.marker is None or pin.marker.evaluate(where)]
    versions = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in found}
    assert len(versions) == len(found), "a package has two versions on one machine"
    return versions


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_gives_each_file_a_hash_and_names_no_index(name):
    for pin, hashes in pins(name):
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), pin
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each.strip()) for each in hashes), pin
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"(?m)^-", text), "an option of pip's"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("machine", MACHINES)
def test_lock_holds_on_every_machine_all_that_is_needed_there(machine, version):
    """By what the packages themselves declare, as `pip check` on that machine would."""
    where = environment(machine, version)
    locked = locked_for(where)
    needed = [Requirement(line) for group in PROJECT["optional-dependencies"].values() for line in group]
    needed += [Requirement(line) for line in PROJECT["dependencies"]]
    for name in locked:
        try:
            needed += [Requirement(line) for line in metadata.requires(name) or []]
        except metadata.PackageNotFoundError:  # another system's, or not yet installed: nothing is known of it here
            continue
    for each in needed:
        if each.marker is None or each.marker.evaluate(where):
            assert canonicalize_name(each.name) in locked, each
            assert each.specifier.contains(locked[canonicalize_name(each.name)], prereleases=True), each


@pytest.mark.parametrize("name", ["cluster", "gpu"])
def test_what_is_installed_beside_repeats_nothing_and_has_what_was_asked_for(name):
    """Of a package that is in both, the environment would have two copies, or the later one."""
    where = environment("Linux", "3.11.9")
    beside = {canonicalize_name(pin.name) for pin, _ in pins(f"requirements-{name}.lock")}
    there = locked_for(where)
    assert not beside & there.keys()
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"][name]
    assert {canonicalize_name(Requirement(line).name) for line in group} <= beside | there.keys()


def test_libraries_for_gpus_are_those_that_this_tensorflow_asks_for():
    where = environment("Linux", "3.11.9") | {"extra": "and-cuda"}
    locked = {canonicalize_name(pin.name): str(pin.specifier)[2:] for pin, _ in pins("requirements-gpu.lock")}
    asked = [Requirement(line) for line in metadata.requires("tensorflow")]
    asked = [each for each in asked if "extra" in str(each.marker) and each.marker.evaluate(where)]
    assert len(asked) > 5
    for each in asked:
        assert each.specifier.contains(locked[canonicalize_name(each.name)]), each


@pytest.mark.parametrize(("version", "fits"), [((3, 10), 0), ((3, 11), 1), ((3, 13), 1), ((3, 14), 0)])
def test_a_python_that_does_not_fit_is_refused_by_name(tmp_path, version, fits):
    python = tmp_path / "python"
    asked = f"import sys; sys.version_info = {(*version, 0)}; exec(sys.argv[1])"
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} -c "{asked}" "$2"\necho on with it; exit 1\n')
    python.chmod(0o755)
    command = ["make", f"PYTHON={python}", f"VENV={tmp_path}/new", f"{tmp_path}/new/installed"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ("on with it" in said.stdout) == fits
    advice = f"Python {version[0]}.{version[1]} does not fit: the packages are made for 3.11, 3.12 and 3.13, so say "
    assert (advice in said.stderr) != fits
    assert PROJECT["requires-python"] == ">=3.11,<3.14"


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

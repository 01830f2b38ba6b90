"""A preset and the reader's data turned into what each chapter is executed with and depends on."""

import ast
import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import yaml
from grimp import ImportGraph

from bookchain import dependencies

DATA = ("kermany", "vindr", "lung_masks", "vgg16", "segmenter")  # parameters that name the reader's data and weights
PACKAGES = ("cxrlib", "phantom")
PROSE = ("_config.yml", "_toc.yml", "book", "notebooks", "bookchain", *PACKAGES)  # the last: their reference pages


class PlanError(ValueError):
    """A preset or a given path that no chapter can be executed with."""


class Plan:
    """What a run of a preset executes.

    Args:
        root: The project's root; the attribute `run` is the run folder, seen from there.
        config: Snakemake's: `preset` (a name in presets/ or a path to a YAML file) and data paths in lower case.
        environment: Environment variables: data paths in capitals, where the configuration has none.
        rehearsal: Make a plan without the data that the preset needs; `needs` and `wants_gpu` say what it is made for.

    Raises:
        PlanError: If the preset is unknown, names a parameter or chapter that does not exist, or lacks its data.
    """

    def __init__(self, root: Path, config: Mapping, environment: Mapping, rehearsal: bool = False):
        self.root = root
        preset = str(config.get("preset") or environment.get("PRESET") or "quick")
        file = root / preset if preset.endswith((".yml", ".yaml")) else root / "presets" / f"{preset}.yml"
        if not file.is_file():
            known = ", ".join(sorted(path.stem for path in (root / "presets").glob("*.yml")))
            raise PlanError(f"preset {preset!r}: {file} is not there; choose one of {known}, or give a YAML file")
        self.preset = file.stem
        self.run = f"runs/{self.preset}"
        self.chapters = [path.stem for path in dependencies.sources(root)]
        self._check_run()
        self.given = {name: str(value) for name in DATA if (value := config.get(name) or environment.get(name.upper()))}
        settings = _read_preset(file, root)
        self.needs, self.wants_gpu = settings.pop("needs", []), settings.pop("gpu", False)
        if not rehearsal:
            self._check_needs(file)
        unknown = settings.keys() - set(self.chapters)
        if unknown:
            raise PlanError(f"{file}: no chapter {sorted(unknown)[0]!r}; the chapters are {', '.join(self.chapters)}")
        self._parameters = {name: self._settle(file, name, settings.get(name) or {}) for name in self.chapters}

    def _check_run(self) -> None:
        place = self.root / self.run
        while not place.exists():
            place = place.parent
        if not (place.is_dir() and os.access(place, os.W_OK)):
            raise PlanError(f"{place}: no folder that can be written to; make it one (or move away what stands there)")

    def source(self, chapter: str) -> Path:
        """Give the MyST source of a chapter."""
        return self.root / "notebooks" / f"{chapter}.md"

    def _check_needs(self, file: Path) -> None:
        missing = [name.upper() for name in self.needs if name not in self.given]
        if missing:
            raise PlanError(
                f"{file}: this preset needs {' and '.join(missing)}; "
                f"for example: make book PRESET={self.preset} {' '.join(f'{name}=path/to/it' for name in missing)}"
            )

    def _settle(self, file: Path, chapter: str, section: dict) -> dict:
        known = dependencies.parameter_values(self.source(chapter))
        unknown = [name for name in section if name not in known]
        if unknown:
            raise PlanError(f"{file}: {chapter} has no parameter {unknown[0]!r}; it knows {', '.join(known)}")
        data = {name: path for name, path in self.given.items() if name in known}
        for name, path in data.items():
            if path != "imagenet" and not (self.root / path).exists():
                raise PlanError(f"{name.upper()}={path}: no such file or folder, seen from the project root")
        return {"run": self.run, **section, **data}

    def parameters(self, chapter: str) -> dict:
        """Give the values that replace those of a chapter's own cell."""
        return dict(self._parameters[chapter])

    def declared(self, chapter: str) -> dependencies.Declared:
        """Give what a chapter's front matter declares."""
        return dependencies.declared(self.source(chapter))

    def made_from(self, chapter: str) -> str:
        """Give what decides whether a chapter is executed again, as JSON of one line.

        Returns:
            `code` (one fingerprint of the code cells), `parameters` (those that replace the chapter's own), `data`
            (fingerprints of what the reader gave) and `modules` (fingerprints of those of `PACKAGES` that the chapter
            uses, imports of imports too).
        """
        source, parameters = self.source(chapter), self._parameters[chapter]
        given = {name: self.root / path for name, path in parameters.items() if name in self.given}
        made = {
            "code": dependencies.code_fingerprint(source),
            "parameters": parameters,
            "data": {
                name: "downloaded" if path.name == "imagenet" else dependencies.data_fingerprint(path)
                for name, path in given.items()
            },
            "modules": dependencies.module_fingerprints(source, self.root, self._imports),
        }
        return json.dumps(made, sort_keys=True)

    @cached_property
    def _imports(self) -> ImportGraph:
        return dependencies.import_graph(self.root, PACKAGES)

    def prose(self) -> str:
        """Fingerprint of everything that the rendered pages show and no chapter computes."""
        files = []
        for name in PROSE:
            path = self.root / name
            files += [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        passed_over = {".ipynb_checkpoints", "__pycache__"}
        kept = (file for file in files if file.suffix != ".ipynb" and not passed_over & set(file.parts))
        return dependencies.digest(
            b"".join(str(file.relative_to(self.root)).encode() + file.read_bytes() for file in kept)
        )

    def _one_set(self) -> bool:
        return self._parameters["01-preprocessing"].get("classification") == "kermany"

    def origins(self) -> dict[str, str]:
        """Origin of each task's radiographs in this run, "synthetic" or "real"."""
        sources_of = {"restoration": "kermany", "classification": "kermany" if self._one_set() else "vindr"}
        return {task: "real" if name in self.given else "synthetic" for task, name in sources_of.items()}

    def banner(self) -> str:
        """One line for the head of every page: what the numbers were made from, and what they are not for."""
        origins = self.origins()
        one_set = self._one_set()
        if "vindr" in self.given and not one_set:
            return "Made from credentialed data (VinDr-PCXR): do not publish these pages. Not for clinical use."
        if "real" not in origins.values():
            made = "This run used synthetic radiographs: none of its numbers describe patients."
        elif one_set:
            made = "This run used real radiographs (Kermany et al. 2018, CC BY 4.0)."
        else:
            made = (
                "This run used real radiographs for restoration (Kermany et al. 2018, CC BY 4.0), synthetic ones for "
                "classification: none of its numbers on classification describe patients."
            )
        others = "Numbers of the paper and of earlier runs are marked as such."
        return f"{made} {others} Preset {self.preset}. Not for clinical use."


def _read_preset(file: Path, root: Path) -> dict:
    """Read a preset; one that `extends` another takes over what it does not say itself, parameter by parameter."""
    try:
        settings = yaml.safe_load(file.read_text()) or {}
    except yaml.YAMLError as error:
        raise PlanError(f"{file}: no valid YAML ({' '.join(str(error).split())}); correct it") from error
    if not isinstance(settings, dict):
        raise PlanError(f"{file}: no sections by chapter; see presets/kermany.yml")
    if not (base := settings.pop("extends", None)):
        return settings
    parent = next((f for f in (file.with_name(f"{base}.yml"), root / "presets" / f"{base}.yml") if f.is_file()), None)
    if parent is None:
        raise PlanError(f"{file}: extends {base!r}, but no {base}.yml is beside it or in presets/; correct the name")
    merged = _read_preset(parent, root)
    for name, section in settings.items():
        both = isinstance(section, dict) and isinstance(merged.get(name), dict)
        merged[name] = {**merged[name], **section} if both else section
    return merged


def with_values(cell: str, values: Mapping) -> str:
    """Put the values that a run really used into the source of a parameters cell, comments kept.

    Values of names that the cell does not assign are left out.
    """
    lines = cell.splitlines()
    for node in reversed(ast.parse(cell).body):
        if isinstance(node, ast.Assign) and (name := node.targets[0].id) in values:
            value, used = node.value, values[name]
            if ast.literal_eval(value) == used:
                continue
            first, last = lines[value.lineno - 1], lines[value.end_lineno - 1]
            replaced = first[: value.col_offset] + repr(used) + last[value.end_col_offset :]
            lines[value.lineno - 1 : value.end_lineno] = [replaced]
    return "\n".join(lines)

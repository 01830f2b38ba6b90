"""A preset and the reader's data turned into what each chapter is executed with and depends on."""

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from grimp import ImportGraph

from bookchain import banner, dependencies, presets, seeds
from bookchain.presets import PlanError
from bookchain.surroundings import cores

# Parameters that name the reader's data and weights.
DATA = ("kermany", "vindr", "cohort_table", "lung_masks", "vgg16", "segmenter")
PACKAGES = ("cxrlib", "phantom")


def variable(name: str) -> str:
    """Give what a parameter of `DATA` is called on make's command line and in the environment.

    >>> variable("lung_masks"), variable("cohort_table")
    ('LUNG_MASKS', 'COHORT')
    """
    # In the chapters, the cohort is what has become of all images, not the table that names some.
    return "COHORT" if name == "cohort_table" else name.upper()


# The environment variables that a plan reads.
HANDED_ON = ("PRESET", "SEEDS", "PROFILE", "KERAS_BACKEND", *map(variable, DATA))


class Plan:
    """What a run of a preset executes.

    Data paths come from the configuration, the environment, or the preset, the first that has one: all go the same way,
    seen from the project's root, into banner, origins, fingerprints and parameters.

    Args:
        root: The project's root; the attribute `run` is the run folder, seen from there.
        config: Snakemake's: `preset` (a name in presets/ or a path to a YAML file), `seeds` (how many) and data paths
            in lower case.
        environment: Environment variables: the same in capitals, `KERAS_BACKEND`, and `PROFILE`, a cluster's in
            profiles/, without which the run is this machine's.
        rehearsal: Make a plan without the data that the preset needs; `needs` and `wants_gpu` say what it is made for.

    Raises:
        PlanError: If the preset is unknown, has a value that its chapter cannot have, or lacks its data, if its run
            folder is another preset's, or if the number of seeds is none.
    """

    def __init__(self, root: Path, config: Mapping, environment: Mapping, rehearsal: bool = False):
        self.root = root
        preset = str(config.get("preset") or environment.get("PRESET") or "quick")
        shelf = root / "presets"
        file = root / Path(preset).expanduser() if preset.endswith((".yml", ".yaml")) else shelf / f"{preset}.yml"
        if not file.is_file():
            known = ", ".join(sorted(path.stem for path in shelf.glob("*.yml")))
            raise PlanError(f"preset {preset!r}: {file} is not there; choose one of {known}, or give a YAML file")
        self.file, self.preset = file.resolve(), file.stem
        self.run = f"runs/{self.preset}"
        asked = environment.get("SEEDS") if config.get("seeds") is None else config["seeds"]
        self.seeds = seeds.count(1 if asked in (None, "") else asked)
        self.chapters = [path.stem for path in dependencies.sources(root)]
        self._check_run()
        own = {name: dependencies.parameter_values(self.source(name)) for name in self.chapters}
        settings = presets.spread(presets.read(file, shelf), own)
        presets.check(file, settings, own)
        self.needs, self.wants_gpu = settings.pop("needs", []), settings.pop("gpu", False)
        self._vary_split = settings.pop("vary_split", False)
        self._backend = environment.get("KERAS_BACKEND") or "tensorflow"
        self._threads = settings.pop("threads", None)
        self.profile = environment.get("PROFILE", "")
        if self.profile and not (root / "profiles" / self.profile / "config.yaml").is_file():
            known = ", ".join(sorted(path.parent.name for path in root.glob("profiles/*/config.yaml")))
            raise PlanError(f"PROFILE={self.profile}: no such folder in profiles/ with a config.yaml; known: {known}")
        said = {name: value for section in settings.values() for name, value in (section or {}).items()}
        sources = {
            name: (config.get(variable(name).lower()), environment.get(variable(name)), said.get(name)) for name in DATA
        }
        found = {name: next(filter(None, values), None) for name, values in sources.items()}
        self.given = {name: str(Path(value).expanduser()) for name, value in found.items() if value}
        if not rehearsal:
            self._check_needs(file)
        self._parameters = {name: self._settle(file, name, settings.get(name) or {}, own) for name in self.chapters}
        if not rehearsal:
            self._check_table(file)

    def _check_run(self) -> None:
        place = self.root / self.run
        while not place.exists():
            place = place.parent
        if not (place.is_dir() and os.access(place, os.W_OK)):
            raise PlanError(f"{place}: no folder that can be written to; make it one (or move away what is there)")
        shelved = self.root / "presets" / f"{self.preset}.yml"
        owner = self._owner.read_text().strip() if self._owner.is_file() else ""
        for other in filter(None, (str(shelved), owner)):
            if (place := self.root / other).is_file() and place.resolve() != self.file:
                raise PlanError(
                    f"{self.file}: {self.run} is the run of {other}, a preset of the same file name; "
                    f"give this one a file name of its own"
                )

    @property
    def _owner(self) -> Path:
        return self.root / self.run / "preset.txt"

    def claim(self) -> None:
        """Write into the run folder which preset it belongs to."""
        self._owner.parent.mkdir(parents=True, exist_ok=True)
        here = self.file.is_relative_to(self.root.resolve())
        self._owner.write_text(f"{self.file.relative_to(self.root.resolve()) if here else self.file}\n")

    def source(self, chapter: str) -> Path:
        """Give the MyST source of a chapter."""
        return self.root / "notebooks" / f"{chapter}.md"

    def _check_needs(self, file: Path) -> None:
        missing = [variable(name) for name in self.needs if name not in self.given]
        if missing:
            raise PlanError(
                f"{file}: this preset needs {' and '.join(missing)}; "
                f"for example: make book PRESET={self.preset} {' '.join(f'{name}=path/to/it' for name in missing)}"
            )

    def _check_table(self, file: Path) -> None:
        played = "own" in self.sets().values()
        if "cohort_table" in self.given and not played:
            raise PlanError(
                f"{file}: COHORT is given, and no chapter of this preset reads it; take PRESET=own, or set restoration "
                "or classification of 01-preprocessing to own"
            )
        if played and "cohort_table" not in self.given:
            raise PlanError(f"{file}: a part is played by your own table; give it: COHORT=path/to/table.csv")

    def sets(self) -> dict[str, str]:
        """Give which data set plays each purpose: "kermany", "vindr" or "own"."""
        first = self.values("01-preprocessing") if "01-preprocessing" in self.chapters else {}
        return {purpose: first.get(purpose, "") for purpose in ("restoration", "classification")}

    def _settle(self, file: Path, chapter: str, section: dict, own: Mapping[str, Mapping[str, Any]]) -> dict:
        at_home = {name: value for name, value in section.items() if isinstance(value, str) and value.startswith("~")}
        section = section | {name: str(Path(value).expanduser()) for name, value in at_home.items()}
        data = {name: path for name, path in self.given.items() if name in own[chapter]}
        for name, path in data.items():
            if path != "imagenet" and not (self.root / path).exists():
                here = f"{file}: {chapter}: {name}: {path}" if path == section.get(name) else f"{variable(name)}={path}"
                raise PlanError(f"{here}: no such file or folder, seen from the project root")
        if (left_out := section.get("vindr_exclude")) and not (self.root / left_out).is_file():
            raise PlanError(
                f"{file}: {chapter}: vindr_exclude is {left_out!r}; no such file, seen from the project root"
            )
        return {"run": self.run, **section, **data}

    @property
    def runs(self) -> list[str]:
        """Give the run folder of each seed, that of the book first."""
        return [seeds.folder(self.run, number) for number in range(1, self.seeds + 1)]

    @cached_property
    def replicated(self) -> list[str]:
        """List the chapters that each seed executes for itself."""
        return seeds.replicated({name: self.declared(name).needs for name in self.chapters}, self._vary_split)

    def jobs(self) -> list[tuple[str, str]]:
        """List all that is executed: run folder and chapter, the book's own run first."""
        others = [(run, name) for run in self.runs[1:] for name in self.replicated]
        return [(self.run, name) for name in self.chapters] + others

    def upstream(self, chapter: str, run: str) -> list[str]:
        """Give the folders of the chapters that a chapter needs, for one seed's run folder."""
        return [f"{run if name in self.replicated else self.run}/{name}" for name in self.declared(chapter).needs]

    def parameters(self, chapter: str, run: str = "") -> dict:
        """Give the values that replace those of a chapter's own cell; for one seed's run folder, with its seed."""
        values = dict(self._parameters[chapter])
        if run in ("", self.run):
            return values
        number = int(run.rpartition("-")[2])
        return values | {"run": run} | seeds.value(self.values(chapter).get("seed"), number)

    def values(self, chapter: str) -> dict[str, Any]:
        """Give the value of each parameter of a chapter in this preset: the chapter's own, or what replaces it."""
        return dependencies.parameter_values(self.source(chapter)) | self._parameters[chapter]

    def declared(self, chapter: str) -> dependencies.Declared:
        """Give what a chapter's front matter declares."""
        return dependencies.declared(self.source(chapter))

    def threads(self, chapter: str) -> int:
        """Give the number of threads that a chapter computes with.

        It is the preset's if that has one, else the cores of this machine; on a cluster, where the machine that plans
        is not the one that computes, it is what the chapter's front matter asks for.
        """
        return self._threads or (self.declared(chapter).threads if self.profile else cores())

    def gpus(self, chapter: str) -> int | None:
        """Give the number of GPUs that a cluster is asked for; None, which asks for nothing, if that is 0."""
        return self.declared(chapter).gpus or None if self.wants_gpu else None

    def made_from(self, chapter: str, run: str = "") -> str:
        """Give what decides whether a chapter is executed again, as JSON of one line.

        Args:
            chapter: Its name.
            run: The run folder of one seed; without it, that of the book.

        Returns:
            `code` (one fingerprint of the code cells), `parameters` (those that replace the chapter's own), `data`
            (fingerprints of every parameter that is an existing path), `modules` (fingerprints of those of `PACKAGES`
            that the chapter uses, imports of imports too) and `surroundings` (Keras's backend, number of threads); of
            another seed than the first also `shared`, the chapters that it reads and shares with the first.
        """
        source, parameters = self.source(chapter), self.parameters(chapter, run)
        values = self.values(chapter) | parameters
        free = {name: value for name, value in values.items() if name not in ("run", *presets.CHOICES)}
        texts = {name: Path(value) for name, value in free.items() if isinstance(value, str) and value}
        given = {name: path for name, path in texts.items() if path.name == "imagenet" or (self.root / path).exists()}
        made = {
            "code": dependencies.code_fingerprint(source),
            "parameters": parameters,
            "data": {name: dependencies.given_fingerprint(name, self.root / path) for name, path in given.items()},
            "modules": dependencies.module_fingerprints(source, self.root, self._imports),
            # One core gives other last digits than two, and so does another backend.
            "surroundings": {"backend": self._backend, "threads": self.threads(chapter)},
        }
        if run not in ("", self.run):
            made["shared"] = [name for name in self.declared(chapter).needs if name not in self.replicated]
        return json.dumps(made, sort_keys=True)

    def disown(self) -> list[str]:
        """Put aside the records of chapters that were made from something else where Snakemake cannot know it.

        So it is in a run folder that was copied here: Snakemake has no record of its making, and would take it as it
        is. A chapter without its record, which is one of its outputs, is executed again.

        Returns:
            The chapters; what they were made from is in `executed/NAME.elsewhere.json`.
        """
        made, found = self.root / ".snakemake" / "metadata", []
        for run, name in self.jobs():
            path = f"{run}/executed/{name}.json"  # as Snakemake spells it, and encodes it for its own record
            record = self.root / path
            known = (made / urlsafe_b64encode(path.encode()).decode()).exists()
            if record.is_file() and not known and record.read_text() != self.made_from(name, run):
                record.replace(record.with_suffix(".elsewhere.json"))
                found.append(f"{run}/{name}".removeprefix(f"{self.run}/"))
        return found

    @cached_property
    def _imports(self) -> ImportGraph:
        return dependencies.import_graph(self.root, PACKAGES)

    def origins(self) -> dict[str, str]:
        """Origin of each purpose's images in this run, "synthetic" or "real"."""
        given = {"own" if name == "cohort_table" else name for name in self.given}
        return {purpose: "real" if name in given else "synthetic" for purpose, name in self.sets().items()}

    def banner(self) -> str:
        """One line for the head of every page: what the numbers were made from, and what they are not for."""
        table = Path(self.given.get("cohort_table", "")).name
        return banner.line(self.sets(), self.origins(), table, self.seeds)

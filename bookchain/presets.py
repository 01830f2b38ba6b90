"""Presets: YAML files with a section a chapter, read and held against what the chapters' own parameters are."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

OWN = {
    "needs": list,
    "gpu": bool,
    "threads": int,
    "vary_split": bool,
}  # what a preset says of itself, beside its chapters

CHOICES = {
    "restoration": ("kermany", "own"),
    "classification": ("vindr", "kermany", "own"),
    "target": ("abnormal", "bacterial"),
    "patient_key": ("number", "number and type"),
    "unlabelled": ("exclude", "abnormal", "normal"),
    "noise_scale": ("std", "variance"),
    "noise_channels": (1, 3),
    "optimizer": ("adam", "sgd"),
    "reading": ("features", "logits"),
    "weighting": ("softmax", "increase"),
    "attention": ("sigmoid", "softmax"),
    "interval": ("wald", "wilson", "clopper-pearson"),
}
"""The values that a parameter may have, where these can be counted."""

SHARE, COUNT, POSITIVE = (0, 1), (1, math.inf), (1e-12, math.inf)
RANGES = {
    **dict.fromkeys(("synthetic_abnormal", "margin", "momentum", "threshold", "thresholds", "specificities"), SHARE),
    **dict.fromkeys(("epochs", "restoration_epochs", "segmenter_epochs", "photograph_epochs"), COUNT),
    **dict.fromkeys(("segmenter_images", "segmenter_filters", "photograph_crops", "deletion_images"), COUNT),
    **dict.fromkeys(("batch_size", "patience", "idle_steps", "starts", "resamples", "max_images"), COUNT),
    **dict.fromkeys(("synthetic_kermany", "synthetic_vindr", "strength_images", "figure_kernel"), COUNT),
    **dict.fromkeys(("learning_rate", "segmenter_rate", "width", "restoration_width"), POSITIVE),
    **dict.fromkeys(("image_size", "synthetic_size"), (16, math.inf)),
    "segmenter_size": (96, math.inf),  # below it Inception-V3 has no pixels left
    "significance_level": (1e-12, 0.5),
    "initial_fuzziness": (-math.inf, math.inf),
    "seed": (0, 2**32 - 1),  # NumPy's
}
"""Lowest and highest value, of each number in a list too; a number without a line here may be 0 or more."""

POOLED = 16  # side, in pixels of an image, of one place of VGG-16's deepest maps
OTHER_WORDS = {"threshold": ("otsu",), "thresholds": ("otsu",)}  # words that stand in a number's place
AS_LONG = ("synthetic_kermany", "synthetic_vindr", "restoration_sizes", "classification_sizes")  # as the chapter's

NEEDED = {"tasks": ("denoising", "deblurring")}  # what a list must hold for the text's sake


class PlanError(ValueError):
    """A preset or a given path that no chapter can be executed with."""


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-4 is a number, as everyone means it and YAML 1.2 says, and no name is given twice."""

    def construct_mapping(self, node, deep=False):
        names = [key.value for key, _ in node.value]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise yaml.MarkedYAMLError(problem=f"{twice[0]!r} is there twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read(file: Path, shelf: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a preset; one that `extends` another takes over what it does not say itself, parameter by parameter.

    Args:
        file: The YAML file.
        shelf: The folder of the book's own presets: what a preset extends is looked for beside it, then here.
        above: The files that extend this one.

    Returns:
        Sections by chapter, and what of `OWN` is said.

    Raises:
        PlanError: If a file is no YAML with sections, or extends one that is not there, or in a circle.
    """
    if file.resolve() in above:
        circle = " -> ".join(path.name for path in (*above, file))
        raise PlanError(f"{file}: extends itself ({circle}); let one of them extend another preset, or none")
    try:
        settings = _Loader(file.read_bytes()).get_single_data() or {}
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise PlanError(f"{file}: no valid YAML ({' '.join(str(error).split())}); correct it") from error
    if not isinstance(settings, dict):
        raise PlanError(f"{file}: no sections by chapter; see presets/kermany.yml")
    if (base := settings.pop("extends", None)) is None:
        return settings
    parent = next((path for path in (file.parent / f"{base}.yml", shelf / f"{base}.yml") if path.is_file()), None)
    if parent is None:
        raise PlanError(f"{file}: extends {base!r}, but no {base}.yml is beside it or in presets/; correct the name")
    merged = read(parent, shelf, (*above, file.resolve()))
    for name, section in settings.items():
        both = isinstance(section, dict) and isinstance(merged.get(name), dict)
        merged[name] = {**merged[name], **section} if both else section
    return merged


def spread(settings: Mapping[str, Any], chapters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Give a parameter that is outside the sections to all chapters that have it; a section's own value wins.

    Args:
        settings: What `read` gives.
        chapters: The chapters' own parameters: values by name, by chapter.

    Returns:
        The settings, with such a parameter in the sections alone.

    >>> spread({"seed": 1, "02": {"seed": 2}}, {"01": {"seed": 0}, "02": {"seed": 0}})
    {'02': {'seed': 2}, '01': {'seed': 1}}
    """
    known = {name for own in chapters.values() for name in own} - {"run", *OWN, *chapters}
    shared = {name: value for name, value in settings.items() if name in known}
    sections = {name: value for name, value in settings.items() if name not in shared}
    for chapter, own in chapters.items():
        if fitting := {name: value for name, value in shared.items() if name in own}:
            section = sections.get(chapter) or {}
            sections[chapter] = {**fitting, **section} if isinstance(section, dict) else section
    return sections


def check(file: Path, settings: Mapping[str, Any], chapters: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse what no chapter could be executed with.

    Args:
        file: The preset, for messages.
        settings: What `read` gives.
        chapters: The chapters' own parameters: values by name, by chapter.

    Raises:
        PlanError: With file, chapter and name, if one is unknown, or a value has another type or is out of range.
    """
    for name, section in settings.items():
        if name in OWN:
            if type(section) is not OWN[name] or (name == "threads" and section < 1):
                raise PlanError(f"{file}: {name} is {section!r}; give {_word(OWN[name]())}")
            continue
        if name not in chapters:
            known = ", ".join(chapters)
            raise PlanError(f"{file}: no chapter {name!r}, nor a parameter of one; the chapters are {known}")
        if not isinstance(section, dict | None):
            raise PlanError(f"{file}: {name} is {section!r}; give its parameters, one a line, as `name: value`")
        known = {parameter: value for parameter, value in chapters[name].items() if parameter != "run"}
        for parameter, value in (section or {}).items():
            if parameter not in known:
                raise PlanError(f"{file}: {name} has no parameter {parameter!r}; it knows {', '.join(known)}")
            if fault := fault_of(parameter, value, known[parameter]):
                raise PlanError(f"{file}: {name}: {parameter} is {value!r}; {fault}")


def fault_of(name: str, value: Any, own: Any) -> str:
    """Say what a parameter must be, or nothing if it is so; `own` is the chapter's value.

    >>> fault_of("epochs", 0, 4), fault_of("learning_rate", 1, 1e-3)
    ('give 1 or more', '')
    """
    if isinstance(own, list):
        if not isinstance(value, list) or not value:
            return f"give a list, such as {own}"
        if name in AS_LONG and len(value) != len(own):
            return f"give {len(own)} values, such as {own}"
        if missing := [item for item in NEEDED.get(name, ()) if item not in value]:
            return f"the text needs {' and '.join(missing)}, too"
        faults = (min((fault_of(name, item, one) for one in own), key=len) for item in value)
        if fault := next(filter(None, faults), ""):
            return f"each of its values: {fault}"
        shares = name.endswith("_sizes") and not all(isinstance(item, int) for item in value)
        return "give whole numbers of images, or shares that add up to 1" if shares and sum(value) > 1 + 1e-9 else ""
    if value in OTHER_WORDS.get(name, ()):
        return ""
    # A whole number does for a fraction, but not a fraction for a whole number, and True is not 1.
    number = isinstance(own, float) or name in AS_LONG[2:]
    if type(value) not in ({int, float} if number else {type(own)}):
        return f"give {_word(own)}, such as {own!r}"
    if name == "tasks":
        from cxrlib.restoration.tasks import TASKS  # here, since it takes time and few presets name tasks

        return "" if value in TASKS else f"give some of {', '.join(map(repr, TASKS))}"
    if name in CHOICES:
        return "" if value in CHOICES[name] else f"give one of {', '.join(map(repr, CHOICES[name]))}"
    if isinstance(value, str | bool):
        return ""
    if name == "image_size" and value % POOLED:
        return f"give a multiple of {POOLED}, for four poolings"
    low, high = RANGES.get(name, (0, math.inf))
    if low <= value <= high and math.isfinite(value):
        return ""
    lowest = "more than 0" if low == POSITIVE[0] else f"{low} or more"
    return f"give {lowest}" if high == math.inf else f"give {low:g} to {high:g}"


def _word(value: Any) -> str:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}
    return words[type(value)]

"""What a whole run would take, from the few steps of a rehearsal: hours of training, and disk."""

import math
from collections.abc import Mapping

import pandas as pd

from bookchain.plan import Plan
from cxrlib.data.listing import read_table
from cxrlib.evaluation.published import TABLE_1

PREPROCESSING = "01-preprocessing"
PRINTED = {"kermany": "pneumonia", "vindr": "VinDr-PCXR"}  # as Table 1 calls them


def training_images(plan: Plan) -> dict[str, int]:
    """Estimate the training images of each purpose in the whole run, from the preset and the published sizes.

    Args:
        plan: The preset's plan.

    Returns:
        Images by purpose, "segmenter" and "photographs" among them; where data are split by fractions and not given,
        of the sizes in the paper's Table 1.
    """
    first, third, fourth = map(plan.values, (PREPROCESSING, "03-pretext-learning", "04-classification"))
    sizes = first["restoration_sizes"]
    total = images_of(plan, first["restoration"])
    if first["restoration"] != "own" and sum(sizes) > 1:
        total = int(sum(sizes))
    found = {"restoration": _part(sizes, total, 0)}
    if first["classification"] == first["restoration"]:  # two halves, the test in that of the classifiers
        half = total // 2
        found["pretext"] = round(0.9 * half)
        found["classification"] = round(0.9 * half) - _part(sizes, total, 2)
    else:
        found["pretext"] = found["restoration"]
        other = images_of(plan, first["classification"])
        found["classification"] = _part(first["classification_sizes"], other, 0)
    for purpose, limit in (("pretext", third["pretext_images"]), ("classification", fourth["training_images"])):
        found[purpose] = min(limit or found[purpose], found[purpose])
    return found | {"segmenter": first["segmenter_images"], "photographs": round(0.8 * fourth["photograph_crops"])}


def images_of(plan: Plan, data_set: str) -> int:
    """Count the images of a data set in the whole run.

    Args:
        plan: The preset's plan.
        data_set: "kermany" or "vindr", of the size in the paper's Table 1 or as many as are drawn; or "own", the
            reader's table, which has none where it is not given.
    """
    if data_set == "own":
        given = plan.given.get("cohort_table")
        return len(read_table(plan.root / given, ("path",))[0]) if given else 0
    if data_set in {*plan.needs, *plan.given}:
        return TABLE_1[PRINTED[data_set]]["images"]
    return sum(plan.values(PREPROCESSING)[f"synthetic_{data_set}"])


def _part(sizes: list[float], total: int, place: int) -> int:
    return int(sizes[place]) if sum(sizes) > 1 else round(sizes[place] * total)


def trainings(plan: Plan, networks: pd.DataFrame) -> pd.Series:
    """Count how often each network of a rehearsal is trained in the whole run: once, or once a seed."""
    return networks["chapter"].isin(plan.replicated) * (plan.seeds - 1) + 1


def hours(networks: pd.DataFrame, images: Mapping[str, int]) -> pd.Series:
    """Return the hours that one training of each network would take, its validation not counted.

    Args:
        networks: What `rehearse` gives.
        images: What `training_images` gives.
    """
    found = []
    for row in networks.itertuples():
        purpose = next((name for name in images if row.network.startswith(name)), "classification")
        steps = math.ceil(images[purpose] / row.batch) * row.epochs
        found.append(steps * networks.at[row.Index, "seconds a step"] / 3600)
    return pd.Series(found, index=networks.index)


def disk(plan: Plan, networks: pd.DataFrame) -> float:
    """Estimate the gigabytes that a run leaves and needs on the way: arrays of images, models, checkpoints."""
    first = plan.values(PREPROCESSING)
    count = sum(images_of(plan, data_set) for data_set in set(plan.sets().values()))
    arrays = 3 * count * first["image_size"] ** 2 * (plan.seeds if PREPROCESSING in plan.replicated else 1)
    models = 4 * (networks.weights * trainings(plan, networks)).sum()
    checkpoints = 2 * 3 * 4 * networks.weights.max()  # two epochs, each with the two moments that Adam keeps
    return float(arrays + models + checkpoints) / 1024**3

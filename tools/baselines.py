"""Score classifiers that know next to nothing on the Kermany set: `python tools/baselines.py CHEST_XRAY OUT`.

Cross-validated by child, numbers only. Where a CSV with `file`, `width` and `height` of the originals is given (the
lung masks' mask_map.csv), the frame's geometry is scored as well.
"""

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from bookchain.provenance import environment  # noqa: E402
from cxrlib.data import checking  # noqa: E402
from cxrlib.data.images import read_image  # noqa: E402
from cxrlib.evaluation import baselines, roc  # noqa: E402


def main() -> None:
    """Write one table of areas under the ROC curve, and what made it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the Kermany set")
    parser.add_argument("out", type=Path, help="folder for the table and its provenance")
    parser.add_argument("--sizes", type=Path, help="CSV of the originals' sizes; default: those of the files")
    given = parser.parse_args()
    started = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    report = checking.check(given.data)
    cohort = report.frame.reset_index(drop=True)
    if given.sizes:
        sizes = pd.read_csv(given.sizes).set_index("file")
        sizes.index = sizes.index.str.replace(r"\.\w+$", "", regex=True)
        cohort[["width", "height"]] = sizes[["width", "height"]].reindex(cohort.image).to_numpy()
    values = [
        (baselines.pixels(film), baselines.grey_values(film)) for film in (read_image(p)[None] for p in cohort.path)
    ]
    features = dict(
        zip((baselines.PIXELS, baselines.GREYS), map(np.concatenate, zip(*values, strict=True)), strict=True)
    )
    features[baselines.FRAME] = baselines.frame_geometry(cohort)
    ill = cohort.label == 1
    rows = []
    for question, chosen, labels in (
        ("normal or pneumonia", cohort.label >= 0, cohort.label),
        ("bacterial or viral", ill, (cohort.finding == "bacterial pneumonia").astype(int)),
    ):
        for name, found in features.items():
            known = chosen & np.isfinite(found).all(axis=1)
            predicted = baselines.cross_validated(found[known], labels[known], cohort.patient[known])
            area = roc.roc_auc(labels[known], predicted)
            limits = {key: f"{area[key]:.3f}" for key in ("auc", "low", "high")}
            rows.append({"question": question, "known": name, "images": int(known.sum()), **limits})
    given.out.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(rows).rename(columns={"auc": "AUC"})
    frame.to_csv(given.out / "areas.csv", index=False, lineterminator="\n")
    data = {"dataset": "kermany", "images": len(cohort), "origin": "real", "sha256": report.fingerprint()}
    record = {"data sets": [data], "started": started, **environment(ROOT)}
    (given.out / "provenance.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Score the inputs of Table 2 in every reading of the text, from full-size films, numbers only.

python tools/readings.py path/to/chest_xray book/reference/readings-fullsize
"""

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import pandas as pd  # noqa: E402

from bookchain.provenance import environment  # noqa: E402
from cxrlib.data import checking  # noqa: E402
from cxrlib.data.images import read_image  # noqa: E402
from cxrlib.evaluation import published  # noqa: E402
from cxrlib.figures.tables import QUALITY_NAMES  # noqa: E402
from cxrlib.restoration import readings  # noqa: E402


def main() -> None:
    """Write one table a task, the readings nearest to the paper's line, and what made them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the Kermany set, with the original films")
    parser.add_argument("out", type=Path, help="folder for tables and provenance")
    parser.add_argument("--size", type=int, default=224, help="side of the images in pixels")
    parser.add_argument("--seed", type=int, default=20240702)
    given = parser.parse_args()
    started = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    given.out.mkdir(parents=True, exist_ok=True)
    report = checking.check(given.data)
    films = [read_image(path) for path in report.frame.path]
    near = []
    for task, line in published.as_frame(published.TABLE_2).iterrows():
        grid = readings.input_scores(films, given.size, task, given.seed)
        _write(grid, given.out / f"{task}.csv")
        near.append(readings.nearest(grid, line.to_dict()).assign(task=task))
    _write(pd.concat(near).set_index("task").reset_index().drop(columns="distance"), given.out / "nearest.csv")
    heights = [film.shape[0] for film in films]
    record = {
        "data sets": [{"dataset": "kermany", "images": len(films), "origin": "real", "sha256": report.fingerprint()}],
        "height in pixels": [min(heights), max(heights)],
        "settings": {"size": given.size, "seed": given.seed},
        "started": started,
        **environment(ROOT),
    }
    (given.out / "provenance.json").write_text(json.dumps(record, indent=1) + "\n")


def _write(frame: pd.DataFrame, path: Path) -> None:
    frame = frame.replace({"factor": {"std": "deviation"}}).rename(columns=QUALITY_NAMES)
    for name in QUALITY_NAMES.values():
        frame[name] = frame[name].map(f"{{:.{1 if 'dB' in name else 3}f}}".format)
    if "channels" in frame:
        frame["channels"] = frame["channels"].astype("Int64")
    frame.to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    main()

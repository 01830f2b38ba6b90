"""The book's page on what was found: the paper's claims, the evidence, and verdicts that a rule writes."""

from collections.abc import Mapping
from pathlib import Path
from string import Template

import pandas as pd
from pandas.errors import EmptyDataError

from bookchain import seeds_page
from bookchain.collect import INPUT, NETWORK
from cxrlib.evaluation import operating_point, published, verdicts
from cxrlib.evaluation.arms import with_role
from cxrlib.evaluation.verdicts import Verdict
from cxrlib.figures import tables

TEMPLATE = Path(__file__).with_name("templates") / "findings.md"
NOT_MEASURED = Verdict(verdicts.NOT_TESTED, "it measured none of this")
SYNTHETIC = "synthetic children cannot decide it"
REAL = "this run has one training of each arm, and another seed may turn it round"
REAL_SEEDS = "it counts one seed, and [the others](#finding-seeds) may turn it round"


def page(values: Mapping[str, str]) -> str:
    """Write the page, in MyST: its template with what `found` gives."""
    return Template(TEMPLATE.read_text()).substitute(values)


def found(run: Path, reference: Path, origins: Mapping[str, str], seeds: int = 1) -> dict[str, str]:
    """Give what was found, as the words and numbers that templates name.

    Args:
        run: Run folder with the finished chapters. What a run did not measure is said to be so.
        reference: The folder of recorded numbers, `book/reference`.
        origins: "synthetic" or "real" for `restoration` and `classification`, as `Plan.origins` gives them.
        seeds: How many seeds the run has; over several, `bookchain.collect` has left tables.

    Raises:
        FileNotFoundError: Chapter 9's tables or a recorded table are missing.
    """
    values = {"origin": origins["classification"], "restoration_origin": origins["restoration"]}
    real = origins["classification"] == "real"
    values |= {
        "seeds": seeds_page.section(run, seeds),
        "once": "One training of each arm counts here."
        if seeds == 1
        else "This is seed 1; [the others](#finding-seeds) follow it.",
        "trainings": f"this run did so {seeds} times" if real and seeds > 1 else "nobody has done this here",
    }
    values |= _restoration(run, reference) | _models(run) | _pairs(run) | _also_found(run, reference)
    for claim, verdict in {"maps": _maps(run), "transfer": _transfer(run)}.items():
        values |= {
            f"{claim}_word": verdict.word if real else verdicts.NOT_TESTED,
            f"{claim}_because": verdict.because,
            f"{claim}_confidence": "low" if real else "none yet",
            f"{claim}_why": (REAL if seeds == 1 else REAL_SEEDS) if real else SYNTHETIC,
        }
    return values


def _read(run: Path, name: str) -> pd.DataFrame:
    """Read a table of the run; one that it did not make, or made empty, has no rows."""
    try:
        return pd.read_csv(run / f"{name}.csv")
    except (FileNotFoundError, EmptyDataError):
        return pd.DataFrame()


def _gains(scores: pd.DataFrame) -> pd.DataFrame:
    """Give, for each task, what the network adds to its input, and its PSNR over the best filter's.

    Args:
        scores: Columns task, method, psnr and ssim, a line for the input, the network, and each filter.
    """
    rows = {}
    for task, part in scores.groupby("task", sort=False):
        network = part[part.method.str.startswith(NETWORK)].iloc[0]
        before = part[part.method == INPUT].iloc[0]
        filters = part[~part.method.str.startswith(NETWORK) & (part.method != INPUT)]
        over = network.psnr - filters.psnr.max()
        rows[task] = (network.psnr - before.psnr, network.ssim - before.ssim, over)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["psnr", "ssim", "over filters"])


def _restoration(run: Path, reference: Path) -> dict[str, str]:
    printed = published.as_frame(published.TABLE_2)
    names = {shown: name for name, shown in tables.QUALITY_NAMES.items()}
    found = {
        task: verdicts.gain_over_input(
            pd.read_csv(reference / "readings-fullsize" / f"{task}.csv").rename(columns=names),
            printed.loc[task].to_dict(),
        )
        for task in printed.index
    }
    words = {verdict.word for verdict in found.values()}
    word = words.pop() if len(words) == 1 else verdicts.OPEN
    recorded = _gains(pd.read_csv(reference / "restoration-224/scores.csv").rename(columns=names))
    counts = {column: f"{(recorded[column] > 0).sum()} of {len(recorded)}" for column in recorded}
    ours = _read(run, "07-evaluation/table-2")
    told = [
        f"{tables.signed(gain.psnr, 1, plus=True)} dB and {tables.signed(gain.ssim, plus=True)} SSIM ({task})"
        for task, gain in (_gains(ours).iterrows() if len(ours) else ())
    ]
    return {
        "restoration_paper": " and ".join(
            f"{row.psnr:.2f} dB and {row.ssim:.3f} SSIM ({task})" for task, row in printed.iterrows()
        ),
        "restoration_readings": "; ".join(f"in {task}, {verdict.because}" for task, verdict in found.items()),
        "restoration_word": word,
        "restoration_run": f"over its input, {' and '.join(told)}" if told else NOT_MEASURED.because,
        "network_ssim": counts["ssim"],
        "network_psnr": counts["psnr"],
        "network_filter": counts["over filters"],
    }


def _models(run: Path) -> dict[str, str]:
    """Give claims 2 and 3: first by the published counts, then by this run's areas under the ROC curve."""
    audit = {
        name: pd.read_csv(run / f"09-auditing-the-paper/{file}-pairs.csv")
        for name, file in (("J", "youden"), ("d'", "d-prime"))
    }
    printed = published.as_frame(published.TABLE_3)["balanced_accuracy"]
    pretext = [("Baseline", name) for name in with_role(printed.index, "pretext")]
    ensemble = [(name, "A-F") for name in printed.index if name != "A-F"]
    of_pretext, of_ensemble = (verdicts.superior(audit, claimed) for claimed in (pretext, ensemble))
    told = []
    for worse, better in pretext:
        test = verdicts.difference(audit["J"], worse, better)
        p = f"p {tables.p_value(test['p'])}, after Holm {tables.p_value(test['p_holm'])}"
        told.append(f"{tables.signed(test['difference'], plus=True)} for {better} ({p})")
    points = pd.read_csv(run / "09-auditing-the-paper/operating-points.csv").set_index("model")
    youden = points["sensitivity"] + points["specificity"] - 1
    best = operating_point.best_youden(points.loc["Baseline", "d_prime"])
    by_threshold = (best - youden["Baseline"]) / (youden["A-F"] - youden["Baseline"])
    areas = _read(run, "08-significance/areas")
    return {
        "pretext_paper": " and ".join(f"{printed[name]:.3f} ({name})" for _, name in pretext)
        + f" against {printed['Baseline']:.3f}",
        "pretext_youden": " and ".join(told),
        "pretext_because": of_pretext.because,
        "pretext_word": of_pretext.word,
        "pretext_run": _in_run(_read(run, "08-significance/controls"), run, ("baseline",)).because,
        "ensemble_paper": f"{printed['A-F']:.3f}",
        "ensemble_because": of_ensemble.because,
        "ensemble_word": of_ensemble.word,
        "ensemble_run": _beside(areas, run, [(a, b) for a, b in ensemble if _tested(areas, a, b)]).because,
        "by_threshold": f"{by_threshold:.0%}",
    }


def _tested(tests: pd.DataFrame, *models: str) -> bool:
    return len(tests) > 0 and set(models) <= {*tests["model_1"], *tests["model_2"]}


def _beside(tests: pd.DataFrame, run: Path, claimed: list[tuple[str, str]]) -> Verdict:
    return verdicts.superior({"AUC": tests}, claimed, idle=_idle(run)) if claimed else NOT_MEASURED


def _idle(run: Path) -> list[str]:
    """List the networks of the run that did not learn: their numbers describe no method."""
    states = _read(run, "05-ensembles/states")
    return list(states[states["state"].notna()]["model"]) if len(states) else []


def _in_run(controls: pd.DataFrame, run: Path, roles: tuple[str, ...]) -> Verdict:
    """Compare this run's pretext arms with their controls of some roles, by chapter 8's planned tests."""
    if controls.empty:
        return NOT_MEASURED
    planned = list(zip(controls["model_1"], controls["model_2"], strict=True))
    wanted = with_role(controls["model_1"].unique(), *roles)
    return _beside(controls, run, [pair for pair in planned if pair[0] in wanted])


def _pairs(run: Path) -> dict[str, str]:
    found = verdicts.all_pairs_differ(
        pd.read_csv(run / "09-auditing-the-paper/pairs.csv"), published.PAIRS_NOT_SIGNIFICANT
    )
    by_interval = pd.read_csv(run / "09-auditing-the-paper/not-significant.csv")
    alike = (by_interval[["p", "p_holm"]].nunique() == 1).all()
    interval = "whatever interval they take" if alike else "and another interval changes that"
    return {"pairs_because": found.because, "pairs_word": found.word, "pairs_interval": interval}


def _maps(run: Path) -> Verdict:
    scores = _read(run, "06-activation-maps/localisation")
    if scores.empty or scores["row"].nunique() < 2 or "Baseline" not in set(scores["map"]):
        return NOT_MEASURED
    idle = _idle(run)
    arms = [arm for arm in with_role(scores["map"].unique(), "pretext") if arm not in idle]
    return verdicts.closer_to_boxes(scores, arms, "Baseline") if arms else NOT_MEASURED


def _transfer(run: Path) -> Verdict:
    found = _in_run(_read(run, "08-significance/controls"), run, ("random",))
    ablated = _read(run, "03-pretext-learning/ablation")
    if ablated.empty:
        return found
    costs = [
        f"{part['bottleneck']:z.3f} and {part['skip1']:z.3f} ({task})"
        for task, part in ablated.set_index("off").groupby("task", sort=False)["ssim_loss"]
    ]
    told = f". Switching off the deepest block and the first skip costs SSIM: {', '.join(costs)}"
    return Verdict(found.word, found.because + told)


def _also_found(run: Path, reference: Path) -> dict[str, str]:
    misprints = pd.read_csv(run / "09-auditing-the-paper/misprints.csv")
    areas = pd.read_csv(reference / "trivial/areas.csv")
    areas = areas[areas["known"] == "256 pixels"].set_index("question")["AUC"]
    trials = pd.read_csv(reference / "starts/unet.csv").query("width == 1 and rate == 0.001")
    learns = trials.groupby("start")["learns"].agg(["sum", "size"])
    he, glorot = (f"{learns['sum'][start]} of {learns['size'][start]}" for start in ("he_normal", "glorot_uniform"))
    return {
        "misprints": str(len(misprints)),
        "trivial_normal": f"{areas['normal or pneumonia']:.3f}",
        "trivial_bacterial": f"{areas['bacterial or viral']:.3f}",
        "he_learns": he,
        "glorot_learns": glorot,
    }

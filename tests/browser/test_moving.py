"""Pictures that move follow mouse, key and finger, and their numbers are those of the run's own files."""

import re

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect
from scipy.stats import norm
from sklearn import metrics

RUN = "05-ensembles/predictions.csv"
# The paper's Table 3 as counts, from the audit: abnormal images found and missed, normal ones called abnormal and not.
PUBLISHED = {"Baseline": (114, 461, 77, 1097), "A-F": (287, 288, 263, 911)}
FRAME = "picture => [...picture.querySelectorAll('[data-part]')].map(part => part.outerHTML).join('')"


def pictures(page):
    return page.locator("div.moving").all()


@pytest.fixture(scope="session")
def run(site):
    """The run's folder, of which the site is a part."""
    return site.parents[2]


@pytest.fixture
def on_figure(fresh):
    """Function that opens a chapter and gives the picture of a figure."""

    def found(chapter, name, size="wide"):
        page = fresh(f"notebooks/{chapter}.html", size)
        return page.locator(f"figure#{name} div.moving, #{name} div.moving").first

    return found


def number(picture, part):
    return float(
        picture.locator(f"[data-part='{part}']").first.text_content().replace("\N{MINUS SIGN}", "-").rstrip("%")
    )


def drag(page, knob, share):
    box = knob.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * share, middle, steps=4)
    page.mouse.up()


@pytest.mark.parametrize("size", ["wide", "phone"])
def test_every_picture_follows_keys_and_mouse_and_goes_back(chapter, fresh, soups, size):
    if not soups(chapter).select("div.moving"):
        pytest.skip("no such picture on this page")
    page = fresh(chapter, size)
    for picture in pictures(page):
        picture.scroll_into_view_if_needed()
        knob = picture.locator("input[type=range]")
        expect(knob).to_have_accessible_name(re.compile(r"\w{3,}"))
        first = picture.evaluate(FRAME)
        last = knob.get_attribute("max")
        seen = []
        for key, position in (("Home", "0"), ("ArrowRight", "1"), ("End", last)):
            knob.press(key)
            assert knob.input_value() == position
            words = picture.locator(".moving-control b").text_content()
            assert knob.get_attribute("aria-valuetext") == words
            seen.append(picture.evaluate(FRAME))
        drag(page, knob, 0.25)
        assert int(knob.input_value()) == pytest.approx(int(last) / 4, abs=0.06 * int(last) + 0.5)
        seen.append(picture.evaluate(FRAME))
        at_first, _, at_last, dragged = seen  # the second may show the same as a neighbour
        assert at_last not in (at_first, dragged)
        if picture.locator("select").count():
            picture.locator("select").select_option(index=1)
            assert picture.evaluate(FRAME) != seen[-1]
        picture.get_by_role("button").click()
        assert picture.evaluate(FRAME) == first


def test_every_picture_follows_a_finger(chapter, browser, address, soups):
    if not soups(chapter).select("div.moving"):
        pytest.skip("no such picture on this page")
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(address + chapter)
    for picture in pictures(page):
        knob = picture.locator("input[type=range]")
        knob.scroll_into_view_if_needed()
        box, before = knob.bounding_box(), picture.evaluate(FRAME)
        assert box["height"] >= 44, "a finger's reach"
        page.touchscreen.tap(box["x"] + box["width"] * 0.05, box["y"] + box["height"] / 2)
        expect(knob).not_to_have_value(knob.get_attribute("data-start"))
        assert picture.evaluate(FRAME) != before
    context.close()


def test_without_a_script_the_picture_stands_still_without_controls(chapter, browser, address, soups):
    if not soups(chapter).select("div.moving"):
        pytest.skip("no such picture on this page")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + chapter)
    for picture in pictures(page):
        expect(picture.locator(".moving-controls")).to_be_hidden()
        empty = [
            part
            for part in picture.locator("[data-part]").all()
            if not part.evaluate("part => part.textContent || part.getAttributeNames().length > 1")
        ]
        assert not empty
    context.close()


def test_a_threshold_shows_the_counts_and_scores_of_the_runs_predictions(run, on_figure):
    predictions = pd.read_csv(run / RUN)
    test = predictions[predictions.split == "test"]
    picture = on_figure("07-evaluation", "fig-threshold")
    choice, knob = picture.locator("select"), picture.locator("input[type=range]")
    for position, name in enumerate(choice.locator("option").all_text_contents()):
        model = name.partition(" (")[0].strip()
        model = model if model in test else name
        choice.select_option(index=position)
        for keys in (("Home",), ("PageUp", "PageUp"), ("End", "ArrowLeft", "ArrowLeft")):
            for key in keys:
                knob.press(key)
            called = test[model] >= float(knob.get_attribute("aria-valuetext"))
            (tn, fp), (fn, tp) = metrics.confusion_matrix(test.label, called, labels=[False, True])
            assert [number(picture, count) for count in ("tp", "fn", "fp", "tn")] == [tp, fn, fp, tn]
            expected = {
                "balanced_accuracy": metrics.balanced_accuracy_score(test.label, called),
                "sensitivity": tp / (tp + fn),
                "specificity": tn / (tn + fp),
                "f_score": metrics.f1_score(test.label, called, zero_division=0),
                "mcc": metrics.matthews_corrcoef(test.label, called),
                "kappa": metrics.cohen_kappa_score(test.label, called),
                "youden": tp / (tp + fn) + tn / (tn + fp) - 1,
            }
            assert {score: number(picture, score) for score in expected} == pytest.approx(expected, abs=6e-4)
            frame, point = (picture.locator(part).first.bounding_box() for part in ("svg", "[data-part=point]"))
            scale = frame["width"] / 358
            across = ((point["x"] + point["width"] / 2 - frame["x"]) / scale - 44) / 300
            assert across == pytest.approx(fp / (fp + tn), abs=0.01)


def test_a_published_point_moves_on_its_binormal_curve_alone(on_figure):
    picture = on_figure("09-auditing-the-paper", "fig-published-threshold")
    choice, knob = picture.locator("select"), picture.locator("input[type=range]")
    expect(choice.locator("option")).to_have_count(6)
    for model, (tp, fn, fp, tn) in PUBLISHED.items():
        picture.get_by_role("button").click()
        choice.select_option(label=model)
        assert [number(picture, count) for count in ("tp", "fn", "fp", "tn")] == [tp, fn, fp, tn]
        assert knob.get_attribute("aria-valuetext") == "published"
        for _ in range(6):
            knob.press("ArrowLeft")
        assert knob.get_attribute("aria-valuetext") == "0.30 SD laxer: model"
        sensitivity = norm.cdf(norm.ppf(tp / (tp + fn)) + 0.3)
        specificity = norm.cdf(norm.ppf(tn / (fp + tn)) - 0.3)
        assert number(picture, "sensitivity") == pytest.approx(sensitivity, abs=0.002)
        assert number(picture, "specificity") == pytest.approx(specificity, abs=0.002)


def test_a_cut_shows_the_box_and_iou_of_the_runs_map(run, on_figure):
    stored = np.load(run / "06-activation-maps/maps.npz")
    picture = on_figure("06-activation-maps", "fig-cut")
    choice, knob = picture.locator("select"), picture.locator("input[type=range]")
    # Which of the measured images it is, the page does not say: the one whose boxes are drawn.
    drawn = (
        picture.locator("svg")
        .last.locator("rect:not([data-part])")
        .evaluate_all(
            "boxes => boxes.map(box => ['x', 'y', 'width', 'height'].map(side => Number(box.getAttribute(side))))"
        )
    )
    if not drawn:
        pytest.skip("this run has no boxes")
    left, top, *_ = np.min(drawn, axis=0)
    right, bottom = np.max(np.array(drawn)[:, :2] + np.array(drawn)[:, 2:], axis=0)
    boxes = pd.read_csv(run / "01-preprocessing/boxes.csv")
    around = boxes.groupby("row").agg({"x_min": "min", "y_min": "min", "x_max": "max", "y_max": "max"})
    (row,) = around[np.isclose(around, (left, top, right, bottom), atol=1e-3).all(axis=1)].index
    place = list(stored["rows"]).index(row)
    for position, name in enumerate(choice.locator("option").all_text_contents()):
        choice.select_option(index=position)
        heat = stored[name][place]
        for key in ("Home", "PageUp", "End"):
            knob.press(key)
            down, across = np.nonzero(heat >= float(knob.get_attribute("aria-valuetext")) * heat.max())
            box = across.min(), down.min(), across.max() + 1, down.max() + 1
            shared = max(0, min(box[2], right) - max(box[0], left)) * max(0, min(box[3], bottom) - max(box[1], top))
            both = (box[2] - box[0]) * (box[3] - box[1]) + (right - left) * (bottom - top) - shared
            assert number(picture, "iou") == pytest.approx(shared / both, abs=0.0051)
            shown = [float(picture.locator("rect[data-part=box]").first.get_attribute(side)) for side in ("x", "y")]
            assert shown == [box[0], box[1]]


@pytest.mark.parametrize(("figure", "first"), [("fig-noise-slider", "0.02"), ("fig-blur-slider", "3 × 3")])
def test_a_stronger_corruption_has_lower_scores(on_figure, figure, first):
    """The scores are those of the picture: PSNR is computed anew from what the browser shows."""
    picture = on_figure("02-noise-and-blur", figure)
    knob, film = picture.locator("input[type=range]"), picture.locator("image")
    grey = """async address => {
        const image = new Image();
        image.src = address;
        await image.decode();
        const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        return [...context.getImageData(0, 0, image.width, image.height).data].filter((_, place) => place % 4 == 0);
    }"""
    knob.press("Home")
    assert picture.locator("[data-part=psnr]").text_content() == "∞"
    clean = np.array(picture.page.evaluate(grey, film.get_attribute("href"))) / 255
    scores = []
    for _ in range(int(knob.get_attribute("max"))):
        knob.press("ArrowRight")
        if not scores:
            assert knob.get_attribute("aria-valuetext") == first
        seen = np.array(picture.page.evaluate(grey, film.get_attribute("href"))) / 255
        scores.append([number(picture, score) for score in ("psnr", "ssim", "haarpsi")])
        assert scores[-1][0] == pytest.approx(-10 * np.log10(np.mean((seen - clean) ** 2)), abs=0.15)
    assert (np.diff(scores, axis=0) < 0).all()


@pytest.mark.parametrize("size", ["wide", "phone"])
def test_a_film_is_large_enough_to_be_looked_at(chapter, fresh, size):
    films = fresh(chapter, size).locator(".films svg, .moving-picture svg:has(image)")
    small = [box["width"] for film in films.all() if film.is_visible() and (box := film.bounding_box())["width"] < 224]
    assert small == []


def test_the_banner_is_one_short_line_that_leads_to_what_it_means(name, soups):
    (banner,) = soups(name).select(".bd-header-announcement__content")
    assert len(banner.get_text()) < 300
    assert "clinical use" in banner.get_text()
    assert banner.a["href"].endswith(("provenance.html", "#"))
    assert banner.a.get_text() == "What is this?"


def test_the_pictures_are_on_their_pages(site):
    """So that no test above is skipped for want of a picture."""
    found = {}
    for path in site.glob("notebooks/*.html"):
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        found[path.stem[:2]] = len(page.select("div.moving"))
    assert {chapter: found[chapter] for chapter in ("02", "06", "07", "09")} == {"02": 2, "06": 1, "07": 1, "09": 1}

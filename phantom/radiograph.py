"""One synthetic chest radiograph, from child, view and findings."""

from dataclasses import dataclass

import cv2
import numpy as np

from phantom.anatomy import Anatomy, View, draw_anatomy, draw_view
from phantom.canvas import Canvas
from phantom.lesions import FINDINGS, enlarge_heart, heart_box, paint
from phantom.physics import detect, display, transmit
from phantom.skeleton import draw_skeleton
from phantom.thorax import Thorax
from phantom.vessels import draw_vessels


@dataclass(frozen=True)
class Radiograph:
    """A synthetic radiograph with its annotations.

    Attributes:
        image: float32 (H, W) in [0, 1], bone bright.
        lung_mask: bool (H, W), both lungs, including the part behind the heart.
        boxes: (finding, x_min, y_min, x_max, y_max) in pixels, max exclusive, inside the frame.
        findings: Names of the findings, as in VinDr-PCXR; empty for a healthy child.
        severities: 0 (barely visible) to 1, one per finding.
        anatomy: The child, before disease changed it.
        view: The exposure.
    """

    image: np.ndarray
    lung_mask: np.ndarray
    boxes: list[tuple[str, int, int, int, int]]
    findings: tuple[str, ...]
    severities: tuple[float, ...]
    anatomy: Anatomy
    view: View


def draw_radiograph(
    rng: np.random.Generator,
    size: int = 256,
    findings: tuple[str, ...] = (),
    anatomy: Anatomy | None = None,
    view: View | None = None,
    severity: float | None = None,
    mildest: float = 0.0,
) -> Radiograph:
    """Return a synthetic frontal chest radiograph of a child of one to five years.

    Path lengths of soft tissue and bone are computed from the child's geometry, and `phantom.physics` turns them into
    an image. The same generator state gives the same child, view and noise for all findings, so images with and without
    a lesion can be compared. Lesions belong to the child: with the same `anatomy` they have the same place on every
    film.

    Args:
        rng: Generator, from which four numbers are drawn.
        size: Height of the image in pixels, 32 or more; the width is 1.0 to 1.45 times that.
        findings: Names from `lesions.FINDINGS`; none for a healthy child.
        anatomy: The child; random by default.
        view: The exposure; random by default.
        severity: Severity of every finding, 0 to 1; by default random, from `mildest` to 1.
        mildest: Least random severity, 0 (barely visible) to 1.

    Raises:
        ValueError: A finding is unknown, or a size or severity is out of range.
    """
    unknown = [finding for finding in findings if finding not in FINDINGS]
    if unknown:
        raise ValueError(f"cannot draw the findings {unknown}; use names from {sorted(FINDINGS)}")
    if size < 32:
        raise ValueError(f"size is {size} pixels; a chest needs at least 32")
    for name, value in (("severity", severity), ("mildest", mildest)):
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}; give a value from 0 to 1")
    seeds = rng.integers(2**63, size=4)
    anatomy = draw_anatomy(np.random.default_rng(seeds[0])) if anatomy is None else anatomy
    view = draw_view(np.random.default_rng(seeds[1])) if view is None else view
    disease = np.random.default_rng([anatomy.seed, 1])
    drawn = mildest + (1 - mildest) * disease.beta(1.5, 1.3, size=len(findings))
    severities = tuple(float(value if severity is None else severity) for value in drawn)

    sick = anatomy
    for finding, degree in zip(findings, severities, strict=True):
        if finding == "Cardiomegaly":
            sick = enlarge_heart(sick, degree)
    thorax = Thorax(sick, view, _canvas(anatomy, view, size))
    added, boxes = thorax.canvas.zeros(), []
    for number, (finding, degree) in enumerate(zip(findings, severities, strict=True)):
        if finding == "Cardiomegaly":
            found = [heart_box(thorax)]
        else:
            path, found = paint(thorax, finding, degree, np.random.default_rng([anatomy.seed, 2, number]))
            added += path
        boxes += [(finding, *box) for box in found if box is not None]
    outside = _lines(thorax, np.random.default_rng(seeds[3]))
    image = _finish(_expose(thorax, added, outside, np.random.default_rng(seeds[2])), view)
    return Radiograph(image, thorax.lung_mask, boxes, tuple(findings), severities, anatomy, view)


def _canvas(anatomy: Anatomy, view: View, size: int) -> Canvas:
    pixel = (view.top + anatomy.lung_height * view.inspiration + view.below) / size
    width = round(size * view.aspect)
    origin = (width / 2 + view.shift / pixel, view.top / pixel)
    return Canvas((size, width), pixel, origin, view.tilt, anatomy.spine_bend)


def _lines(thorax: Thorax, rng: np.random.Generator) -> np.ndarray:
    """Return tubes, wires and electrodes on the skin, as path lengths of bone with the same attenuation."""
    path = thorax.canvas.zeros()
    for _ in range(thorax.view.lines):
        start = np.array([rng.choice([-1, 1]) * rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.9)])
        end = np.array([np.sign(start[0]) * rng.uniform(1.2, 1.8), rng.uniform(0.2, 1.6)])
        middle = (start + end) / 2 + rng.normal(0, 0.25, 2)
        t = np.linspace(0, 1, 9)[:, None]
        curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
        curve = curve * np.array([thorax.anatomy.half_width, thorax.height])
        thorax.canvas.add_tube(path, curve, rng.uniform(0.08, 0.16), hollow=0.5, scale=1.5)
        if rng.random() < 0.6:
            thorax.canvas.add_tube(path, curve[:1] + [[0, 0], [0.1, 0.1]], rng.uniform(0.3, 0.5), scale=0.6)
    return path


def _expose(thorax: Thorax, lesions: np.ndarray, outside: np.ndarray, noise: np.random.Generator) -> np.ndarray:
    """Return the image of all tissues and of the objects on the skin, from the sums of their path lengths."""
    anatomy, view, canvas = thorax.anatomy, thorax.view, thorax.canvas
    child = np.random.default_rng([anatomy.seed, 0])
    bone = draw_skeleton(thorax, child)
    vessels = draw_vessels(thorax, child, anatomy.vessels)
    grain = canvas.texture(child, 2.4, 5, 0.75)
    folds = canvas.texture(child, 8, 4, 0.5)
    lung = thorax.lung
    inside = np.clip(lung / 1.5, 0, 1)
    tissue = lung * np.clip(anatomy.lung_density * (1 + np.float32(0.14) * grain), 0.05, 0.9)
    tissue = np.minimum(tissue + vessels * inside + lesions, lung)
    soft = thorax.body - lung + tissue - thorax.airway * (1 - 0.8 * inside) - thorax.abdominal_gas
    soft += np.float32(0.18) * folds * np.clip(thorax.body / 4, 0, 1) - bone
    transmitted = transmit(np.clip(soft, 0, None), bone + outside)
    unsharpness = float(np.hypot(view.unsharpness, view.motion))
    signal = detect(transmitted, noise, canvas.pixel, view.quanta, view.scatter_ratio, unsharpness=unsharpness)
    return display(signal, canvas.pixel, thorax.body > 2, view.compression, view.gamma, view.window)


def _finish(image: np.ndarray, view: View) -> np.ndarray:
    """Blacken the collimator's edge and add the laterality letter."""
    height, width = image.shape
    edge = [round(share * size) for share, size in zip(view.shutter, (width, height, width, height), strict=True)]
    image[:, : edge[0]] = image[: edge[1]] = 0
    image[:, width - edge[2] :] = image[height - edge[3] :] = 0
    if view.marker:
        letter = np.zeros(image.shape, np.uint8)
        place = (int(view.marker_place[0] * width), int(view.marker_place[1] * height + view.marker_size * height))
        thickness = max(1, round(view.marker_size * height / 9))
        scale = view.marker_size * height / 21
        cv2.putText(letter, view.marker, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA)
        image = np.maximum(image, letter.astype(np.float32) / np.float32(255))
    return image.astype(np.float32)

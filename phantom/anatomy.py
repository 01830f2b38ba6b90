"""The child and the exposure as a few random numbers: `Anatomy` stays with a child, `View` changes with each film."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Anatomy:
    """One child of one to five years. Lengths in cm.

    Attributes:
        age: Years.
        half_width: Greatest inner half-width of the chest.
        half_depth: Greatest inner half-depth, front to back.
        lung_height: From apex to the right dome at full inspiration.
        bell: How fast the chest widens below the apex (low: bell-shaped).
        wall: Thickness of muscle and fat outside the ribs.
        rib_spacing: Distance between neighbouring ribs at the spine.
        rib_drop: How far a rib falls from spine to front (small children: little).
        rib_radius: Radius of a rib.
        cardiothoracic_ratio: Heart width over inner chest width at full inspiration.
        heart_lean: Tilt of the heart's long axis in radians.
        thymus: (right, left) extent of the thymus beside the spine.
        sail: Whether the right lobe ends in the sharp lower edge of the "sail sign".
        spine_bend: Sideways bend of the spine at its apex.
        dome_step: How much lower the left dome is than the right.
        lung_density: Tissue share of aerated lung.
        vessels: Calibre of the lung vessels relative to the mean.
        gas: Size of the gastric bubble.
        seed: Seed of the child's own textures, vessels and lesions.
    """

    age: float
    half_width: float
    half_depth: float
    lung_height: float
    bell: float
    wall: float
    rib_spacing: float
    rib_drop: float
    rib_radius: float
    cardiothoracic_ratio: float
    heart_lean: float
    thymus: tuple[float, float]
    sail: bool
    spine_bend: float
    dome_step: float
    lung_density: float
    vessels: float
    gas: float
    seed: int


def _within(value: float, low: float, high: float) -> float:
    # Plain floats, unlike NumPy's own, leave float32 maps float32.
    return min(max(float(value), low), high)


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """Return a random child of one to five years.

    Sizes grow with age; the thymus and the cardiothoracic ratio (up to 0.55 in healthy toddlers) shrink with age.
    """
    age = rng.uniform(1, 5)
    half_width = rng.normal(7.7 + 0.4 * age, 0.4)
    lung_height = half_width * rng.normal(1.20 + 0.04 * age, 0.07)
    thymus_size = _within(rng.normal(2.3 - 0.22 * age, 0.5), 0, 3)
    return Anatomy(
        age=age,
        half_width=half_width,
        half_depth=half_width * rng.normal(0.68, 0.04),
        lung_height=lung_height,
        bell=_within(rng.normal(2.0, 0.3), 1.4, 3),
        wall=_within(rng.normal(1.1, 0.25), 0.6, 2),
        rib_spacing=lung_height / rng.normal(8.8, 0.5),
        rib_drop=rng.normal(3.3 + 0.3 * age, 0.6),
        rib_radius=rng.normal(0.25 + 0.015 * age, 0.02),
        cardiothoracic_ratio=_within(rng.normal(0.515 - 0.012 * age, 0.03), 0.40, 0.57),
        heart_lean=rng.normal(0.75, 0.1),
        thymus=(thymus_size * rng.uniform(0.5, 1), thymus_size * rng.uniform(0.6, 1.1)),
        sail=bool(rng.random() < 0.12),
        spine_bend=rng.normal(0, 0.25),
        dome_step=rng.normal(0.5, 0.35),
        lung_density=_within(rng.normal(0.30, 0.03), 0.22, 0.42),
        vessels=math.exp(rng.normal(0, 0.22)),
        gas=rng.uniform(0.5, 2.6),
        seed=int(rng.integers(2**62)),
    )


@dataclass(frozen=True)
class View:
    """One exposure of a child. Lengths in cm, angles in radians.

    Attributes:
        inspiration: Depth of the breath; 1 is full.
        rotation: Rotation of the child about the long axis; positive turns the front to the image's right.
        tilt: Rotation of the child in the image plane.
        arms: Elevation of each upper arm (right, left); 0 hangs down, pi points up.
        aspect: Width over height of the film.
        top: From the apices up to the film's upper edge.
        below: From the dome down to the film's lower edge.
        shift: Sideways shift of the child.
        quanta: Detected quanta per cm² in the open beam.
        scatter_ratio: Scattered over primary signal.
        unsharpness: Blur of detector and focal spot.
        motion: Blur from breathing.
        compression: See `physics.display`.
        gamma: See `physics.display`.
        window: See `physics.display`.
        shutter: Black collimator edge as shares of the film (left, top, right, bottom).
        marker: Laterality letter, "R" or "L", or "" for none.
        marker_place: (x, y) of the letter as shares of width and height.
        marker_size: Height of the letter as a share of the film's.
        lines: Number of tubes and wires on the skin.
    """

    inspiration: float
    rotation: float
    tilt: float
    arms: tuple[float, float]
    aspect: float
    top: float
    below: float
    shift: float
    quanta: float
    scatter_ratio: float
    unsharpness: float
    motion: float
    compression: float
    gamma: float
    window: tuple[float, float]
    shutter: tuple[float, float, float, float]
    marker: str
    marker_place: tuple[float, float]
    marker_size: float
    lines: int


def draw_view(rng: np.random.Generator) -> View:
    """Return a random exposure: positioning, technique and film. It depends neither on the child nor on disease."""
    raised = rng.random() < 0.55
    arm = rng.normal(2.3, 0.35) if raised else rng.normal(0.35, 0.2)
    marker = str(rng.choice(["R", "L", ""], p=[0.75, 0.1, 0.15]))
    marker_x = rng.uniform(0.02, 0.12)
    shutter = rng.uniform(0, 0.06, 4) * (rng.random(4) < 0.25)
    return View(
        inspiration=_within(1 - abs(rng.normal(0, 0.09)), 0.72, 1),
        rotation=rng.normal(0, 0.10),
        tilt=rng.normal(0, 0.035),
        arms=(arm + rng.normal(0, 0.15), arm + rng.normal(0, 0.15)),
        aspect=_within(rng.normal(1.26, 0.12), 1.0, 1.45),
        top=rng.uniform(1.2, 5.0),
        below=rng.uniform(2.8, 5.5),
        shift=rng.normal(0, 0.6),
        quanta=math.exp(rng.normal(math.log(6e6), 0.9)),
        scatter_ratio=rng.uniform(0.25, 1.0),
        unsharpness=rng.uniform(0.01, 0.03),
        motion=abs(rng.normal(0, 0.045)) * float(rng.random() < 0.35),
        compression=rng.uniform(0.4, 0.7),
        gamma=math.exp(rng.normal(-0.12, 0.2)),
        window=(rng.uniform(0.5, 5), rng.uniform(98, 99.9)),
        shutter=tuple(float(share) for share in shutter),
        marker=marker,
        marker_place=(marker_x if marker == "R" else 0.96 - marker_x, rng.uniform(0.04, 0.5)),
        marker_size=rng.uniform(0.03, 0.06),
        lines=int(rng.choice([0, 1, 2, 3], p=[0.82, 0.1, 0.05, 0.03])),
    )

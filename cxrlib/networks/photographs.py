"""A stand-in for ImageNet's weights: crops of the photographs of scikit-learn and scikit-image."""

import cv2
import numpy as np
from skimage import color, data
from sklearn.datasets import load_sample_image

SCENES = (
    "astronaut", "brick", "camera", "chelsea", "china", "coffee",
    "coins", "flower", "grass", "gravel", "moon", "rocket",
)  # fmt: skip


def load_scenes() -> list[np.ndarray]:
    """Return the photographs as grey images.

    Returns:
        Images, float32 in [0, 1], of various sizes, in the order of `SCENES`.
    """
    scenes = []
    for name in SCENES:
        image = load_sample_image(f"{name}.jpg") if name in {"china", "flower"} else getattr(data, name)()
        grey = color.rgb2gray(image) if image.ndim == 3 else image / 255
        scenes.append(grey.astype(np.float32))
    return scenes


def draw_crops(count: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw crops of the photographs; a network can learn to name the photograph of each crop.

    Args:
        count: Number of crops.
        size: Side in pixels.
        seed: Seed of position, scale, mirroring and brightness.

    Returns:
        8-bit images (count, size, size), and the number of the photograph, (count,).
    """
    rng, scenes = np.random.default_rng(seed), load_scenes()
    labels = rng.integers(len(scenes), size=count)
    images = np.empty((count, size, size), dtype=np.uint8)
    for index, label in enumerate(labels):
        scene = scenes[label]
        side = int(min(scene.shape) * rng.uniform(0.3, 0.7))
        y, x = (int(rng.integers(extent - side + 1)) for extent in scene.shape)
        crop = cv2.resize(scene[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_AREA)
        crop = crop[:, :: rng.choice([-1, 1])] * rng.uniform(0.7, 1.2) + rng.uniform(-0.1, 0.1)
        images[index] = np.rint(crop.clip(0, 1) * 255)
    return images, labels

"""What a training step of the `paper` preset takes on this machine: `python tools/step.py OUT.csv`."""

import os
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from bookchain.provenance import environment  # noqa: E402
from cxrlib.evaluation import published
from cxrlib.networks import losses, training, vgg16  # noqa: E402

SIZE, BATCH, STEPS = 224, 16, 3


def main() -> None:
    """Time a few steps of each network after a first one, which the backend spends on compiling."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (BATCH, SIZE, SIZE)).astype(np.uint8)
    shape = (SIZE, SIZE, 3)
    unet = vgg16.sharp_unet(shape, output_channels=1)
    unet.compile(keras.optimizers.Adam(1e-3), losses.ssim_loss)
    classifier = vgg16.classifier(vgg16.vgg16_encoder(shape))
    classifier.compile(keras.optimizers.SGD(1e-3, momentum=0.9), "sparse_categorical_crossentropy")
    labels = np.arange(BATCH) % 2
    tests = {
        "Sharp U-Net": (unet, training.Batches(images, images, BATCH), published.TABLE_1["pneumonia"]["train"]),
        "classifier": (classifier, training.Batches(images, labels, BATCH), published.TABLE_1["VinDr-PCXR"]["train"]),
    }
    made = environment()
    rows = []
    for name, (network, batches, count) in tests.items():
        network.train_on_batch(*batches[0])
        start = time.perf_counter()
        for _ in range(STEPS):
            network.train_on_batch(*batches[0])
        seconds = (time.perf_counter() - start) / STEPS / BATCH
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        rows.append(
            (name, made["backend"], made["machine"]["cores"], BATCH, seconds, count, seconds * count / 3600, memory)
        )
    columns = ["network", "backend", "cores", "batch", "s per image", "images", "h per epoch", "memory so far (GB)"]
    pd.DataFrame(rows, columns=columns).to_csv(sys.argv[1], index=False, float_format="%.3g", lineterminator="\n")


if __name__ == "__main__":
    main()

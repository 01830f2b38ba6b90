"""The drawing of the network says what the network is."""

import keras
import pytest

from cxrlib.figures import network
from cxrlib.networks import vgg16


def test_every_level_has_its_maps_and_its_side():
    axes = network.network_diagram(vgg16.sharp_unet((32, 32, 3), 0.125, output_channels=1, seed=0)).axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert [text for text in texts if text.endswith(" px")] == ["32 px", "16 px", "8 px", "4 px", "2 px"]
    assert [int(text) for text in texts if text.isdigit()] == [8, 16, 32, 64, 64, 64, 32, 16, 8]
    assert texts.count("K") == 4, "one sharpening on each skip"


def test_another_network_is_refused():
    inputs = keras.Input((8, 8, 1))
    with pytest.raises(ValueError, match=r"no layer block1_conv2, .*give a network of vgg16.sharp_unet"):
        network.network_diagram(keras.Model(inputs, keras.layers.Conv2D(1, 3)(inputs)))

"""Fixtures of the tests of evaluation."""

import numpy as np
import pytest


@pytest.fixture
def reading():
    generator = np.random.default_rng(7)
    y_true = np.repeat([0, 1], [180, 120])
    # One decimal place: many ties between and within the classes.
    probability = np.clip(generator.normal(0.4 + 0.15 * y_true, 0.2), 0, 1).round(1)
    return y_true, probability

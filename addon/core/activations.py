# SPDX-License-Identifier: GPL-3.0-or-later
"""The activation functions of language models, by NumPy, in the type that they are given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]
Known = tuple[str, Callable[[Numbers], Numbers]]  # a function's name, and itself


def gelu(x: Numbers) -> Numbers:
    """Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016: x times the normal distribution's share below x."""
    return x * 0.5 * (1.0 + np.array([math.erf(v / math.sqrt(2.0)) for v in x.ravel()], x.dtype).reshape(x.shape))


def gelu_tanh(x: Numbers) -> Numbers:
    """The same, by their approximation with tanh."""
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def gelu_sigmoid(x: Numbers) -> Numbers:
    """The same, by their approximation with a sigmoid, which transformers calls QuickGELU."""
    return x / (1.0 + np.exp(-1.702 * x))


def silu(x: Numbers) -> Numbers:
    """x times its sigmoid."""
    return x / (1.0 + np.exp(-x))


def relu(x: Numbers) -> Numbers:
    """What is above zero."""
    return np.maximum(x, 0.0)


def relu_squared(x: Numbers) -> Numbers:
    """The square of what is above zero: So et al., "Primer", 2021."""
    return relu(x) ** 2


# The functions that an operation kind of a trace may be, with their names.
FUNCTIONS: dict[str, tuple[Known, ...]] = {
    "gelu": (("GELU", gelu), ("GELU", gelu_tanh), ("GELU", gelu_sigmoid)),
    "silu": (("SiLU", silu),),
    "relu": (("ReLU", relu), ("ReLU squared", relu_squared)),
    "tanh": (("tanh", np.tanh),),
}

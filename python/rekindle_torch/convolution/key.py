"""What a measured choice of a method depends on."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .layout import is_channels_last
from .problem import Problem


class Key(NamedTuple):
    operation: str  # "forward" or "weight_gradient"; gradients for inputs are convolutions too
    problem: Problem
    dtype: torch.dtype
    device: torch.device
    is_channels_last: bool


def key_of(operation: str, problem: Problem, x: Tensor) -> Key:
    return Key(operation, problem, x.dtype, x.device, is_channels_last(x))

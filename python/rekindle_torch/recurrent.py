"""Recurrent layers by PyTorch's own kernels.

MIOpen's are reported broken on gfx1010. PyTorch asks one global switch, and no argument, whether
it may use MIOpen: it is off for the length of one forward call. Backward needs no switch: it
differentiates what forward ran.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


@contextmanager
def without_miopen() -> Iterator[None]:
    """Inside, PyTorch uses neither MIOpen nor cuDNN; all its other settings stay as they are.

    The switch is one for all threads.
    """
    before = torch.backends.cudnn.enabled
    torch.backends.cudnn.enabled = False
    try:
        yield
    finally:
        torch.backends.cudnn.enabled = before


class _Recurrent:
    def forward(self, *args: Any, **options: Any) -> Any:
        with without_miopen():
            return super().forward(*args, **options)  # type: ignore[misc]

    def flatten_parameters(self) -> None:
        """Nothing: one block of memory for all weights is of use to MIOpen and cuDNN alone."""


class SafeRNN(_Recurrent, nn.RNN):
    """`torch.nn.RNN` without MIOpen."""


class SafeLSTM(_Recurrent, nn.LSTM):
    """`torch.nn.LSTM` without MIOpen.

    >>> import torch
    >>> SafeLSTM(3, 5)(torch.ones(4, 2, 3))[0].shape
    torch.Size([4, 2, 5])
    """


class SafeGRU(_Recurrent, nn.GRU):
    """`torch.nn.GRU` without MIOpen."""

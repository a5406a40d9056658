"""Convolution layers that never use MIOpen: drop-in replacements of those of `torch.nn`."""

from __future__ import annotations

from typing import Any, Optional

import torch.nn.functional as F
from torch import Tensor, fx, nn

from .functional import convolution, transposed_convolution

# torch.fx records these as one call each.
fx.wrap("convolution")
fx.wrap("transposed_convolution")


class _Convolution:
    """What the convolutions share. `method` asks for one method; None lets it be chosen."""

    rank: int
    method: Optional[str] = None

    def _conv_forward(self: Any, input: Tensor, weight: Tensor, bias: Optional[Tensor]) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        return convolution(
            self.rank, input, weight, bias, self.stride, padding, self.dilation, self.groups,
            self.method,
        )  # fmt: skip


class _TransposedConvolution:
    """What the transposed convolutions share; `method` as above."""

    rank: int
    method: Optional[str] = None

    def forward(self: Any, input: Tensor, output_size: Optional[list[int]] = None) -> Tensor:
        output_padding = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size, self.rank,
            self.dilation,
        )  # fmt: skip
        return transposed_convolution(
            self.rank, input, self.weight, self.bias, self.stride, self.padding, output_padding,
            self.groups, self.dilation, self.method,
        )  # fmt: skip


class Conv1dGFX1010(_Convolution, nn.Conv1d):
    """`torch.nn.Conv1d` without MIOpen; see `Conv2dGFX1010`."""

    rank = 1


class Conv2dGFX1010(_Convolution, nn.Conv2d):
    """`torch.nn.Conv2d` without MIOpen: the same arguments, the same parameters, the same result.

    Computed from matrix products, copies and elementwise operations alone, which builds of PyTorch
    for gfx1010 do well. A state_dict of one loads into the other.

    >>> import torch
    >>> Conv2dGFX1010(3, 8, 3, padding=1)(torch.ones(1, 3, 4, 4)).shape
    torch.Size([1, 8, 4, 4])
    """

    rank = 2


class Conv3dGFX1010(_Convolution, nn.Conv3d):
    """`torch.nn.Conv3d` without MIOpen; see `Conv2dGFX1010`."""

    rank = 3


class ConvTranspose1dGFX1010(_TransposedConvolution, nn.ConvTranspose1d):
    """`torch.nn.ConvTranspose1d` without MIOpen; see `Conv2dGFX1010`."""

    rank = 1


class ConvTranspose2dGFX1010(_TransposedConvolution, nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` without MIOpen; see `Conv2dGFX1010`."""

    rank = 2


class ConvTranspose3dGFX1010(_TransposedConvolution, nn.ConvTranspose3d):
    """`torch.nn.ConvTranspose3d` without MIOpen; see `Conv2dGFX1010`."""

    rank = 3

"""Batch and instance normalisation by PyTorch's own kernels.

On gfx1010 to gfx1012, MIOpen's kernel for training batch normalisation does not assemble (its
inline assembly has `row_bcast`, which these chips lack: ROCm/MIOpen issue 1528). PyTorch has
kernels of its own, and a flag per call chooses them: no global switch is touched.
"""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor, fx, nn

# torch.fx records this as one call.
fx.wrap("batch_norm")

_WITHOUT_MIOPEN = False


def batch_norm(
    input: Tensor,
    running_mean: Optional[Tensor],
    running_var: Optional[Tensor],
    weight: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`torch.nn.functional.batch_norm` without MIOpen."""
    if training:
        count = input.numel() // max(input.shape[1], 1)
        if count == 1:
            raise ValueError(
                "batch normalisation in training needs more than 1 value per channel, and "
                f"{list(input.shape)} has 1"
            )
    return torch.batch_norm(
        input, weight, bias, running_mean, running_var, training, momentum, eps, _WITHOUT_MIOPEN
    )


def instance_norm(
    input: Tensor,
    running_mean: Optional[Tensor] = None,
    running_var: Optional[Tensor] = None,
    weight: Optional[Tensor] = None,
    bias: Optional[Tensor] = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`torch.nn.functional.instance_norm` without MIOpen."""
    return torch.instance_norm(
        input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps,
        _WITHOUT_MIOPEN,
    )  # fmt: skip


class _BatchNorm(nn.modules.batchnorm._BatchNorm):
    def forward(self, input: Tensor) -> Tensor:
        if isinstance(input, Tensor):  # and not what torch.fx has in its place
            self._check_input_dim(input)
        average = self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if average is None:
                average = 1.0 / float(self.num_batches_tracked)
        uses_batch = self.training or (self.running_mean is None and self.running_var is None)
        keeps = not self.training or self.track_running_stats
        return batch_norm(
            input,
            self.running_mean if keeps else None,
            self.running_var if keeps else None,
            self.weight,
            self.bias,
            uses_batch,
            0.0 if average is None else average,
            self.eps,
        )


class _InstanceNorm(nn.modules.instancenorm._InstanceNorm):
    def _apply_instance_norm(self, input: Tensor) -> Tensor:
        return instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0,
            self.eps,
        )


class SafeBatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` without MIOpen."""


class SafeBatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` without MIOpen: the same arguments, parameters and results.

    >>> import torch
    >>> SafeBatchNorm2d(3)(torch.ones(2, 3, 4, 4)).shape
    torch.Size([2, 3, 4, 4])
    """


class SafeBatchNorm3d(_BatchNorm, nn.BatchNorm3d):
    """`torch.nn.BatchNorm3d` without MIOpen."""


class SafeInstanceNorm1d(_InstanceNorm, nn.InstanceNorm1d):
    """`torch.nn.InstanceNorm1d` without MIOpen."""


class SafeInstanceNorm2d(_InstanceNorm, nn.InstanceNorm2d):
    """`torch.nn.InstanceNorm2d` without MIOpen."""


class SafeInstanceNorm3d(_InstanceNorm, nn.InstanceNorm3d):
    """`torch.nn.InstanceNorm3d` without MIOpen."""

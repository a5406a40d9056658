"""Batch and instance normalisation by PyTorch's own kernels.

On gfx1010 to gfx1012, MIOpen's kernel for training batch normalisation does not assemble (its
inline assembly has `row_bcast`, which these chips lack: ROCm/MIOpen issue 1528). PyTorch has
kernels of its own, and an operation that is always computed by them: no global switch is touched.
The flag of `torch.batch_norm` that seems to forbid MIOpen does not: PyTorch 2.11 ignores it.
"""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor, fx, nn

from .recurrent import without_miopen
from .tracing import is_exported_to_onnx, is_traced

# torch.fx records each as one call.
fx.wrap("batch_norm")
fx.wrap("instance_norm")


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
    if training and not is_traced():  # where sizes are tensors
        count = input.numel() // max(input.shape[1], 1)
        if count == 1:
            raise ValueError(
                "batch normalisation in training needs more than 1 value per channel, and "
                f"{list(input.shape)} has 1"
            )
    return _native(input, running_mean, running_var, weight, bias, training, momentum, eps)


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
    """`torch.nn.functional.instance_norm` without MIOpen.

    The channels of all images are those of one image to batch normalisation.
    """
    if use_input_stats and not is_traced() and input.shape[2:].numel() == 1:
        raise ValueError(
            "instance normalisation in training needs more than 1 element in a picture, and "
            f"{list(input.shape)} has 1"
        )
    if is_exported_to_onnx():  # as in `_native`
        with without_miopen():
            return torch.instance_norm(
                input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps,
                False,
            )  # fmt: skip
    images, channels = input.shape[0], input.shape[1]

    def repeated(values: Optional[Tensor]) -> Optional[Tensor]:
        return None if values is None else values.repeat(images)

    # The kernels want statistics of the weights' type; what is kept of them is cast back.
    is_half = input.dtype in (torch.float16, torch.bfloat16)
    dtype = weight.dtype if weight is not None else torch.float32 if is_half else input.dtype
    mean, var = (None if s is None else repeated(s.to(dtype)) for s in (running_mean, running_var))
    output = _native(
        input.contiguous().view(1, images * channels, *input.shape[2:]), mean, var,
        repeated(weight), repeated(bias), use_input_stats, momentum, eps,
    )  # fmt: skip
    if use_input_stats:
        for kept, moved in ((running_mean, mean), (running_var, var)):
            if kept is not None and moved is not None:
                kept.copy_(moved.view(images, channels).mean(0))
    return output.view(input.shape)


def _native(
    input: Tensor, running_mean: Optional[Tensor], running_var: Optional[Tensor],
    weight: Optional[Tensor], bias: Optional[Tensor], training: bool, momentum: float, eps: float,
) -> Tensor:  # fmt: skip
    """Batch normalisation by the operation that stands for PyTorch's own kernels alone."""
    is_empty = not is_traced() and input.numel() == 0
    # The exporter to ONNX does not know the operation, which does not expect empty tensors either.
    if is_empty or is_exported_to_onnx():
        with without_miopen():
            return torch.batch_norm(
                input, weight, bias, running_mean, running_var, training, momentum, eps, False
            )
    if not is_traced():
        _check(input, running_mean, running_var, weight, bias, training)
    return torch.native_batch_norm(
        input, weight, bias, running_mean, running_var, training, momentum, eps
    )[0]


def _check(
    input: Tensor, running_mean: Optional[Tensor], running_var: Optional[Tensor],
    weight: Optional[Tensor], bias: Optional[Tensor], training: bool,
) -> None:  # fmt: skip
    """What `torch.batch_norm` checks before it calls a kernel, which would read beyond its end."""
    if not training and (running_mean is None or running_var is None):
        raise RuntimeError("without training, normalisation needs running_mean and running_var")
    given = {
        "running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias,
    }  # fmt: skip
    for name, values in given.items():
        if values is not None and values.numel() != input.shape[1]:
            raise RuntimeError(
                f"{name} has {values.numel()} elements, and {list(input.shape)} has "
                f"{input.shape[1]} channels"
            )


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

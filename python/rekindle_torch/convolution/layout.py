"""Memory formats: which one a result gets."""

from __future__ import annotations

import torch
from torch import Tensor

from .problem import Sizes


def is_channels_last(x: Tensor) -> bool:
    """Whether a picture's channels are its innermost dimension in memory."""
    if x.is_contiguous():
        return False
    if x.dim() == 4:
        return x.is_contiguous(memory_format=torch.channels_last)
    return x.dim() == 5 and x.is_contiguous(memory_format=torch.channels_last_3d)


def empty_result(shape: Sizes, like: Tensor, other: Tensor) -> Tensor:
    """Channels last where one of the two tensors is, as PyTorch's own convolutions do."""
    if not (is_channels_last(like) or is_channels_last(other)):
        return like.new_empty(shape)
    memory_format = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=memory_format)

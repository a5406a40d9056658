"""Copies in units of 16 bytes.

PyTorch's copy of a strided view works out an index for each element. Rows of channels are read and
written alike, four float32 at a time, where both sides' memory allows it: viewed as complex128,
which no arithmetic touches here.
"""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

_UNIT_BYTES = 16
_PLAIN = (Tensor, torch.nn.Parameter)


def is_plain(x: Tensor) -> bool:
    """Whether this is a tensor with memory of its own, and no stand-in such as a fake tensor."""
    return type(x) in _PLAIN


def copy(target: Tensor, source: Tensor) -> None:
    """target = source, for views of one shape."""
    if target.dtype == source.dtype and not torch.is_grad_enabled():
        wide_target, wide_source = _in_units(target), _in_units(source)
        if wide_target is not None and wide_source is not None:
            wide_target.copy_(wide_source)
            return
    target.copy_(source)


def gathered(view: Tensor) -> Tensor:
    """A contiguous copy of a view, or the view itself where it is contiguous."""
    if view.is_contiguous():
        return view
    target = view.new_empty(view.shape)
    copy(target, view)
    return target


def _in_units(x: Tensor) -> Optional[Tensor]:
    """`x` with its last dimension in units, or None where they would not be aligned."""
    unit = _UNIT_BYTES // x.element_size()
    if not is_plain(x) or x.is_complex() or x.is_neg():  # may hold a sign that memory does not
        return None
    if unit <= 1 or x.shape[-1] % unit != 0 or x.storage_offset() % unit != 0:
        return None
    *strides, last = x.stride()
    if last != 1 or any(s % unit != 0 for s in strides) or x.data_ptr() % _UNIT_BYTES != 0:
        return None
    return x.view(torch.complex128)

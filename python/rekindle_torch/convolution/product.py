"""Matrix products that write where they are told to, in as few calls as possible."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

# Products that sum over very many rows have few output elements. Split into this many partial sums
# they keep a GPU busy.
_OUTPUT_TILES_WANTED = 256
_TILE = 128
_ROWS_PER_SPLIT = 1024


def multiply(out: Tensor, a: Tensor, b: Tensor, bias: Optional[Tensor] = None) -> None:
    """out = a @ b + bias, for [M, D] and [D, K] with a bias of [K]."""
    if torch.is_grad_enabled():
        out.copy_(a @ b if bias is None else torch.addmm(bias, a, b))
    elif bias is None:
        torch.mm(a, b, out=out)
    else:
        torch.addmm(bias, a, b, out=out)


def multiply_planes(out: Tensor, w: Tensor, planes: Tensor, bias: Optional[Tensor]) -> None:
    """out[n] = w @ planes[n] + bias[:, None], for [K, D] and [N, D, M] with a bias of [K].

    The same weights for every image: expanded, not copied.
    """
    weights = w.expand(planes.shape[0], -1, -1)
    if bias is None:
        multiply_batches(out, weights, planes)
    elif torch.is_grad_enabled():
        out.copy_(torch.baddbmm(bias[:, None], weights, planes))
    else:
        torch.baddbmm(bias[:, None], weights, planes, out=out)


def multiply_batches(out: Tensor, a: Tensor, b: Tensor, add: bool = False) -> None:
    """out = a @ b, or out += a @ b, for [B, M, D] and [B, D, K].

    Sums of several products in 16 bits are kept in the type of `out`, which may be wider.
    """
    if add and out.dtype == a.dtype:
        if out.shape[0] == 1:
            out[0].addmm_(a[0], b[0])
        else:
            out.baddbmm_(a, b)
    elif add:
        out.add_(torch.bmm(a, b))
    elif torch.is_grad_enabled() or out.dtype != a.dtype:
        out.copy_(torch.bmm(a, b))
    elif out.shape[0] == 1:
        torch.mm(a[0], b[0], out=out[0])
    else:
        torch.bmm(a, b, out=out)


def splits_for(rows: int, k: int, d: int) -> int:
    """Into how many partial sums a product [k, rows] @ [rows, d] is best split."""
    tiles = -(-k // _TILE) * -(-d // _TILE)
    return max(1, min(_OUTPUT_TILES_WANTED // tiles, rows // _ROWS_PER_SPLIT))


def transposed_product(g: Tensor, a: Tensor, splits: int) -> Tensor:
    """The sum over batches and rows of g^T a: [B, M, K] and [B, M, D] give [K, D].

    Where M is a multiple of `splits`, rows are summed in that many parts at once.
    """
    batches, rows, k = g.shape
    d = a.shape[2]
    if splits <= 1 or rows % splits != 0:
        if batches == 1:
            return g[0].t() @ a[0]
        return torch.bmm(g.transpose(1, 2), a).sum(0)
    part = rows // splits
    parts = g.new_empty((batches, splits, k, d))
    for i in range(batches):
        multiply_batches(
            parts[i],
            g[i].unflatten(0, (splits, part)).transpose(1, 2),
            a[i].unflatten(0, (splits, part)),
        )
    return parts.sum((0, 1))


def accumulator_type(dtype: torch.dtype) -> torch.dtype:
    """The type in which several products are summed: 16-bit floats need a wider one."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype

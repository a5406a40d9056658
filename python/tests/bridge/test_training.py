"""Convolutions on Vulkan: values, gradients, layers, and a network that learns."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rekindle_torch.bridge import BridgeError, make_plain, make_vulkan, vulkan_conv

CASES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 5, 9, 8), (6, 5, 3, 3), {"padding": 1}),
    ((2, 8, 12, 11), (12, 4, 3, 2), {"stride": (2, 3), "dilation": (2, 1), "groups": 2}),
    ((1, 6, 8, 8), (6, 1, 3, 3), {"groups": 6, "padding": 1, "stride": 2}),
    ((1, 4, 8, 8), (4, 4, 4, 2), {"padding": "same", "dilation": (1, 2)}),
    ((3, 4, 7, 7), (8, 4, 1, 1), {"stride": 3, "padding": "valid"}),
    ((2, 4, 20), (8, 4, 3), {"padding": "same"}),
    ((1, 2, 4, 5, 6), (4, 2, 2, 2, 2), {"padding": (1, 0, 1)}),
    ((5, 9, 8), (4, 5, 3, 3), {}),
    ((0, 5, 9, 8), (4, 5, 3, 3), {}),
]


@pytest.mark.parametrize(("x_shape", "w_shape", "options"), CASES)
def test_values_and_gradients(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    plain = (F.conv1d, F.conv2d, F.conv3d)[len(w_shape) - 3]
    tensors = [torch.randn(s, requires_grad=True) for s in (x_shape, w_shape, w_shape[:1])]
    exact = [t.detach().double().requires_grad_() for t in tensors]
    expected = plain(*exact, **options)
    actual = vulkan_conv(*tensors, **options)
    torch.testing.assert_close(actual.double(), expected, rtol=1e-4, atol=1e-5)
    dy = torch.randn(expected.shape)
    for a, e in zip(
        torch.autograd.grad(actual, tensors, dy), torch.autograd.grad(expected, exact, dy.double())
    ):
        torch.testing.assert_close(a.double(), e, rtol=1e-4, atol=1e-4)


def test_only_the_gradients_that_are_wanted() -> None:
    x, w = torch.randn(1, 4, 6, 6), torch.randn(4, 4, 3, 3, requires_grad=True)
    vulkan_conv(x, w, torch.zeros(4)).sum().backward()
    assert w.grad is not None and x.grad is None
    x.requires_grad_()
    (dx,) = torch.autograd.grad(vulkan_conv(x, w.detach()).sum(), x)
    (expected,) = torch.autograd.grad(F.conv2d(x, w.detach()).sum(), x)
    torch.testing.assert_close(dx, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("x", "w", "code"),
    [
        (torch.zeros(1, 3, 8, 8), torch.zeros(4, 2, 3, 3), "input-shape"),
        (torch.zeros(1, 3, 2, 2), torch.zeros(4, 3, 3, 3), "input-shape"),
        (torch.zeros(3, 8), torch.zeros(4, 3, 3, 3), "input-shape"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.float64), torch.zeros(4, 3, 3, 3), "input-dtype"),
    ],
)
def test_what_does_not_fit(x: torch.Tensor, w: torch.Tensor, code: str) -> None:
    with pytest.raises(BridgeError) as caught:
        vulkan_conv(x, w)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "options", [{"stride": 0}, {"padding": "full"}, {"dilation": (1, 1, 1)}, {"groups": 0}], ids=str
)
def test_options_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(BridgeError) as caught:
        vulkan_conv(torch.zeros(1, 3, 8, 8), torch.zeros(4, 3, 3, 3), **options)
    assert caught.value.code == "input-shape"


def test_gradients_of_gradients_are_refused() -> None:
    x, w = torch.randn(1, 4, 6, 6, requires_grad=True), torch.randn(4, 4, 3, 3)
    (dx,) = torch.autograd.grad(vulkan_conv(x, w).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()


class Net(nn.Module):
    """A strided, a depthwise and a reflecting convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1, groups=8),
            nn.Conv2d(8, 16, 3, padding=1, padding_mode="reflect"),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, 2),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


def stripes(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy pictures of stripes that lie (0) or stand (1)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    phase = torch.rand(count, 1, 1, generator=generator) * 6
    waves = torch.sin(torch.arange(12) * 1.5 + phase).expand(count, 12, 12)
    pictures = torch.where(labels[:, None, None] == 0, waves.transpose(1, 2), waves)
    return (pictures + 0.5 * torch.randn(count, 12, 12, generator=generator))[:, None], labels


def losses_of(model: nn.Module, steps: int) -> list[float]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for step in range(steps):
        x, labels = stripes(16, step)
        loss = F.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_a_network_learns_as_on_the_cpu() -> None:
    torch.manual_seed(0)
    plain = Net()
    vulkan = copy.deepcopy(plain)
    assert make_vulkan(vulkan) == ["body.0", "body.3", "body.4"]
    assert list(vulkan.state_dict()) == list(plain.state_dict())
    expected, actual = losses_of(plain, 40), losses_of(vulkan, 40)
    # Rounding differs, and training makes more of it with every step.
    assert actual[:10] == pytest.approx(expected[:10], rel=1e-3)
    x, labels = stripes(200, 1000)
    for model in (plain.eval(), vulkan.eval()):
        assert (model(x).argmax(1) == labels).float().mean() > 0.97
    make_plain(vulkan)
    assert type(vulkan.body[0]) is nn.Conv2d

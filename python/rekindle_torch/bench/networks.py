"""Well-known networks, written small: their layers and connections, with fewer classes."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def unit(c: int, k: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    conv = nn.Conv2d(c, k, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(k), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """A block of ResNet: K. He et al., 2015; with the stride in the 3x3 convolution."""

    def __init__(self, c: int, width: int, stride: int, is_bottleneck: bool) -> None:
        super().__init__()
        k = 4 * width if is_bottleneck else width
        if is_bottleneck:
            parts = [unit(c, width, 1), unit(width, width, 3, stride), unit(width, k, 1)[:2]]
        else:
            parts = [unit(c, width, 3, stride), unit(width, k, 3)[:2]]
        self.body = nn.Sequential(*parts)
        self.shortcut = unit(c, k, 1, stride)[:2] if stride != 1 or c != k else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def resnet(blocks: tuple[int, ...], is_bottleneck: bool) -> nn.Sequential:
    parts: list[nn.Module] = [unit(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    c = 64
    for stage, count in enumerate(blocks):
        width = 64 * 2**stage
        for i in range(count):
            parts.append(Residual(c, width, 2 if stage > 0 and i == 0 else 1, is_bottleneck))
            c = 4 * width if is_bottleneck else width
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10))


def vgg16() -> nn.Sequential:
    """K. Simonyan and A. Zisserman, 2014."""
    parts: list[nn.Module] = []
    c = 3
    for k, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            parts += [nn.Conv2d(c, k, 3, padding=1), nn.ReLU(inplace=True)]
            c = k
        parts.append(nn.MaxPool2d(2))
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(512, 10))


class Inverted(nn.Module):
    """A block of MobileNetV2: M. Sandler et al., 2018."""

    def __init__(self, c: int, k: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = c * expand
        parts = [unit(c, wide, 1)] if expand != 1 else []
        self.body = nn.Sequential(*parts, unit(wide, wide, 3, stride, wide), unit(wide, k, 1)[:2])
        self.adds = stride == 1 and c == k

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + y if self.adds else y


def mobilenet_v2() -> nn.Sequential:
    parts: list[nn.Module] = [unit(3, 32, 3, 2)]
    c = 32
    table = (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
        (6, 320, 1, 1),
    )  # fmt: skip
    for expand, k, count, stride in table:
        for i in range(count):
            parts.append(Inverted(c, k, stride if i == 0 else 1, expand))
            c = k
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 10)]
    return nn.Sequential(*parts, unit(c, 1280, 1), *head)


class Dense(nn.Module):
    """A layer of DenseNet: G. Huang et al., 2016."""

    def __init__(self, c: int, growth: int = 32) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(c), nn.ReLU(), unit(c, 4 * growth, 1),
            nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.body(x)], 1)


def densenet121() -> nn.Sequential:
    parts: list[nn.Module] = [unit(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    c = 64
    for stage, count in enumerate((6, 12, 24, 16)):
        for _ in range(count):
            parts.append(Dense(c))
            c += 32
        if stage < 3:
            parts += [nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, c // 2, 1, bias=False)]
            parts.append(nn.AvgPool2d(2))
            c //= 2
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10)]
    return nn.Sequential(*parts, nn.BatchNorm2d(c), nn.ReLU(), *head)


class UNet(nn.Module):
    """O. Ronneberger et al., 2015: two levels, transposed convolutions on the way up."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = double(3, 8), double(8, 16), double(16, 16)
        self.up_two, self.up_one = nn.ConvTranspose2d(16, 16, 2, 2), nn.ConvTranspose2d(8, 8, 2, 2)
        self.back_two, self.back_one = double(32, 8), double(16, 8)
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.one(x)
        two = self.two(F.max_pool2d(one, 2))
        three = self.three(F.max_pool2d(two, 2))
        two = self.back_two(torch.cat([two, self.up_two(three)], 1))
        y: Tensor = self.last(self.back_one(torch.cat([one, self.up_one(two)], 1)))
        return y


def double(c: int, k: int) -> nn.Sequential:
    return nn.Sequential(unit(c, k, 3), unit(k, k, 3))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "resnet18": lambda: resnet((2, 2, 2, 2), False),
    "resnet50": lambda: resnet((3, 4, 6, 3), True),
    "vgg16": vgg16,
    "mobilenet_v2": mobilenet_v2,
    "densenet121": densenet121,
    "unet": UNet,
}

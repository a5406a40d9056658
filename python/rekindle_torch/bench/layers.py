"""The convolutions of ResNet-50 and VGG-16 for pictures of 224x224."""

from __future__ import annotations

from typing import NamedTuple


class Layer(NamedTuple):
    network: str
    channels: int
    filters: int
    kernel: int
    stride: int
    size: int  # height and width of the input
    times: int  # how often the network has it

    @property
    def name(self) -> str:
        step = f"/{self.stride}" if self.stride > 1 else ""
        return f"{self.size}: {self.channels}>{self.filters} {self.kernel}x{self.kernel}{step}"

    @property
    def padding(self) -> int:
        return self.kernel // 2


def _resnet50() -> list[Layer]:
    """The version of torchvision, which has its strides in the 3x3 convolutions."""
    found: dict[Layer, int] = {Layer("resnet50", 3, 64, 7, 2, 224, 1): 1}
    channels, size = 64, 56
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            step = stride if block == 0 else 1
            inner = [(channels, width, 1, 1, size), (width, width, 3, step, size)]
            inner.append((width, 4 * width, 1, 1, size // step))
            if block == 0:
                inner.append((channels, 4 * width, 1, step, size))
            for entry in inner:
                layer = Layer("resnet50", *entry, 1)
                found[layer] = found.get(layer, 0) + 1
            channels, size = 4 * width, size // step
    return [layer._replace(times=n) for layer, n in found.items()]


def _vgg16() -> list[Layer]:
    found: dict[Layer, int] = {}
    channels, size = 3, 224
    for width, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convolutions):
            layer = Layer("vgg16", channels, width, 3, 1, size, 1)
            found[layer] = found.get(layer, 0) + 1
            channels = width
        size //= 2
    return [layer._replace(times=n) for layer, n in found.items()]


LAYERS = [*_resnet50(), *_vgg16()]

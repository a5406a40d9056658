"""Small and well-known networks without torchvision: forward, and steps of training."""

import copy

import torch
from torch import nn


def conv_norm(c, k, kernel=3, stride=1):
    conv = nn.Conv2d(c, k, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(k))


class Block(nn.Module):
    """A basic residual block (He et al., Deep Residual Learning, 2015)."""

    def __init__(self, c, k, stride):
        super().__init__()
        self.body = nn.Sequential(conv_norm(c, k, 3, stride), nn.ReLU(), conv_norm(k, k))
        same = stride == 1 and c == k
        self.shortcut = nn.Identity() if same else conv_norm(c, k, 1, stride)

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    """A bottleneck of the same paper, with the stride on its 3x3 convolution."""

    def __init__(self, c, k, stride):
        super().__init__()
        inner = [conv_norm(c, k, 1), nn.ReLU(), conv_norm(k, k, 3, stride), nn.ReLU()]
        self.body = nn.Sequential(*inner, conv_norm(k, 4 * k, 1))
        same = stride == 1 and c == 4 * k
        self.shortcut = nn.Identity() if same else conv_norm(c, 4 * k, 1, stride)

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def classifier(layers, channels, classes):
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
    return nn.Sequential(*layers, *head)


def resnet(block, expansion, blocks):
    def build(classes):
        layers = [conv_norm(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        channels = 64
        for stage, count in enumerate(blocks):
            for i in range(count):
                k = 64 * 2**stage
                layers.append(block(channels, k, 2 if stage > 0 and i == 0 else 1))
                channels = k * expansion
        return classifier(layers, channels, classes)

    return build


def vgg(counts):
    return lambda classes: vgg_layers(counts, classes)


def vgg_layers(counts, classes):
    layers, c = [], 3
    for count, k in zip(counts, (64, 128, 256, 512, 512)):
        for _ in range(count):
            layers += [nn.Conv2d(c, k, 3, padding=1), nn.ReLU()]
            c = k
        layers.append(nn.MaxPool2d(2))
    # The usual head has 120 million weights and no convolution: a small one takes its place.
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 256), nn.ReLU()]
    return nn.Sequential(*layers, *head, nn.Linear(256, classes))


def small(classes):
    layers = [conv_norm(3, 16), nn.ReLU(), nn.MaxPool2d(2), conv_norm(16, 32), nn.ReLU()]
    return classifier(layers, 32, classes)


class Inverted(nn.Module):
    """An inverted residual (Sandler et al., MobileNetV2, 2018)."""

    def __init__(self, c, k, stride, expansion):
        super().__init__()
        e = c * expansion
        depthwise = nn.Conv2d(e, e, 3, stride, 1, groups=e, bias=False)
        first = [conv_norm(c, e, 1), nn.ReLU6()] if expansion > 1 else []
        rest = [depthwise, nn.BatchNorm2d(e), nn.ReLU6(), conv_norm(e, k, 1)]
        self.body = nn.Sequential(*first, *rest)
        self.adds = stride == 1 and c == k

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def mobilenet_v2(classes):
    layers, c = [conv_norm(3, 32, 3, 2), nn.ReLU6()], 32
    for expansion, k, count, stride in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for i in range(count):
            layers.append(Inverted(c, k, stride if i == 0 else 1, expansion))
            c = k
    return classifier([*layers, conv_norm(c, 1280, 1), nn.ReLU6()], 1280, classes)


class Dense(nn.Module):
    """A layer of DenseNet (Huang et al., 2016): adds 32 channels to those that it reads."""

    def __init__(self, c):
        super().__init__()
        narrow = [nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 128, 1, bias=False)]
        wide = [nn.BatchNorm2d(128), nn.ReLU(), nn.Conv2d(128, 32, 3, padding=1, bias=False)]
        self.body = nn.Sequential(*narrow, *wide)

    def forward(self, x):
        return torch.cat([x, self.body(x)], 1)


def densenet121(classes):
    layers, c = [conv_norm(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for block, count in enumerate((6, 12, 24, 16)):
        if block > 0:
            half = nn.Conv2d(c, c // 2, 1, bias=False)
            layers += [nn.BatchNorm2d(c), nn.ReLU(), half, nn.AvgPool2d(2)]
            c //= 2
        for _ in range(count):
            layers.append(Dense(c))
            c += 32
    return classifier([*layers, nn.BatchNorm2d(c), nn.ReLU()], c, classes)


class UNet(nn.Module):
    """Ronneberger et al., U-Net, 2015, with padding and batch normalization."""

    def __init__(self, classes, width=64, levels=4):
        super().__init__()
        sizes = [width * 2**level for level in range(levels + 1)]
        self.down = nn.ModuleList(double(c, k) for c, k in zip([3, *sizes], sizes))
        pairs = list(zip(sizes[1:], sizes))[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(c, k, 2, 2) for c, k in pairs)
        self.merge = nn.ModuleList(double(2 * k, k) for _, k in pairs)
        self.last = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        skips = []
        for level, down in enumerate(self.down):
            x = down(x if level == 0 else nn.functional.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.up, self.merge):
            x = merge(torch.cat([skips.pop(), up(x)], 1))
        return self.last(x)


def double(c, k):
    return nn.Sequential(conv_norm(c, k), nn.ReLU(), conv_norm(k, k), nn.ReLU())


NETWORKS = {
    "small": small,
    "resnet18": resnet(Block, 1, (2, 2, 2, 2)),
    "resnet50": resnet(Bottleneck, 4, (3, 4, 6, 3)),
    "vgg11": vgg((1, 1, 2, 2, 2)),
    "vgg16": vgg((2, 2, 3, 3, 3)),
    "mobilenet_v2": mobilenet_v2,
    "densenet121": densenet121,
    "unet": UNet,
}
CLASSES = 10


def train(network, x, labels, steps, say):
    """Losses of steps of gradient descent on one batch, and the weights that it ends with."""
    # Without momentum and with a small rate: differences of rounding do not grow.
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    losses, last = [], network[-1].weight
    start = last.detach().clone()
    for step in range(steps):
        say(at=f"step {step + 1}: forward on {x.device}")
        loss = nn.functional.cross_entropy(network(x), labels)
        say(at=f"step {step + 1}: backward on {x.device}")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return {"loss": torch.stack(losses), "learned": last.detach() - start}


def compute(network, x, labels, p, say):
    if p["steps"] > 0:
        return train(network.train(), x, labels, p["steps"], say)
    with torch.no_grad():
        return {"y": network.eval()(x)}


def run(p, device, say, synchronize, compare):
    network = NETWORKS[p["network"]](CLASSES).double()
    dtype = getattr(torch, p["dtype"])
    size = p["imageSize"]
    x = torch.randn(p["batch"], 3, size, size, dtype=torch.float64).to(dtype)
    labels = torch.arange(p["batch"]) % CLASSES
    # Both start from weights as the tried type holds them.
    network = network.to(dtype)
    reference = copy.deepcopy(network).double()
    say(at=f"copy to {device}")
    network, there = network.to(device), x.to(device)
    synchronize(device)
    say(at=f"compute on {device}")
    actual = compute(network, there, labels.to(device), p, say)
    synchronize(device)
    say(at="compute on the CPU")
    expected = compute(reference, x.double(), labels, p, say)
    return compare(actual, expected)

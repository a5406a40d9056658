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


def resnet18(classes):
    layers = [conv_norm(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage in range(4):
        k = 64 * 2**stage
        layers += [Block(channels, k, 1 if stage == 0 else 2), Block(k, k, 1)]
        channels = k
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
    return nn.Sequential(*layers, *head)


def vgg11(classes):
    layers, c = [], 3
    for count, k in ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)):
        for _ in range(count):
            layers += [nn.Conv2d(c, k, 3, padding=1), nn.ReLU()]
            c = k
        layers.append(nn.MaxPool2d(2))
    # The usual head has 120 million weights and no convolution: a small one takes its place.
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 256), nn.ReLU()]
    return nn.Sequential(*layers, *head, nn.Linear(256, classes))


def small(classes):
    layers = [conv_norm(3, 16), nn.ReLU(), nn.MaxPool2d(2), conv_norm(16, 32), nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes)]
    return nn.Sequential(*layers, *head)


NETWORKS = {"small": small, "resnet18": resnet18, "vgg11": vgg11}
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

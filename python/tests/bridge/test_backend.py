"""`torch.compile` with the engine as its backend."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from rekindle_torch.bridge import BridgeWarning
from rekindle_torch.bridge.backend import rekindle

pytestmark = pytest.mark.skipif(not hasattr(torch, "compile"), reason="needs torch.compile")


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor, scale: float = 1.0) -> dict[str, Any]:
        y = torch.relu(self.norm(self.conv(x))) * scale
        return {"y": y, "batch": x.shape[0]}


@pytest.fixture(autouse=True)
def fresh() -> Any:
    torch.manual_seed(0)
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def test_shapes_weights_and_constants() -> None:
    model = Model().eval()
    compiled = torch.compile(model, backend=rekindle, options={"fallback": False})
    with torch.no_grad():
        for batch, scale in ((2, 1.0), (3, 1.0), (4, 2.0)):
            x = torch.randn(batch, 3, 8, 8)
            actual, expected = compiled(x, scale), model(x, scale)
            assert actual["batch"] == batch
            torch.testing.assert_close(actual["y"], expected["y"], rtol=1e-4, atol=1e-5)
        model.conv.weight.mul_(3)
        torch.testing.assert_close(compiled(x)["y"], model(x)["y"], rtol=1e-4, atol=1e-5)


def test_gradients_come_from_pytorch_with_a_notice() -> None:
    model = Model().eval()
    compiled = torch.compile(model, backend=rekindle)
    with pytest.warns(BridgeWarning, match="requires gradients"):
        compiled(torch.randn(1, 3, 8, 8))["y"].sum().backward()
    assert model.conv.weight.grad is not None


def test_what_is_unsupported_runs_in_pytorch() -> None:
    compiled = torch.compile(lambda x: torch.cumsum(x, 0) + 1, backend=rekindle)
    x = torch.randn(3, 4)
    with (
        torch.no_grad(),
        pytest.warns(BridgeWarning, match=r"a compiled graph runs in PyTorch(.|\n)*CumSum"),
    ):
        torch.testing.assert_close(compiled(x), torch.cumsum(x, 0) + 1)

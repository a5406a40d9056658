/** Times what the build is for, on the card, and prints milliseconds as JSON. */
export const benchmarkScript = `"""Times convolutions on the GPU: milliseconds, medians of 20."""

import json
import statistics
import sys
import time

import torch

if not torch.cuda.is_available():
    sys.exit("error: PyTorch sees no GPU")

# Batch, input channels, size, filters, kernel: layers of ResNet-50.
LAYERS = [(8, 64, 56, 64, 3), (8, 256, 56, 64, 1), (8, 256, 14, 256, 3), (8, 512, 7, 512, 3)]


def milliseconds(work):
    for _ in range(3):
        work()
    times = []
    for _ in range(20):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    return round(statistics.median(times), 3)


rows = {}
for batch, channels, size, filters, kernel in LAYERS:
    layer = torch.nn.Conv2d(channels, filters, kernel, padding=kernel // 2).cuda()
    x = torch.randn(batch, channels, size, size, device="cuda")
    name = f"n{batch}-c{channels}-{size}x{size}-k{filters}-{kernel}x{kernel}"
    rows[name] = milliseconds(lambda: layer(x).sum())
    print(f"{name}: {rows[name]} ms", file=sys.stderr, flush=True)
print(json.dumps({"device": torch.cuda.get_device_name(), "torch": torch.__version__,
                  "milliseconds": rows}))
`;

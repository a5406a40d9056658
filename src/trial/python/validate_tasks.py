"""What `rekindle validate` measures with PyTorch: many cases, a soak, speed, repeats, training."""

import base64
import ctypes
import hashlib
import math
import os
import time

import torch
from torch import nn

import trial_networks
import trial_tasks
from trial_tasks import prepare, synchronize


def quietly(**_):
    """Cases of a list say no more than which one it is."""


def cases(order, say):
    """Many cases in one process. The error is that of the worst by what rounding explains."""
    device, name = prepare(order, say)
    failures, worst, worst_id = [], 0.0, ""
    for one in order["cases"]:
        say(at=one["id"])
        try:
            error = trial_tasks.compare_case(one["case"], order["seed"], device, quietly)["error"]
        except (RuntimeError, ValueError) as problem:
            failures.append({"id": one["id"], "what": f"{type(problem).__name__}: {problem}"[:300]})
            continue
        ratio = math.inf if error == "not finite" else error / one["tolerance"]
        if ratio > 1:
            failures.append({"id": one["id"], "what": f"relative error {error}"})
        if ratio >= worst:
            worst, worst_id = ratio, one["id"]
    data = {"checked": len(order["cases"]), "failures": failures[:50], "failed": len(failures)}
    error = 0 if not failures else "not finite"
    return {"device": name, "error": error, "output": worst_id, "data": data}


def loaded(p, seed, device):
    """A case on a device: a function that computes it, and gives one list of numbers there."""
    torch.manual_seed(seed)
    if p["task"] == "network":
        network = trial_networks.NETWORKS[p["network"]](trial_networks.CLASSES).eval().to(device)
        x = torch.randn(p["batch"], 3, p["imageSize"], p["imageSize"]).to(device)

        def forward():
            with torch.no_grad():
                return network(x).flatten()

        return forward
    inputs, compute = trial_tasks.inputs_of(p, seed)
    there = {key: t.to(device) for key, t in inputs.items()}

    def evaluate():
        outputs = trial_tasks.evaluate(compute, there, p.get("backward", False))
        return torch.cat([t.detach().flatten() for t in outputs.values()])

    return evaluate


def outputs_of(p, seed, device):
    """What a case gives on a device, as one list of float32 on the CPU."""
    return loaded(p, seed, device)().float().cpu()


def bytes_of(values):
    values = values.contiguous()
    return ctypes.string_at(values.data_ptr(), values.numel() * values.element_size())


VALUES_KEPT = 256


def repeat(order, say):
    """Each case several times: the bits of what comes out, and whether they stay the same."""
    device, name = prepare(order, say)
    found, differing = {}, 0
    for one in order["cases"]:
        say(at=one["id"])
        first = outputs_of(one["case"], order["seed"], device)
        entry = {"digest": hashlib.sha256(bytes_of(first)).hexdigest()}
        entry["values"] = base64.b64encode(bytes_of(first[:VALUES_KEPT])).decode()
        for again in range(1, order["times"]):
            other = outputs_of(one["case"], order["seed"], device)
            unequal = (first.view(torch.int32) != other.view(torch.int32)).nonzero()
            if len(unequal) > 0:
                at = unequal[0].item()
                values = {"first": first[at].item(), "second": other[at].item()}
                entry["difference"] = {"run": again + 1, "index": at, **values}
                differing += 1
                break
        found[one["id"]] = entry
    return {"device": name, "error": differing, "output": "repeats", "data": {"outputs": found}}


def resident_bytes():
    """Memory of this process; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


TURN_SECONDS = 2


def soak(order, say):
    """Cases take turns until the time is over. They stay loaded together, but for one in each
    round, which is freed and loaded again. What comes out has to stay what it was at first."""
    device, name = prepare(order, say)
    kept, turns, runs, mismatches, early = {}, 0, 0, [], 0
    start = time.monotonic()
    end = start + order["seconds"]
    count = len(order["cases"])
    while time.monotonic() < end:
        one = order["cases"][turns % count]
        say(at=f"turn {turns + 1}: {one['id']}")
        if turns >= count and turns // count % count == turns % count:
            kept.pop(one["id"], None)
        if one["id"] not in kept:
            compute = loaded(one["case"], order["seed"], device)
            kept[one["id"]] = compute, compute()
        compute, first = kept[one["id"]]
        turn_end = min(end, time.monotonic() + TURN_SECONDS)
        while time.monotonic() < turn_end:
            # Many in a row: a card that waits for the CPU is not under load.
            for _ in range(10):
                values = compute()
            runs += 10
            error = trial_tasks.relative_error(values, first.cpu())
            if not error <= one["tolerance"]:
                mismatches.append({"id": one["id"], "run": runs, "error": str(error)})
        turns += 1
        if turns == 2 * count:
            early = resident_bytes()
    seconds = time.monotonic() - start
    memory = {"residentBytesEarly": early, "residentBytesLate": resident_bytes()}
    data = {"runs": runs, "seconds": seconds, "mismatches": mismatches[:20], **memory}
    if device.type == "cuda":
        data["deviceBytesMax"] = torch.cuda.max_memory_allocated(device)
    return {"device": name, "error": len(mismatches), "output": "runs", "data": data}


def spread(times):
    ordered = sorted(times)
    return {
        "count": len(ordered),
        "median": ordered[len(ordered) // 2],
        "low": ordered[0],
        "high": ordered[-1],
        "kind": "min..max",
    }


def time_ms(work, device, budget=0.5, samples=9):
    """Milliseconds of a piece of work, repeated so that each sample lasts a few milliseconds."""
    work()
    synchronize(device)
    start = time.perf_counter()
    work()
    synchronize(device)
    once = time.perf_counter() - start
    repeats = max(1, min(1000, int(budget / samples / max(once, 1e-6))))
    times = []
    for _ in range(samples):
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        synchronize(device)
        times.append(1000 * (time.perf_counter() - start) / repeats)
    return spread(times)


def measure_optimum(device, size):
    """The device's rate of multiplications in a large matrix product, and of a large copy."""
    x = torch.randn(size, size, device=device)
    flop = 2 * size**3 / time_ms(lambda: x @ x, device)["low"] * 1000
    source = torch.randn(16 * size * size // 4, device=device)
    target = torch.empty_like(source)
    moved = 2 * 4 * source.numel()
    return flop, moved / time_ms(lambda: target.copy_(source), device)["low"] * 1000


def cost_of(module, x, y):
    """Operations and bytes of a layer, each value moved once; it may be a part that has none."""
    moved = 4 * (x.numel() + y.numel() + sum(p.numel() for p in module.parameters()))
    if isinstance(module, nn.Conv2d):
        return 2 * y.numel() * module.weight[0].numel(), moved
    if isinstance(module, nn.Linear):
        return 2 * y.numel() * module.in_features, moved
    return 0, moved


def bound_of_network(network, x, bound):
    """The sum of what its layers take at the least. Pointwise ones may be fused: not counted."""
    total = 0.0

    def add(module, inputs, y):
        nonlocal total
        total += bound(*cost_of(module, inputs[0], y))

    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(add) for layer in layers]
    network(x)
    for hook in hooks:
        hook.remove()
    return total


def speed(order, say):
    """Layers and networks, by what the measured device could do at best."""
    device, name = prepare(order, say)
    say(at="measure the device")
    flop_rate, byte_rate = measure_optimum(device, order["matrixSize"])

    def bound(flop, moved):
        return 1000 * max(flop / flop_rate, moved / byte_rate)

    layers, models = [], []
    with torch.no_grad():
        for one in order["layers"]:
            say(at=one["name"])
            groups, kernel = one["G"], one["R"]
            padding = (kernel - 1) * one["dilation"] // 2
            settings = {"padding": padding, "dilation": one["dilation"], "groups": groups}
            conv = nn.Conv2d(one["C"], one["K"], kernel, one["stride"], **settings).to(device)
            x = torch.randn(order["batch"], one["C"], one["H"], one["W"], device=device)
            ms = time_ms(lambda: conv(x), device)
            least = bound(*cost_of(conv, x, conv(x)))
            row = {"name": one["name"], "class": one["class"], "batch": order["batch"]}
            layers.append({**row, "ms": ms, "boundMs": least})
        for one in order["models"]:
            say(at=one)
            network = trial_networks.NETWORKS[one](1000).eval().to(device)
            side = order["imageSize"]
            x = torch.randn(order["batch"], 3, side, side, device=device)
            ms = time_ms(lambda: network(x), device, 1.5)
            least = bound_of_network(network, x, bound)
            row = {"name": one, "batch": order["batch"], "imageSize": side}
            models.append({**row, "ms": ms, "boundMs": least})
    size = order["matrixSize"]
    rates = {"flopPerSecond": flop_rate, "flopBy": f"torch's matrix product of {size}"}
    rates |= {"bytesPerSecond": byte_rate, "bytesBy": "torch's copy of a large tensor"}
    data = {**rates, "layers": layers, "models": models}
    return {"device": name, "error": 0, "output": "times", "data": data}


def pictures(count):
    """Pictures of bars that lie, stand or cross, in noise: three classes that a CNN can learn."""
    x = 0.3 * torch.randn(count, 1, 16, 16)
    labels = torch.arange(count) % 3
    for i, label in enumerate(labels.tolist()):
        at = int(torch.randint(2, 14, ()))
        if label != 1:
            x[i, 0, at, :] += 1
        if label != 0:
            x[i, 0, :, at] += 1
    return x, labels


def train_on(device, steps, seed):
    torch.manual_seed(seed)
    x, labels = pictures(192)
    body = [nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)]
    body += [nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()]
    head = [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(32, 3)]
    network = nn.Sequential(*body, *head).to(device)
    x, labels = x.to(device), labels.to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(steps):
        loss = nn.functional.cross_entropy(network(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def training(order, say):
    """Trains a small network on the device and on the CPU: both have to learn as well."""
    device, name = prepare(order, say)
    say(at=f"train on {device}")
    losses = train_on(device, order["steps"], order["seed"])
    say(at="train on the CPU")
    on_cpu = train_on(torch.device("cpu"), order["steps"], order["seed"])
    data = {"losses": losses, "cpuLosses": on_cpu}
    # Rounding leads two trainings apart; both have to come as far down from where they began.
    error = abs(losses[-1] - on_cpu[-1]) / on_cpu[0]
    return {"device": name, "error": error, "output": "loss", "data": data}


KINDS = {
    "cases": cases,
    "repeat": repeat,
    "soak": soak,
    "speed": speed,
    "training": training,
}

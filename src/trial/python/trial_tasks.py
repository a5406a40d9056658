"""What experiments compute, on a device and again on the CPU in float64, and how far it differs.

A task is a function of its parameters that gives (inputs, compute): the inputs by name, made on the
CPU with a seed, and what to do with them. Both sides start from the same inputs, rounded to the
type that is tried.
"""

import math

import torch
import torch.nn.functional as F

import trial_networks


class Unavailable(Exception):
    """This build cannot be asked: neither a success nor a failure."""


def find_device(wanted):
    """The device to try: the one that is named, else the largest GPU, else the CPU."""
    if wanted:
        return torch.device(wanted)
    if torch.cuda.is_available():
        return torch.device("cuda", largest_gpu())
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        return torch.device("xpu")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    if torch.version.hip or torch.version.cuda:
        raise Unavailable(f"this torch is built for a GPU and finds none: {why_no_gpu()}")
    return torch.device("cpu")


def largest_gpu():
    """With a processor that has graphics of its own, the card may come second."""
    sizes = [
        torch.cuda.get_device_properties(i).multi_processor_count
        for i in range(torch.cuda.device_count())
    ]
    return sizes.index(max(sizes))


def why_no_gpu():
    """What the runtime says: torch.cuda.is_available() answers False for every reason."""
    try:
        torch.cuda.init()
    except Exception as error:
        return str(error).split("\n", 1)[0]
    return "torch.cuda.is_available() is False"


def built_for(device):
    """The device's target and those that torch was built for, for ROCm; None where unknown.

    With kernels in separate packages a target may stand here whose package is not installed.
    """
    if device.type != "cuda" or not torch.version.hip:
        return None
    target = getattr(torch.cuda.get_device_properties(device), "gcnArchName", None)
    return target and {"device": target, "targets": torch.cuda.get_arch_list()}


def synchronize(device):
    if device.type == "cpu":
        return
    # Without an argument the first one would be waited for, and not that which works.
    which = () if device.index is None else (device,)
    getattr(torch, device.type).synchronize(*which)


def device_name(device):
    if device.type != "cuda":
        return device.type
    properties = torch.cuda.get_device_properties(device)
    target = getattr(properties, "gcnArchName", None)
    return properties.name + (f" ({target})" if target else "")


def normal(*size):
    return torch.randn(*size, dtype=torch.float64)


def plain(compute, **inputs):
    return inputs, compute


def task_device(p):
    return plain(lambda x: {"y": x + 1}, x=normal(4))


def task_create(p):
    def compute(x):
        made = {"zeros": torch.zeros_like(x), "full": torch.full_like(x, 3)}
        made["arange"] = torch.arange(1000, device=x.device).to(x.dtype)
        made["eye"] = torch.eye(64, device=x.device, dtype=x.dtype)
        return made

    return plain(compute, x=normal(1000, 1000))


def task_copy(p):
    def compute(x):
        return {"whole": x, "part": x[::2, 1:77], "turned": x.t().contiguous()}

    return plain(compute, x=normal(2000, 2000))


def task_elementwise(p):
    def compute(x, y):
        return {
            "arithmetic": x * y + x / (y.abs() + 1),
            "functions": torch.sigmoid(x) + torch.tanh(y) + torch.exp(-x.abs()),
            "where": torch.where(x > y, x, y),
            "broadcast": x + y[:, :1],
        }

    return plain(compute, x=normal(513, 1023), y=normal(513, 1023))


def task_reduce(p):
    def compute(x):
        # Small enough that the sum does not overflow in float16.
        x = x / 16
        return {
            "sum": x.abs().sum(),
            "rows": x.abs().sum(1),
            "mean": x.abs().mean(0),
            "maximum": x.amax((0, 1)),
            "softmax": torch.softmax(x, 1),
        }

    return plain(compute, x=normal(257, 1025))


def task_select(p):
    def compute(x):
        # Integers: all of this is exact.
        whole = (x * 4).round()
        return {
            "nonzero": whole.nonzero().to(x.dtype),
            "unique": whole.unique(),
            "sorted": x.sort(1).values,
            "cumulated": whole.cumsum(0),
            "mask": x[x > 0],
        }

    return plain(compute, x=normal(100, 100))


def task_matmul(p):
    def compute(x, y, z):
        return {"product": x @ y, "batched": torch.bmm(z, z.transpose(1, 2)), "row": x[:1] @ y}

    return plain(compute, x=normal(255, 300), y=normal(300, 129), z=normal(5, 64, 65))


def task_conv(p):
    channels, filters, groups = p["channels"], p["filters"], p["groups"]
    dims = [channels, filters // groups] if p["transposed"] else [filters, channels // groups]
    fan_in = channels // groups * math.prod(p["kernel"])
    inputs = {"x": normal(p["batch"], channels, *p["size"])}
    inputs["weight"] = normal(*dims, *p["kernel"]) / math.sqrt(fan_in)
    if p["bias"]:
        inputs["bias"] = normal(filters)
    convolve = F.conv_transpose2d if p["transposed"] else F.conv2d

    def compute(x, weight, bias=None):
        if p["channelsLast"]:
            x, weight = (t.to(memory_format=torch.channels_last) for t in (x, weight))
        settings = {"stride": p["stride"], "padding": p["padding"], "groups": groups}
        return {"y": convolve(x, weight, bias, dilation=p["dilation"], **settings)}

    return inputs, compute


def task_batch_norm(p):
    channels = 19
    inputs = {"x": normal(4, channels, 17, 15) * 2 + 1, "weight": normal(channels)}
    inputs["bias"] = normal(channels)

    def compute(x, weight, bias):
        mean = torch.zeros(channels, device=x.device, dtype=weight.dtype)
        variance = torch.ones(channels, device=x.device, dtype=weight.dtype)
        y = F.batch_norm(x, mean, variance, weight, bias, training=p["training"])
        return {"y": y, "mean": mean, "variance": variance} if p["training"] else {"y": y}

    return inputs, compute


def task_pool(p):
    pools = {
        "max": lambda x: F.max_pool2d(x, 3, stride=2, padding=1),
        "average": lambda x: F.avg_pool2d(x, 3, stride=2, padding=1),
        "global": lambda x: F.adaptive_avg_pool2d(x, 1),
    }
    return plain(lambda x: {"y": pools[p["kind"]](x)}, x=normal(2, 13, 21, 18).abs())


def task_compile(p):
    def eager(x, y):
        return torch.relu(x * y + 1).sum(1) + torch.tanh(x - y).mean(1)

    def compute(x, y):
        if x.dtype == torch.float64:
            return {"y": eager(x, y)}
        if not hasattr(torch, "compile"):
            raise Unavailable("this PyTorch has no torch.compile")
        try:
            return {"y": torch.compile(eager)(x, y)}
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            if "triton" in text.lower() and "install" in text.lower():
                raise Unavailable("torch.compile has no Triton here") from error
            if "InvalidCxxCompiler" in text or "Compiler" in text and "not found" in text:
                raise Unavailable("torch.compile finds no compiler here") from error
            raise

    return plain(compute, x=normal(300, 1000), y=normal(300, 1000))


TASKS = {
    "device": task_device,
    "create": task_create,
    "copy": task_copy,
    "elementwise": task_elementwise,
    "reduce": task_reduce,
    "select": task_select,
    "matmul": task_matmul,
    "conv": task_conv,
    "batch-norm": task_batch_norm,
    "pool": task_pool,
    "compile": task_compile,
}


def evaluate(compute, inputs, backward):
    """Outputs by name; with gradients of a weighted sum of them where those are asked for."""
    if backward:
        inputs = {name: t.detach().requires_grad_() for name, t in inputs.items()}
    outputs = compute(**inputs)
    if not backward:
        return outputs
    y = outputs["y"]
    # Unequal weights, which both sides compute alike.
    weights = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).reshape(y.shape)
    (y * weights.to(y.dtype).to(y.device)).sum().backward()
    gradients = {f"gradient of {name}": t.grad for name, t in inputs.items()}
    return {name: t.detach() for name, t in {**outputs, **gradients}.items()}


def relative_error(actual, expected):
    """L2 norm of the difference by that of what is expected; infinite for numbers that are none."""
    actual = actual.detach().cpu().to(torch.float64)
    expected = expected.detach().to(torch.float64)
    if actual.shape != expected.shape or not torch.isfinite(actual).all():
        return math.inf
    norm = expected.norm().item()
    return (actual - expected).norm().item() / (norm if norm > 0 else 1)


def compare(actual, expected):
    """The output that differs most."""
    worst = max(expected, key=lambda name: relative_error(actual[name], expected[name]))
    error = relative_error(actual[worst], expected[worst])
    return {"output": worst, "error": error if math.isfinite(error) else "not finite"}


def prepare(order, say):
    """The device to use and its name, with settings under which numbers can be compared."""
    say(at="find the device")
    device = find_device(order.get("device"))
    built = built_for(device)
    if built:
        say(built=built)
    # float32 shall be float32: NVIDIA's TensorFloat-32 keeps 10 bits.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return device, device_name(device)


def inputs_of(p, seed):
    """The inputs of a case, rounded to its type, and what to do with them."""
    torch.manual_seed(seed)
    inputs, compute = TASKS[p["task"]](p)
    dtype = getattr(torch, p["dtype"])
    return {key: t.to(dtype) for key, t in inputs.items()}, compute


def compare_case(p, seed, device, say):
    """A case on the device against the CPU: the output that differs most, and how far."""
    if p["task"] == "network":
        torch.manual_seed(seed)
        return trial_networks.run(p, device, say, synchronize, compare)
    inputs, compute = inputs_of(p, seed)
    backward = p.get("backward", False)
    say(at=f"copy to {device}")
    there = {key: t.to(device) for key, t in inputs.items()}
    synchronize(device)
    say(at=f"compute on {device}")
    actual = evaluate(compute, there, backward)
    synchronize(device)
    say(at=f"copy from {device}")
    actual = {key: t.cpu() for key, t in actual.items()}
    say(at="compute on the CPU")
    expected = evaluate(compute, {key: t.to(torch.float64) for key, t in inputs.items()}, backward)
    return compare(actual, expected)


def run(order, say):
    """Does what is ordered; `say` tells where it is."""
    device, name = prepare(order, say)
    try:
        return {"device": name, **compare_case(order["case"], order["seed"], device, say)}
    except RuntimeError as error:
        if "not implemented for" in str(error):
            raise Unavailable(str(error).split("\n", 1)[0]) from error
        raise

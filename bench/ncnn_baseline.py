"""Times of ncnn on Vulkan, as a baseline for `rekindle bench --baseline`.

usage: python3 bench/ncnn_baseline.py OUT_DIR [--names resnet18,...] [--samples 30]

Reads OUT_DIR/NAME.onnx, which `bench/torch_baseline.py` or `rekindle models NAME --output` writes,
and writes OUT_DIR/ncnn.json (see docs/measuring.md). Whole runs, from the CPU's memory to the CPU's
memory, one picture of 224x224 at a time: ncnn has no batches. What does not agree with ncnn on the
CPU is named, and not timed. Needs `pip install ncnn pnnx` and a Vulkan driver.
"""
import argparse
import datetime
import json
import os
import shlex
import subprocess
import sys
import time

import ncnn
import numpy
import pnnx

NETWORKS = ["resnet18", "resnet50", "vgg16", "mobilenet_v2"]
# Largest relative error (L2) against float32 on the CPU.
TOLERANCE = {"f32": 1e-4, "f16": 2e-2}
WARM_UP_SECONDS = 0.5


def spread(samples):
    """Median, and 10th to 90th percentile, linear between the nearest two."""
    low, median, high = numpy.percentile(samples, [10, 50, 90])
    return {
        "median": median,
        "low": low,
        "high": high,
        "count": len(samples),
        "kind": "p10..p90",
    }


def convert(folder, name):
    """ncnn's files of an ONNX file: (param, bin), with float32 weights."""
    command = [pnnx.EXEC_PATH, f"{name}.onnx", "inputshape=[1,3,224,224]", "fp16=0"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    files = [os.path.join(folder, f"{name}.ncnn.{kind}") for kind in ("param", "bin")]
    if done.returncode != 0 or not all(map(os.path.exists, files)):
        sys.exit(f"pnnx cannot convert {name}.onnx: {(done.stderr or done.stdout)[-1000:]}")
    return files


def load(files, precision, on_gpu):
    net = ncnn.Net()
    net.opt.use_vulkan_compute = on_gpu
    half = precision == "f16"
    net.opt.use_fp16_packed = half
    net.opt.use_fp16_storage = half
    net.opt.use_fp16_arithmetic = half
    net.opt.use_bf16_storage = False
    param, weights = files
    if net.load_param(param) != 0 or net.load_model(weights) != 0:
        sys.exit(f"ncnn cannot load {param}")
    return net


def run(net, picture):
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(picture))
    code, out = extractor.extract("out0")
    if code != 0:
        sys.exit(f"ncnn cannot run the network: code {code}")
    return numpy.array(out)


def timed(net, picture, samples):
    start = time.perf_counter()
    while time.perf_counter() - start < WARM_UP_SECONDS:
        run(net, picture)
    times = []
    for _ in range(samples):
        before = time.perf_counter()
        run(net, picture)
        times.append(1000 * (time.perf_counter() - before))
    return spread(times)


def measure(folder, name, samples):
    picture = numpy.random.default_rng(0).standard_normal((3, 224, 224), numpy.float32)
    files = convert(folder, name)
    expected = run(load(files, "f32", on_gpu=False), picture)
    for precision, tolerance in TOLERANCE.items():
        net = load(files, precision, on_gpu=True)
        error = numpy.linalg.norm(run(net, picture) - expected) / numpy.linalg.norm(expected)
        if not error <= tolerance:
            wrong = f"relative error {error:.1e}, at most {tolerance} is right"
            print(f"{name} {precision}: not timed: {wrong}", file=sys.stderr)
            continue
        ms = timed(net, picture, samples)
        print(f"{name} {precision}: {ms['median']:.2f} ms, error {error:.1e}", flush=True)
        yield {
            "what": "model",
            "name": name,
            "batch": 1,
            "size": [224, 224],
            "precision": precision,
            "measure": "whole",
            "how": "Vulkan",
            "ms": ms,
        }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--names", default=",".join(NETWORKS))
    parser.add_argument("--samples", type=int, default=30)
    options = parser.parse_args()
    if ncnn.get_gpu_count() == 0:
        sys.exit("ncnn finds no Vulkan device: install a driver")
    names = options.names.split(",")
    missing = [n for n in names if not os.path.exists(os.path.join(options.out, f"{n}.onnx"))]
    if missing:
        sys.exit(f"{options.out} has no {missing[0]}.onnx: run bench/torch_baseline.py first")
    times = [t for name in names for t in measure(options.out, name, options.samples)]
    baseline = {
        "format": "rekindle-baseline",
        "version": 1,
        "title": "ncnn",
        "machine": ncnn.get_gpu_info(0).device_name(),
        "software": f"ncnn {ncnn.__version__}, Vulkan",
        "command": "python3 bench/ncnn_baseline.py " + shlex.join(sys.argv[1:]),
        "date": datetime.date.today().isoformat(),
        "notes": "224x224 pictures, one at a time",
        "times": times,
    }
    with open(os.path.join(options.out, "ncnn.json"), "w") as file:
        json.dump(baseline, file, indent=1)
        file.write("\n")


main()

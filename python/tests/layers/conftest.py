"""Settings of these tests."""

import os

import torch

# Small tensors: more threads would only wait for each other.
torch.set_num_threads(1)
# oneDNN writes beyond its memory in float32, channels last, with one thread (PyTorch 2.13:
# "corrupted double-linked list"); PyTorch's other kernels are as good a reference.
torch.backends.mkldnn.set_flags(False)
# Another device than the CPU, such as "cuda": tensors and layers of the tests are made there.
DEVICE = os.environ.get("REKINDLE_TEST_DEVICE")
if DEVICE:
    torch.set_default_device(DEVICE)
    torch.backends.cudnn.allow_tf32 = False
# Choices that somebody measured on this machine have no place in tests.
os.environ["REKINDLE_TORCH_TUNING"] = os.devnull

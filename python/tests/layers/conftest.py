"""Settings of these tests."""

import os

import torch

# Small tensors: more threads would only wait for each other.
torch.set_num_threads(1)
# oneDNN writes beyond its memory in float32, channels last, with one thread (PyTorch 2.13:
# "corrupted double-linked list"); PyTorch's other kernels are as good a reference.
torch.backends.mkldnn.set_flags(False)
# Choices that somebody measured on this machine have no place in tests.
os.environ["REKINDLE_TORCH_TUNING"] = os.devnull

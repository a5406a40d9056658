"""PyTorch's convolutions on AMD GPUs that MIOpen leaves behind.

Importing this package changes nothing: see `make_safe`, `patched` and the layers.
"""

__version__ = "0.1.0"

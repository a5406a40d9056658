"""Convolution from matrix products, copies and elementwise operations."""

"""Attention on NVIDIA GPUs in Triton: kernels, their tiles, and `run`, which launches them."""

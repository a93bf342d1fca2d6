"""The switch: unmodified ``import torch`` and ``import flash_attn`` give Oarlock's modules."""

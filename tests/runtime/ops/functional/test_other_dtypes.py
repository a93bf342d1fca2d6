"""Integers and complex numbers in functions that Paddle has floating-point kernels for only."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch

import oarlock.torch

INTEGERS = [
    "F.conv1d(i[0], i[0, :, :, :2].clone())",
    "F.conv2d(i, i[:, :, :2, :2].contiguous(), torch.arange(2), stride=2, padding=1)",
    "F.conv3d(i, i[:, :, :2, :2].reshape(2, 2, 2, 2, 1))",
    "F.conv_transpose1d(i[0], i[0, 0].reshape(4, 2, 2))",
    "F.conv_transpose2d(i, i[:, :, :2, :2].contiguous(), stride=2)",
    "F.avg_pool1d(i[0], 3, 1, 1)",
    "F.avg_pool2d(i, 3, 2, 1, count_include_pad=False)",
    "F.avg_pool2d(i, 2, ceil_mode=True, divisor_override=3)",
    "F.avg_pool3d(i, 2)",
    "F.softsign(i)",
    "F.tanhshrink(i)",
    "F.pairwise_distance(i, i * i)",
    "F.cosine_embedding_loss(i[0, 0], i[0, 1], torch.tensor([1, -1, 1, -1]), margin=0.5)",
    "F.poisson_nll_loss(i % 3, i % 5, full=True)",
    "F.triplet_margin_loss(i[0, 0], i[0, 1], i[1, 0])",
    "F.local_response_norm(i, 2)",
]
COMPLEX = [
    "F.conv1d(c[0], c[0, :, :, :2].clone(), b)",
    "F.conv2d(c, c[:, :, :2, :2].clone(), b, padding='same')",
    "F.conv_transpose2d(c, c[:, :, :2, :2].clone(), stride=2, groups=2)",
    "F.normalize(c, dim=1)",
    "F.pairwise_distance(c, c * c)",
    "F.triplet_margin_loss(c[0, 0], c[0, 1], c[1, 0])",
]


def _evaluated(text: str, module: ModuleType) -> tuple[Any, Any]:
    """The value of an expression, and the gradient of its complex input."""
    scope: dict[str, Any] = {"torch": module, "F": module.nn.functional}
    lines = [
        "i = torch.arange(-20, 44).reshape(2, 2, 4, 4)",
        "c = torch.complex(torch.sin(i.float()), torch.cos(i * 2.0)).requires_grad_()",
        "b = torch.complex(torch.arange(2.0), torch.ones(2))",
        f"r = {text}",
        "if r.requires_grad: (r.real + 2 * r.imag if r.is_complex() else r).sum().backward()",
    ]
    exec("\n".join(lines), scope)
    return scope["r"].detach(), scope["c"].grad


@pytest.mark.parametrize("text", [*INTEGERS, *COMPLEX])
def test_values_and_gradients(text: str) -> None:
    (ours, gradient), (theirs, other) = (_evaluated(text, m) for m in (oarlock.torch, torch))
    torch.testing.assert_close(torch.from_numpy(ours.numpy()), theirs)
    assert (gradient is None) == (other is None)
    if gradient is not None:
        torch.testing.assert_close(torch.from_numpy(gradient.numpy()), other, rtol=1e-4, atol=1e-5)

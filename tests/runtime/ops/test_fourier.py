"""Fourier transforms, against torch, with first and second gradients."""

from __future__ import annotations

from typing import Any

import paddle
import pytest
import torch
from against_torch import same, to_paddle, to_torch
from samples import FLOATS, cases, check_errors, check_samples

from oarlock.ops import fourier

NAMES = [
    f"{inverse}{kind}fft{dims}"
    for kind in ("", "r", "h")
    for inverse in ("", "i")
    for dims in ("", "2", "n")
]
OURS = {f"fft.{name}": getattr(fourier, f"fft_{name}") for name in NAMES}
OURS |= {"fft.fftshift": fourier.fft_fftshift, "fft.ifftshift": fourier.fft_ifftshift}
DTYPES = (*FLOATS, torch.complex128, torch.int64, torch.uint8, torch.bool)


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, DTYPES))
def test_samples(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_samples(op, ours, dtype)


@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, [torch.float32]))
def test_errors(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_errors(op, ours)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", NAMES)
def test_norms_and_sizes(name: str, norm: str | None) -> None:
    several = name[-1] in "2n"
    real = name.startswith(("rfft", "ihfft"))
    x = torch.randn(4, 5, 6, dtype=torch.float64 if real else torch.complex128).requires_grad_()
    theirs, ours = getattr(torch.fft, name), OURS[f"fft.{name}"]
    for size in (None, (3, 7), (8, 4)) if several else (None, 3, 9):
        for dim in ((-2, -1), (2, 0), (1, 0)) if several else (-1, 0):
            same(theirs, ours, (x, size, dim, norm), grad=True)


@pytest.mark.parametrize("name", NAMES)
def test_second_gradients(name: str) -> None:
    real = name.startswith(("rfft", "ihfft"))
    x = torch.randn(3, 4, dtype=torch.float64 if real else torch.complex128)

    def curvature(function: Any, lib: Any, parts: Any, x: Any) -> Any:
        y = parts(function(x))
        (first,) = lib.grad((y * y * y).sum(), x, create_graph=True)
        return lib.grad(parts(first).sum(), x)[0]

    def torch_parts(y: Any) -> Any:
        return torch.view_as_real(y.resolve_conj()) if y.is_complex() else y

    def paddle_parts(y: Any) -> Any:
        return paddle.as_real(y) if y.is_complex() else y

    expected = curvature(
        getattr(torch.fft, name), torch.autograd, torch_parts, x.clone().requires_grad_()
    )
    mine = to_paddle(x)
    mine.stop_gradient = False
    got = curvature(OURS[f"fft.{name}"], paddle, paddle_parts, mine)
    torch.testing.assert_close(to_torch(got), expected.resolve_conj())


@pytest.mark.parametrize(
    ("name", "shape", "kwargs"),
    [
        ("fft", (3, 4), {"n": 0}),
        ("fft", (3, 4), {"n": -1}),
        ("fft", (3, 4), {"dim": 5}),
        ("fft", (3, 4), {"norm": "foo"}),
        ("fft", (), {}),
        ("fft", (4, 0), {}),
        ("irfft", (3, 1), {}),
        ("fftn", (3, 4), {"s": (1, 2, 3)}),
        ("fftn", (3, 4), {"s": (2, 3), "dim": (0,)}),
        ("fftn", (3, 4), {"dim": (0, 0)}),
        ("fftn", (3, 4), {"s": (0, 2)}),
        ("rfftn", (), {}),
        ("irfftn", (3, 4), {"dim": ()}),
        ("fft2", (3,), {}),
        ("irfft2", (3, 1), {}),
        ("fftshift", (), {}),
        ("fftshift", (3, 4), {"dim": 3}),
    ],
)
def test_refused_as_by_torch(name: str, shape: tuple[int, ...], kwargs: dict[str, Any]) -> None:
    with pytest.raises((RuntimeError, IndexError)) as theirs:
        getattr(torch.fft, name)(torch.ones(shape), **kwargs)
    with pytest.raises(theirs.type) as ours:
        OURS[f"fft.{name}"](paddle.ones(shape), **kwargs)
    assert str(ours.value) == str(theirs.value).split("\n")[0]


@pytest.mark.parametrize("name", ["rfft", "ihfft", "rfftn", "ihfftn"])
def test_complex_input_is_refused(name: str) -> None:
    same(getattr(torch.fft, name), OURS[f"fft.{name}"], (torch.ones(3, 4) + 0j,))


@pytest.mark.parametrize("s", [(-1, 2), (3, -1), (-1, -1), 3])
@pytest.mark.parametrize("name", ["fftn", "rfftn", "irfftn", "hfftn"])
def test_sizes_left_open(name: str, s: Any) -> None:
    same(getattr(torch.fft, name), OURS[f"fft.{name}"], (torch.randn(3, 4), s))

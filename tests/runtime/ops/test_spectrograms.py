"""stft and istft, against torch, with gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from against_torch import same
from samples import FLOATS, cases, check_samples

from oarlock.errors import UnsupportedError
from oarlock.ops import spectrograms
from oarlock.ops.spectrograms import istft, stft

OURS = {"stft": spectrograms.stft, "istft": spectrograms.istft}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("op", "ours", "dtype"), cases(OURS, (*FLOATS, torch.complex128)))
def test_samples(op: Any, ours: Any, dtype: torch.dtype) -> None:
    check_samples(op, ours, dtype)


@pytest.mark.parametrize("shape", [(50,), (3, 50)])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("onesided", [None, True, False])
@pytest.mark.parametrize(("n_fft", "hop", "win"), [(8, 3, 8), (9, 4, 6), (16, None, None)])
def test_there_and_back(
    shape: Any, center: bool, normalized: bool, onesided: Any, n_fft: int, hop: Any, win: Any
) -> None:
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    window = (torch.rand(win or n_fft, dtype=torch.float64) + 0.5).requires_grad_()
    shared = {
        "hop_length": hop,
        "win_length": win,
        "window": window,
        "center": center,
        "normalized": normalized,
        "onesided": onesided,
    }
    same(torch.stft, stft, (x, n_fft), {**shared, "return_complex": True}, grad=True)
    spectrum = torch.stft(x, n_fft, **shared, return_complex=True).detach().requires_grad_()
    for length in (None, 30, 60):
        same(torch.istft, istft, (spectrum, n_fft), {**shared, "length": length}, grad=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("pad_mode", ["constant", "replicate", "circular"])
def test_padding_and_parts(pad_mode: str) -> None:
    x = torch.randn(2, 20, requires_grad=True)
    same(torch.stft, stft, (x, 6), {"pad_mode": pad_mode, "return_complex": False}, grad=True)


def test_complex_signals() -> None:
    x = torch.randn(2, 40, dtype=torch.complex128, requires_grad=True)
    same(torch.stft, stft, (x, 8, 2), grad=True)
    spectrum = torch.stft(x, 8, 2).detach().requires_grad_()
    same(torch.istft, istft, (spectrum, 8, 2), {"return_complex": True}, grad=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kwargs",
    [
        {"n_fft": 8},
        {"n_fft": 0, "center": False, "return_complex": True},
        {"n_fft": 50, "center": False, "return_complex": True},
        {"n_fft": 8, "hop_length": 0, "return_complex": True},
        {"n_fft": 8, "win_length": 9, "return_complex": True},
        {"n_fft": 8, "window": torch.ones(7), "return_complex": True},
        {"n_fft": 8, "align_to_window": True, "return_complex": True},
        {"n_fft": 8, "window": torch.ones(8) + 0j, "onesided": True, "return_complex": True},
    ],
)
def test_stft_refuses_as_torch(kwargs: dict[str, Any]) -> None:
    same(torch.stft, stft, (torch.randn(20),), kwargs)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"n_fft": 10},
        {"n_fft": 8, "hop_length": 9},
        {"n_fft": 8, "win_length": 9},
        {"n_fft": 8, "window": torch.ones(7)},
        {"n_fft": 8, "window": torch.zeros(8)},
        {"n_fft": 8, "return_complex": True},
    ],
)
def test_istft_refuses_as_torch(kwargs: dict[str, Any]) -> None:
    spectrum = torch.randn(5, 7, dtype=torch.complex64)
    same(torch.istft, istft, (spectrum,), kwargs)
    same(torch.istft, istft, (spectrum.real, 8))


def test_align_to_window_is_refused_with_a_reason() -> None:
    import paddle

    with pytest.raises(UnsupportedError, match="align_to_window"):
        stft(paddle.randn([20]), 8, center=False, align_to_window=True, return_complex=True)

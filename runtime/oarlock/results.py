"""What becomes of a result: ``out=`` tensors, and torch's named tuples."""

from __future__ import annotations

import warnings
from collections import namedtuple
from functools import cache
from typing import Any

import paddle

from oarlock.tensor import commit, plain

# torch.return_types: the fields of the tuples that functions return.
_FIELDS = {
    "torch.return_types.aminmax": ("min", "max"),
    "torch.return_types.cummax": ("values", "indices"),
    "torch.return_types.cummin": ("values", "indices"),
    "torch.return_types.frexp": ("mantissa", "exponent"),
    "torch.return_types.geqrf": ("a", "tau"),
    "torch.return_types.histogram": ("hist", "bin_edges"),
    "torch.return_types.histogramdd": ("hist", "bin_edges"),
    "torch.return_types.kthvalue": ("values", "indices"),
    "torch.return_types.linalg_cholesky_ex": ("L", "info"),
    "torch.return_types.linalg_eig": ("eigenvalues", "eigenvectors"),
    "torch.return_types.linalg_eigh": ("eigenvalues", "eigenvectors"),
    "torch.return_types.linalg_inv_ex": ("inverse", "info"),
    "torch.return_types.linalg_ldl_factor": ("LD", "pivots"),
    "torch.return_types.linalg_ldl_factor_ex": ("LD", "pivots", "info"),
    "torch.return_types.linalg_lstsq": ("solution", "residuals", "rank", "singular_values"),
    "torch.return_types.linalg_lu": ("P", "L", "U"),
    "torch.return_types.linalg_lu_factor": ("LU", "pivots"),
    "torch.return_types.linalg_lu_factor_ex": ("LU", "pivots", "info"),
    "torch.return_types.linalg_qr": ("Q", "R"),
    "torch.return_types.linalg_slogdet": ("sign", "logabsdet"),
    "torch.return_types.linalg_solve_ex": ("result", "info"),
    "torch.return_types.linalg_svd": ("U", "S", "Vh"),
    "torch.return_types.lu_unpack": ("P", "L", "U"),
    "torch.return_types.max": ("values", "indices"),
    "torch.return_types.median": ("values", "indices"),
    "torch.return_types.min": ("values", "indices"),
    "torch.return_types.mode": ("values", "indices"),
    "torch.return_types.nanmedian": ("values", "indices"),
    "torch.return_types.qr": ("Q", "R"),
    "torch.return_types.slogdet": ("sign", "logabsdet"),
    "torch.return_types.sort": ("values", "indices"),
    "torch.return_types.svd": ("U", "S", "V"),
    "torch.return_types.topk": ("values", "indices"),
    "torch.return_types.triangular_solve": ("solution", "cloned_coefficient"),
}


def stored(result: Any, out: Any) -> Any:
    """Write a result into ``out`` where one is given, as torch's ``out=`` does.

    Args:
        result: a tensor, or a tuple of tensors.
        out: None, a tensor, or as many tensors as ``result`` has. One of another shape is resized,
            with torch's warning where it has elements.

    Returns:
        ``result``, or the tensors of ``out`` in the type of ``result``.

    Raises:
        RuntimeError: a gradient would be lost, or the result's dtype can't be cast to ``out``'s.
    """
    if out is None:
        return result
    if isinstance(result, tuple):
        kept = [_store(value, into) for value, into in zip(result, out, strict=True)]
        return type(result)(*kept) if hasattr(result, "_fields") else tuple(kept)
    return _store(result, out)


def _store(value: Any, out: Any) -> Any:
    value, into = plain(value), plain(out)
    if paddle.is_grad_enabled() and not (value.stop_gradient and into.stop_gradient):
        raise RuntimeError(
            "functions with out=... arguments don't support automatic differentiation, but one of "
            "the arguments requires grad."
        )
    if value.shape != into.shape:
        if into.size:
            warnings.warn(
                "An output with one or more elements was resized since it had shape "
                f"{list(into.shape)}, which does not match the required output shape "
                f"{list(value.shape)}.",
                stacklevel=3,
            )
        paddle.assign(paddle.empty(value.shape, into.dtype), into)
    return commit(out, value)


def named(name: str, result: Any) -> Any:
    """Give a tuple of tensors torch's field names, ``torch.return_types.max`` for example."""
    return _type(name)(*result)


@cache
def _type(name: str) -> Any:
    module, _, last = name.rpartition(".")
    base = namedtuple(last, _FIELDS[name])

    def shown(self: Any) -> str:
        fields = (f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
        return f"{name}(\n" + ",\n".join(fields) + ")"

    return type(last, (base,), {"__slots__": (), "__module__": module, "__repr__": shown})

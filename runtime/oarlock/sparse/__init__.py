"""torch.sparse, which is refused: Oarlock's tensors are dense."""

from __future__ import annotations

from typing import Any, NoReturn

from oarlock.errors import UnsupportedError


def _refused(name: str) -> UnsupportedError:
    return UnsupportedError(
        api=f"torch.sparse.{name}",
        reason="Oarlock's tensors are dense",
        advice="Use dense tensors, or paddle.sparse on Paddle's own",
    )


def mm(mat1: Any, mat2: Any, reduce: Any = None) -> NoReturn:
    """Refuse: the product of a sparse and a dense matrix.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("mm")


def addmm(
    input: Any, mat1: Any, mat2: Any, *, beta: float = 1.0, alpha: float = 1.0, out: Any = None
) -> NoReturn:
    """Refuse: a matrix plus the product of a sparse and a dense one.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("addmm")


def sum(input: Any, dim: Any = None, dtype: Any = None) -> NoReturn:
    """Refuse: sums of a sparse tensor.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("sum")


def softmax(input: Any, dim: int, *, dtype: Any = None) -> NoReturn:
    """Refuse: softmax of a sparse tensor.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("softmax")


def log_softmax(input: Any, dim: int, *, dtype: Any = None) -> NoReturn:
    """Refuse: the logarithm of softmax of a sparse tensor.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("log_softmax")


def sampled_addmm(
    input: Any, mat1: Any, mat2: Any, *, beta: float = 1.0, alpha: float = 1.0, out: Any = None
) -> NoReturn:
    """Refuse: the product of dense matrices at the places of a sparse one.

    Raises:
        UnsupportedError: always.
    """
    raise _refused("sampled_addmm")

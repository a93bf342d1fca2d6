"""torch.nn.functional's dropouts on Tensors: the input itself comes back where nothing is dropped, or in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oarlock.ops import dropout as plain_dropout
from oarlock.tensor import commit, like, plain


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero elements with probability p and scale the others by 1 / (1 - p).

    Args:
        input: a tensor of any shape.
        p: the probability of a zero.
        training: where False, ``input`` is returned.
        inplace: write the result into ``input``, and return it.

    Raises:
        ValueError: ``p`` is outside [0, 1].
    """
    return _served(plain_dropout.dropout, input, p, training, inplace)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """`dropout` of whole channels; ``input`` is (N, C, L) or (C, L).

    Raises:
        RuntimeError: ``input`` has another number of dimensions.
        ValueError: ``p`` is outside [0, 1].
    """
    return _served(plain_dropout.dropout1d, input, p, training, inplace)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """`dropout` of whole channels; ``input`` is (N, C, H, W), and three dimensions are taken for (N, C, L), as in torch.

    Raises:
        ValueError: ``p`` is outside [0, 1].
    """
    return _served(plain_dropout.dropout2d, input, p, training, inplace)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """`dropout` of whole channels; ``input`` is (N, C, D, H, W) or (C, D, H, W).

    Raises:
        ValueError: ``p`` is outside [0, 1].
    """
    return _served(plain_dropout.dropout3d, input, p, training, inplace)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Set elements to SELU's lower limit with probability p, keeping mean 0 and variance 1.

    Raises:
        ValueError: ``p`` is outside [0, 1].
    """
    return _served(plain_dropout.alpha_dropout, input, p, training, inplace)


def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Any:
    """`alpha_dropout` of whole channels, dimension 1.

    Raises:
        ValueError: ``p`` is outside [0, 1].
        RuntimeError: ``input`` has fewer than two dimensions.
    """
    return _served(plain_dropout.feature_alpha_dropout, input, p, training, inplace)


def _served(
    function: Callable[..., Any], input: Any, p: float, training: bool, inplace: bool
) -> Any:
    given = plain(input)
    # The product keeps what it multiplied for its gradient, so writing in place needs a copy of that.
    result = function(given.clone() if inplace else given, p, training)
    unchanged = p == 0 or not training or not given.size
    # A single sample of dropout1d and dropout3d comes back as a view, through unsqueeze and squeeze.
    if unchanged and (result is given or inplace):
        return input
    return commit(input, result) if inplace else like(input, result)

"""Einstein summation: einsum in both its formats, by pairwise matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import paddle

from oarlock.ops.carrying import INTEGRAL
from oarlock.ops.matmul import matmul, multiplied
from oarlock.ops.promotion import cast, promoted
from oarlock.ops.repeating import spread
from oarlock.tensor.core import plain_all

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# A label is a letter, or ("…", n) for the n-th dim from the end among those that "..." stands for.
Label = Any


def einsum(*args: Any) -> paddle.Tensor:
    """Sum products of elements over the indices that an equation names.

    Args:
        *args: an equation such as "bij,bjk->bik" and the operands, or a list of them; or operands and lists of
            numbers from 0 to 51 by turns, with the result's list at the end where it is given. "..." and Ellipsis
            stand for dims that broadcast. An index that repeats within one operand takes its diagonal.

    Raises:
        ValueError: there are too few arguments.
        RuntimeError: the equation is malformed or does not fit the operands.
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, "
            "or at least one operand and its subscripts list"
        )
    if isinstance(args[0], paddle.Tensor):
        equation, operands = _from_lists(args)
    else:
        equation, operands = args[0], list(args[1:])
        if len(operands) == 1 and isinstance(operands[0], list | tuple):
            operands = plain_all(operands[0])
    inputs, output = _parsed(equation, operands)
    return _contracted(operands, inputs, output)


def _from_lists(args: Sequence[Any]) -> tuple[str, list[paddle.Tensor]]:
    def spelt(numbers: Sequence[Any]) -> str:
        return "".join("..." if n is Ellipsis else _letter(n) for n in numbers)

    equation = ",".join(spelt(numbers) for numbers in args[1::2])
    operands = list(args[0::2])
    if len(args) % 2:
        *inputs, output = [spelt(numbers) for numbers in [*args[1::2], args[-1]]]
        return f"{','.join(inputs)}->{output}", operands[:-1]
    return equation, operands


def _letter(number: int) -> str:
    if not 0 <= number < 52:
        raise RuntimeError("einsum(): subscript index should be within the range [0, 52)")
    return _LETTERS[number]


def _parsed(
    equation: str, operands: Sequence[paddle.Tensor]
) -> tuple[list[list[Label]], list[Label]]:
    """The labels of each operand's dims and of the result's."""
    compact = equation.replace(" ", "")
    left, arrow, right = compact.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        fewer = "fewer" if len(terms) > len(operands) else "more"
        raise RuntimeError(
            f"einsum(): {fewer} operands were provided than specified in the equation"
        )
    inputs = [
        _labels(term, operand.ndim, place)
        for place, (term, operand) in enumerate(zip(terms, operands, strict=True))
    ]
    widest = max((sum(type(label) is tuple for label in labels) for labels in inputs), default=0)
    ellipsis = [("...", n) for n in range(widest, 0, -1)]
    if not arrow:
        counts: dict[str, int] = {}
        for label in (label for labels in inputs for label in labels if type(label) is str):
            counts[label] = counts.get(label, 0) + 1
        return inputs, ellipsis + sorted(label for label, n in counts.items() if n == 1)
    output: list[Label] = []
    rest = right
    while rest:
        if rest.startswith("..."):
            if "..." in rest[3:]:
                raise RuntimeError(
                    "einsum(): found '.' for output but an ellipsis (...) was already found"
                )
            output += ellipsis
            rest = rest[3:]
            continue
        label, rest = _checked(rest[0], "output"), rest[1:]
        if label in output:
            raise RuntimeError(
                f"einsum(): output subscript {label} appears more than once in the output"
            )
        if not any(label in labels for labels in inputs):
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any input operand"
            )
        output.append(label)
    return inputs, output


def _labels(term: str, rank: int, place: int) -> list[Label]:
    before, dots, after = term.partition("...")
    for letter in before + after:
        _checked(letter, f"operand {place}")
    named = len(before) + len(after)
    if rank < named or (rank > named and not dots):
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({named}) does not match the number of "
            f"dimensions ({rank}) for operand {place}"
        )
    spanned = [("...", n) for n in range(rank - named, 0, -1)] if dots else []
    return [*before, *spanned, *after]


def _checked(letter: str, where: str) -> str:
    if letter not in _LETTERS or not letter:
        raise RuntimeError(
            f"einsum(): invalid subscript given for {where}, subscripts must be in [a-zA-Z]"
        )
    return letter


def _contracted(
    operands: Sequence[paddle.Tensor], inputs: Sequence[list[Label]], output: list[Label]
) -> paddle.Tensor:
    sizes: dict[Label, int] = {}
    pairs = []
    for place, (x, labels) in enumerate(zip(operands, inputs, strict=True)):
        for label, size in zip(labels, x.shape, strict=True):
            known = sizes.get(label, 1)
            if 1 not in (known, size) and known != size:
                raise RuntimeError(
                    f"einsum(): subscript {label} has size {size} for operand {place} "
                    f"which does not broadcast with previously seen size {known}"
                )
            if label not in sizes or known == 1:
                sizes[label] = size
        pairs.append(_diagonals(x, labels, place))
    while len(pairs) > 1:
        (x, mine), (y, its) = pairs[0], pairs[1]
        later = {label for _, labels in pairs[2:] for label in labels} | set(output)
        pairs[:2] = [_pair(x, mine, y, its, later)]
    x, labels = pairs[0]
    # torch sums a single operand's whole numbers as int64.
    x, labels = _reduced(x, labels, set(output), widen=len(operands) == 1)
    present = [label for label in output if label in labels]
    if present != labels:
        x = x.transpose([labels.index(label) for label in present])
    return spread(
        x.reshape([x.shape[present.index(label)] if label in present else 1 for label in output]),
        [sizes[label] for label in output],
    )


def _diagonals(
    x: paddle.Tensor, labels: list[Label], place: int
) -> tuple[paddle.Tensor, list[Label]]:
    """An operand with the diagonal taken of each label that repeats in it."""
    labels = list(labels)
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {place} but the sizes don't match, "
                    f"{x.shape[second]} != {x.shape[first]}"
                )
            x = paddle.diagonal(x, axis1=first, axis2=second)
            labels = [l for at, l in enumerate(labels) if at not in (first, second)] + [label]  # noqa: E741
    return x, labels


def _reduced(
    x: paddle.Tensor, labels: list[Label], kept: set[Label], *, widen: bool = False
) -> tuple[paddle.Tensor, list[Label]]:
    """Sum over the labels that nothing else needs."""
    gone = [at for at, label in enumerate(labels) if label not in kept]
    if not gone:
        return x, labels
    dtype = x.dtype
    if dtype in INTEGRAL or dtype is paddle.bool:
        total = paddle.sum(x.cast(paddle.int64), axis=gone)
        total = total if widen else cast(total, dtype)
    else:
        total = paddle.sum(x, axis=gone)
    return total, [label for label in labels if label in kept]


def _pair(
    x: paddle.Tensor, mine: list[Label], y: paddle.Tensor, its: list[Label], later: set[Label]
) -> tuple[paddle.Tensor, list[Label]]:
    """The product of two operands, summed over what nothing later needs."""
    widen = not any(label in its and label not in later for label in mine)
    x, mine = _reduced(x, mine, later | set(its), widen=widen)
    y, its = _reduced(y, its, later | set(mine), widen=widen)
    x, y = promoted(x, y) if widen else (x, y)
    shared = [label for label in mine if label in its]
    size = {label: (x.shape[mine.index(label)], y.shape[its.index(label)]) for label in shared}
    if widen or any(a != b for a, b in size.values()):
        # Nothing to sum over; or a shared dim of size 1 on one side, over which only a plain product broadcasts.
        labels = [*mine, *(label for label in its if label not in mine)]
        left = x.reshape([*x.shape, *([1] * (len(labels) - len(mine)))])
        order = [label for label in labels if label in its]
        right = y.transpose([its.index(label) for label in order]) if y.ndim else y
        right = right.reshape(
            [right.shape[order.index(label)] if label in order else 1 for label in labels]
        )
        return _reduced(multiplied(left, right), labels, later, widen=True)
    batch = [label for label in shared if label in later]
    summed = [label for label in shared if label not in later]
    rows = [label for label in mine if label not in shared]
    columns = [label for label in its if label not in shared]
    left = _grouped(x, mine, batch, rows, summed)
    right = _grouped(y, its, batch, summed, columns)
    product = matmul(left, right)
    sizes = [x.shape[mine.index(label)] for label in (*batch, *rows)]
    sizes += [y.shape[its.index(label)] for label in columns]
    return product.reshape(sizes), [*batch, *rows, *columns]


def _grouped(
    x: paddle.Tensor,
    labels: list[Label],
    batch: list[Label],
    first: list[Label],
    second: list[Label],
) -> paddle.Tensor:
    order = [labels.index(label) for label in (*batch, *first, *second)]
    shape = x.shape
    if order != list(range(len(order))):
        x = x.transpose(order)

    def total(group: list[Label]) -> int:
        result = 1
        for label in group:
            result *= shape[labels.index(label)]
        return result

    return x.reshape([total(batch), total(first), total(second)])

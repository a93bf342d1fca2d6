"""torch.autograd.gradcheck: gradients against finite differences."""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import oarlock.torch as torch
from oarlock.errors import UnsupportedError
from oarlock.tensor import Tensor

Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """A gradient that is not what finite differences give."""


def gradcheck(
    func: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Return whether the gradients of ``func`` are those of finite differences.

    Args:
        func: from the inputs to a tensor or a tuple of them.
        inputs: a tensor or a tuple; those that require a gradient are checked, in float64.
        eps: how far an input is moved.
        atol: how far gradients may differ.
        rtol: how far gradients may differ, relative to their size.
        raise_exception: whether a difference is an error; else False is returned.
        nondet_tol: how far gradients may differ when they are computed again.
        check_undefined_grad: accepted: Paddle takes zeros for a gradient that is not there.
        check_grad_dtypes: whether gradients must have their input's dtype.
        fast_mode: accepted: every element is checked nevertheless.
        masked: accepted: there are no sparse tensors.

    Raises:
        GradcheckError: as ``raise_exception`` says.
        ValueError: no input requires a gradient.
        AssertionError: nothing is to be checked.
        UnsupportedError: complex inputs, forward mode or batched gradients.
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    if check_batched_grad and not check_backward_ad:
        raise AssertionError(
            "Setting check_batched_grad=True requires check_backward_ad to be True"
        )
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError(
            "Setting check_batched_forward_grad=True requires check_forward_ad to be True"
        )
    for name, given in (
        ("check_forward_ad", check_forward_ad),
        ("check_batched_grad", check_batched_grad),
    ):
        if given:
            raise UnsupportedError(
                api="torch.autograd.gradcheck",
                parameter=name,
                given="True",
                reason="Paddle has neither forward-mode nor batched gradients in eager mode",
                advice="Leave it out; gradients in reverse mode are checked",
            )
    try:
        _check(func, _tuple(inputs), eps, atol, rtol, nondet_tol, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Function,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Return whether the second derivatives of ``func`` are those of finite differences.

    Args:
        func, inputs, eps, atol, rtol, raise_exception, nondet_tol, check_undefined_grad,
            check_grad_dtypes, check_batched_grad, fast_mode, masked: as for `gradcheck`.
        grad_outputs: what the first derivatives are multiplied by; drawn where left out.
        gen_non_contig_grad_outputs: draw them with strides that are not contiguous.
        check_fwd_over_rev: refused, as forward mode is.
        check_rev_over_rev: whether anything is checked.

    Raises:
        GradcheckError, ValueError, UnsupportedError: as `gradcheck` does.
    """
    given = _tuple(inputs)
    if grad_outputs is None:
        vectors = tuple(
            torch.testing.make_tensor(
                y.shape,
                dtype=y.dtype if y.is_floating_point() or y.is_complex() else torch.float64,
                device=y.device,
                low=-1,
                high=1,
                requires_grad=True,
                noncontiguous=gen_non_contig_grad_outputs,
            )
            for y in _differentiable(func(*given))
        )
    else:
        vectors = _tuple(grad_outputs)
    count = len(vectors)
    wanted = [n for n, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad]
    of_vectors = [v.requires_grad for v in vectors]

    def first(*args: Any) -> tuple[Any, ...]:
        xs = [x.requires_grad_() if n in wanted else x for n, x in enumerate(args[:-count])]
        vs = [
            v.requires_grad_() if needed else v
            for v, needed in zip(args[-count:], of_vectors, strict=True)
        ]
        found = torch.autograd.grad(
            _differentiable(func(*xs)),
            [xs[n] for n in wanted],
            vs,
            create_graph=True,
            allow_unused=True,
        )
        return tuple(g for g in found if g is not None)

    return gradcheck(
        first,
        (*given, *vectors),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _differentiable(outputs: Any) -> tuple[Any, ...]:
    return tuple(y for y in _tuple(outputs) if y.requires_grad)


def _check(
    func: Function,
    inputs: tuple[Any, ...],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    check_grad_dtypes: bool,
) -> None:
    wanted = _wanted(inputs)
    outputs = _tuple(func(*inputs))
    if not any(y.requires_grad for y in outputs):
        for n in wanted:
            if any(bool((j != 0).any()) for j in _numerical(func, inputs, n, eps)):
                raise GradcheckError("Numerical gradient for function expected to be zero")
        return
    kept = [place for place, y in enumerate(outputs) if y.requires_grad]
    parts = [torch.real]
    if any(outputs[place].is_complex() for place in kept):
        parts = [torch.imag, torch.real]
    for part in parts:

        def real(*args: Any, part: Any = part) -> tuple[Any, ...]:
            ys = _tuple(func(*args))
            return tuple(part(ys[n]) if ys[n].is_complex() else ys[n] for n in kept)

        _compare(real, inputs, wanted, eps, atol, rtol, nondet_tol, check_grad_dtypes)


def _wanted(inputs: tuple[Any, ...]) -> list[int]:
    wanted = [n for n, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    for n in wanted:
        x = inputs[n]
        if x.is_complex():
            raise UnsupportedError(
                api="torch.autograd.gradcheck",
                parameter="inputs",
                given="a complex tensor that requires a gradient",
                reason="finite differences of complex inputs are not there yet",
                advice="Write the function of the real and imaginary parts",
            )
        if x.dtype is not torch.float64:
            warnings.warn(
                f"Input #{n} requires gradient and is not a double precision floating point or "
                "complex. This check will likely fail if all the inputs are not of double precision "
                "floating point or complex. ",
                stacklevel=5,
            )
        if any(not step and size > 1 for step, size in zip(x.stride(), x.size(), strict=True)):
            raise RuntimeError(
                f"The {n}th input has a dimension with stride 0. gradcheck only supports inputs that "
                "are non-overlapping to be able to compute the numerical gradients correctly. You "
                "should call .contiguous on the input before passing it to gradcheck."
            )
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of them have requires_grad=True."
        )
    return wanted


def _numerical(func: Function, inputs: tuple[Any, ...], n: int, eps: float) -> list[Any]:
    """The Jacobians by one input, (input's elements, output's elements), of central differences."""
    x = inputs[n].detach()
    columns: list[list[Any]] = []
    for place in range(x.numel()):
        sides = []
        for step in (eps, -eps):
            moved = x.reshape(-1).clone()
            moved[place] += step
            moved = moved.view(x.size()).detach().requires_grad_()
            given = (*inputs[:n], moved, *inputs[n + 1 :])
            sides.append([y.detach().clone() for y in _tuple(func(*given))])
        columns.append(
            [(up - down).reshape(-1) / (2 * eps) for up, down in zip(*sides, strict=True)]
        )
    return [torch.stack(list(column)) for column in zip(*columns, strict=True)]


def _analytical(output: Any, inputs: Sequence[Any], check_dtypes: bool) -> list[Any]:
    """The Jacobians of one output, (input's elements, output's elements)."""
    rows: list[list[Any]] = [[] for _ in inputs]
    for n in range(output.numel()):
        seed = torch.zeros(output.numel(), dtype=output.dtype, device=output.device)
        seed[n] = 1
        seed = seed.view(output.size())
        found = torch.autograd.grad(output, inputs, seed, retain_graph=True, allow_unused=True)
        for row, g, x in zip(rows, found, inputs, strict=True):
            if g is not None and check_dtypes and g.dtype is not x.dtype:
                raise GradcheckError("Gradient has dtype mismatch")
            if g is not None and g.size() != x.size():
                raise GradcheckError("Analytical gradient has incorrect size")
            row.append(torch.zeros_like(x) if g is None else g.detach())
    return [
        torch.stack([g.reshape(-1) for g in row], dim=1) if row else torch.zeros(x.numel(), 0)
        for row, x in zip(rows, inputs, strict=True)
    ]


def _compare(
    func: Function,
    inputs: tuple[Any, ...],
    wanted: list[int],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    check_dtypes: bool,
) -> None:
    outputs = func(*inputs)
    numerical = [_numerical(func, inputs, n, eps) for n in wanted]
    given = [inputs[n] for n in wanted]
    for place, output in enumerate(outputs):
        found = _analytical(output.clone(), given, check_dtypes)
        again = _analytical(output.clone(), given, check_dtypes)
        for one, other in zip(found, again, strict=True):
            if one.numel() and bool((one - other).abs().max() > nondet_tol):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and "
                    "grad_output multiple times gives different values, although analytical gradient "
                    f"matches numerical gradient.The tolerance for nondeterminism was {nondet_tol}."
                )
        for n, (analytic, by_input) in enumerate(zip(found, numerical, strict=True)):
            wanted_values = by_input[place] if by_input else torch.zeros_like(analytic)
            if not torch.allclose(analytic, wanted_values.to(analytic.dtype), rtol, atol):
                raise GradcheckError(
                    f"Jacobian mismatch for output {place} with respect to input {n},\n"
                    f"numerical:{wanted_values}\nanalytical:{analytic}\n"
                )

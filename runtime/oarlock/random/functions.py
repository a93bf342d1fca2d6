"""torch's functions that make random Tensors: rand, randn, randint, randperm, their ``*_like``, normal and the rest.

On the CPU the numbers are torch's for the generator's seed; on a GPU they are Paddle's.
"""

# ruff: noqa: D417 - arguments that several functions share are described once
from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import paddle
from paddle import _C_ops

from oarlock.creation.arguments import (
    check_layout,
    finished,
    float_dtype,
    into,
    name_of,
    ordered_as,
    place,
    size_of,
)
from oarlock.ops.elementwise import with_zero_gradient
from oarlock.random import checks, draws, gpu, sampling
from oarlock.random.generator import Generator, chosen
from oarlock.random.inplace import each_bernoulli
from oarlock.random.results import to_paddle
from oarlock.random.sources import drawn, on_cpu, to_array
from oarlock.tensor import dtypes
from oarlock.tensor.core import like, plain
from oarlock.tensor.layouts import preserve_format, strided


def rand(
    *size: Any,
    generator: Generator | None = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """Uniform numbers in [0, 1).

    Args:
        *size: the shape, as ints or as one sequence.
        generator: the default one where None.
        out: a tensor to write to; it keeps its dtype.
        dtype: a floating-point or complex dtype; the default one where None.
        layout, device, pin_memory, requires_grad: as for `torch.zeros`.
        **named: ``size``, where it is given by name.

    Raises:
        NotImplementedError: the dtype is neither floating-point nor complex.
        TypeError: sizes or a generator that are none.
        UnsupportedError: the layout is sparse, or Paddle has no such device.
    """
    return _made(
        "torch.rand",
        "uniform",
        size,
        named,
        generator,
        out,
        dtype,
        layout,
        device,
        pin_memory,
        requires_grad,
    )


def randn(
    *size: Any,
    generator: Generator | None = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """Standard normal numbers; arguments and errors are those of `rand`."""
    return _made(
        "torch.randn",
        "normal",
        size,
        named,
        generator,
        out,
        dtype,
        layout,
        device,
        pin_memory,
        requires_grad,
    )


def rand_like(
    input: Any,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Any:
    """Uniform numbers in [0, 1) of the shape, dtype and device of another tensor.

    Args:
        input: the tensor it is like.
        dtype, device: others than ``input``'s.
        memory_format: ``torch.preserve_format`` keeps the order of ``input``'s strides.
        generator, layout, pin_memory, requires_grad: as for `rand`.
    """
    return _like(
        "torch.rand_like",
        "uniform",
        input,
        generator,
        dtype,
        layout,
        device,
        pin_memory,
        requires_grad,
        memory_format,
    )


def randn_like(
    input: Any,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
) -> Any:
    """Standard normal numbers of the shape, dtype and device of another tensor; arguments as for `rand_like`."""
    return _like(
        "torch.randn_like",
        "normal",
        input,
        generator,
        dtype,
        layout,
        device,
        pin_memory,
        requires_grad,
        memory_format,
    )


def randint(
    *bounds_and_size: Any,
    generator: Generator | None = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    **named: Any,
) -> Any:
    """Integers in [low, high): ``randint(high, size)`` or ``randint(low, high, size)``.

    Args:
        *bounds_and_size: low, which may be left out and is then 0; high; and the shape, a sequence of ints.
        generator: the default one where None.
        out: a tensor to write to; it keeps its dtype.
        dtype: int64 where None; a floating-point dtype is given integers.
        layout, device, pin_memory, requires_grad: as for `torch.zeros`.
        **named: ``low``, ``high`` and ``size``, where they are given by name.

    Raises:
        RuntimeError: no integer lies between, or the dtype does not hold them.
        TypeError: no bound or no size.
    """
    api = "torch.randint"
    low, high, size = _bounds_and_size(bounds_and_size, named)
    checks.generator_argument("randint", generator)
    if dtype is None and out is not None:
        dtype = out.dtype
    kind = dtypes.paddle_dtype(dtypes.int64 if dtype is None else dtype)
    shape = size_of(api, (size,))
    low, high = checks.integer_range(dtypes.from_paddle[kind], low, high)
    made = drawn("integers", shape, kind, place(api, device), generator, low, high)
    if out is not None:
        return into(out, made)
    return finished(api, made, layout=layout, pin_memory=pin_memory, requires_grad=requires_grad)


def randint_like(
    input: Any,
    *bounds: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = preserve_format,
    **named: Any,
) -> Any:
    """Integers in [low, high) of the shape, dtype and device of another tensor.

    Args:
        input: the tensor it is like.
        *bounds: high; or low and high.
        **named: ``low`` and ``high``, where they are given by name.
        generator, dtype, layout, device, pin_memory, requires_grad, memory_format: as for `rand_like`.
    """
    api = "torch.randint_like"
    given = plain(input)
    low, high, _ = _bounds_and_size((*bounds, ()), named)
    kind = given.dtype if dtype is None else dtypes.paddle_dtype(dtype)
    low, high = checks.integer_range(dtypes.from_paddle[kind], low, high)
    check_layout(api, layout)
    made = drawn(
        "integers",
        given.shape,
        kind,
        place(api, device, given),
        generator,
        low,
        high,
        order=ordered_as(api, memory_format, given),
    )
    return finished(api, made, pin_memory=pin_memory, requires_grad=requires_grad)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    out: Any = None,
    dtype: Any = dtypes.int64,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """A permutation of 0 … n - 1.

    Args:
        n: how many; below 214,748,364.
        generator: the default one where None.
        out: a tensor to write to; it keeps its dtype.
        dtype: one that holds n - 1.
        layout, device, pin_memory, requires_grad: as for `torch.zeros`.

    Raises:
        RuntimeError: ``n`` is negative, or the dtype does not hold the numbers.
        UnsupportedError: ``n`` is larger; torch shuffles so many by another method.
    """
    api = "torch.randperm"
    checks.generator_argument("randperm", generator)
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    kind = dtypes.paddle_dtype(dtype if out is None else out.dtype)
    checks.real("randperm", dtypes.from_paddle[kind])
    _check_count(n, dtypes.from_paddle[kind])
    where = place(api, device)
    if where.is_gpu_place():
        made = gpu.permutation(n, kind, where, generator)
    else:
        name = name_of(kind)
        made = to_paddle(draws.permutation(n, name, chosen(generator)), name)
    if out is not None:
        return into(out, made)
    return finished(api, made, layout=layout, pin_memory=pin_memory, requires_grad=requires_grad)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """Normal numbers, with a mean and a standard deviation for all or for each.

    Args:
        mean, std: numbers, or tensors whose shapes broadcast; one of them a tensor unless ``size`` is given.
        size: the shape, where both are numbers.
        generator: the default one where None.
        out: a tensor to write to; it keeps its dtype.
        dtype, layout, device, pin_memory, requires_grad: with ``size`` only, as for `rand`.

    Raises:
        RuntimeError: a negative standard deviation, or shapes that do not broadcast.
        TypeError: two numbers without a size.
    """
    api = "torch.normal"
    checks.generator_argument("normal", generator)
    tensors = [x for x in (mean, std) if isinstance(x, paddle.Tensor)]
    if not tensors:
        if size is None:
            raise TypeError(
                "normal() received an invalid combination of arguments - got "
                f"({type(mean).__name__}, {type(std).__name__})"
            )
        checks.deviation(std)
        kind = float_dtype(out.dtype if dtype is None and out is not None else dtype)
        made = _numbers(size_of(api, (size,)), kind, place(api, device), generator, mean, std)
        if out is not None:
            return into(out, made)
        return finished(
            api, made, layout=layout, pin_memory=pin_memory, requires_grad=requires_grad
        )
    first = plain(tensors[0]).detach()
    where, kind = first.place, first.dtype
    shape = _broadcast(*[plain(x).shape for x in (tensors * 2)[:2]])
    if not isinstance(std, paddle.Tensor):
        checks.deviation(std)
        made = _numbers(shape, kind, where, generator, 0.0, std)
        made = made + plain(mean).detach()
    else:
        spread = plain(std).detach()
        if spread.size and not bool((spread >= 0).all()):
            raise RuntimeError("normal expects all elements of std >= 0.0")
        made = _numbers(shape, kind, where, generator, 0.0, 1.0)
        shift = (
            _C_ops.cast(plain(mean).detach(), kind)
            if isinstance(mean, paddle.Tensor)
            else paddle.full([], mean, kind)
        )
        made = made * _C_ops.cast(spread, kind) + shift
    return like(tensors[0], made) if out is None else into(out, made)


def bernoulli(
    input: Any, p: float | None = None, *, generator: Generator | None = None, out: Any = None
) -> Any:
    """Ones, with the probability that each element of ``input`` states, and zeros; ``input``'s dtype.

    Args:
        input: probabilities; where ``p`` is given, only its shape and dtype count.
        p: one probability for all.
        generator: the default one where None.
        out: a tensor to write to; it keeps its dtype.

    Raises:
        RuntimeError: a probability outside [0, 1].
        NotImplementedError: ``input`` is not floating-point.
    """
    checks.generator_argument("bernoulli", generator)
    given = plain(input)
    if p is not None:
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
        made = drawn("bernoulli", given.shape, given.dtype, given.place, generator, p)
    else:
        checks.floating("bernoulli_tensor_cpu_p_", checks.kind_of(given))
        kind = given.dtype if out is None else plain(out).dtype
        made = each_bernoulli(given, kind, generator)
    return like(input, with_zero_gradient(made, given)) if out is None else into(out, made)


def multinomial(
    input: Any,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
    out: Any = None,
) -> Any:
    """Indices drawn by weight, int64 of shape (num_samples,) or (rows, num_samples).

    Without replacement they come in the order of their draw; equally likely draws of float32 weights can differ from
    torch's only where two keys are equal.

    Args:
        input: weights of one or two dimensions, not negative; they need not add up to 1.
        num_samples: how many indices a row.
        replacement: whether an index may come again.
        generator: the default one where None.
        out: an int64 tensor to write to.

    Raises:
        RuntimeError: weights that are no distribution, or more samples than weights without replacement.
    """
    checks.generator_argument("multinomial", generator)
    weights = plain(input).detach()
    kind = checks.kind_of(weights)
    _check_weights(weights, kind, num_samples, replacement)
    if out is not None and out.dtype is not dtypes.int64:
        raise RuntimeError(
            f"multinomial expects Long tensor out, got: {dtypes.from_paddle[plain(out).dtype]}"
        )
    if weights.place.is_gpu_place():
        made = gpu.multinomial(weights, generator, num_samples, replacement)
    else:
        values = to_array(weights)
        _check_values(values)
        wide = values.astype(np.float32) if kind.name == "float16" else values
        found = sampling.multinomial(wide, kind.name, chosen(generator), num_samples, replacement)
        made = to_paddle(np.ascontiguousarray(found))
    return like(input, made) if out is None else into(out, made)


def poisson(input: Any, generator: Generator | None = None) -> Any:
    """Poisson numbers of the rates in ``input``, of its shape and dtype. They are drawn one by one, and slowly.

    Raises:
        RuntimeError: a negative rate.
        NotImplementedError: ``input`` is not floating-point.
        UnsupportedError: it lies on a GPU.
    """
    given = plain(input)
    checks.floating("poisson_cpu", checks.kind_of(given))
    on_cpu("torch.poisson", given)
    rates = to_array(given)
    if not (rates >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    name = name_of(given.dtype)
    return like(input, to_paddle(sampling.poisson(rates, name, chosen(generator)), name))


def binomial(count: Any, prob: Any, generator: Generator | None = None) -> Any:
    """Binomial numbers for tensors of one shape: successes in ``count`` trials of probability ``prob``.

    Raises:
        RuntimeError: the dtypes or shapes differ.
        NotImplementedError: they are not floating-point.
        UnsupportedError: they lie on a GPU.
    """
    n, p = plain(count), plain(prob)
    checks.floating("binomial_cpu", checks.kind_of(n))
    on_cpu("torch.binomial", n)
    if n.dtype is not p.dtype:
        raise RuntimeError("Found dtype Double but expected Float")
    shape = _broadcast(n.shape, p.shape)
    name = name_of(n.dtype)
    values = sampling.binomial(
        np.broadcast_to(to_array(n), shape),
        np.broadcast_to(to_array(p), shape),
        name,
        chosen(generator),
    )
    return like(count, to_paddle(values, name))


def _made(
    api: str,
    kind: str,
    size: Any,
    named: dict[str, Any],
    generator: Generator | None,
    out: Any,
    dtype: Any,
    layout: Any,
    device: Any,
    pin_memory: bool,
    requires_grad: bool,
) -> Any:
    checks.generator_argument(api.rpartition(".")[2], generator)
    wanted = float_dtype(out.dtype if dtype is None and out is not None else dtype)
    shape = size_of(api, size, named)
    made = _distributed(kind, shape, wanted, place(api, device), generator)
    if out is not None:
        return into(out, made)
    return finished(api, made, layout=layout, pin_memory=pin_memory, requires_grad=requires_grad)


def _like(
    api: str,
    kind: str,
    input: Any,
    generator: Generator | None,
    dtype: Any,
    layout: Any,
    device: Any,
    pin_memory: bool,
    requires_grad: bool,
    memory_format: Any,
) -> Any:
    if not isinstance(input, paddle.Tensor):
        name = api.rpartition(".")[2]
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    checks.generator_argument(api.rpartition(".")[2], generator)
    check_layout(api, layout)
    given = plain(input)
    wanted = given.dtype if dtype is None else dtypes.paddle_dtype(dtype)
    order = ordered_as(api, memory_format, given)
    made = _distributed(kind, given.shape, wanted, place(api, device, given), generator, order)
    return finished(api, made, pin_memory=pin_memory, requires_grad=requires_grad)


def _distributed(
    kind: str,
    shape: Any,
    dtype: Any,
    where: Any,
    generator: Generator | None,
    order: list[int] | None = None,
) -> paddle.Tensor:
    part = dtypes.from_paddle[dtype]
    if kind == "normal":
        checks.floating("normal_kernel_cpu", part.to_real())
    else:
        checks.floating("check_uniform_bounds", part.to_real())
    if part.is_complex:
        spread = (0.0, 1 / sqrt(2)) if kind == "normal" else ()
        made = drawn(kind, [*shape, 2], part.to_real().paddle, where, generator, *spread)
        return paddle.as_complex(made)
    return drawn(kind, shape, dtype, where, generator, order=order)


def _broadcast(a: Any, b: Any) -> list[int]:
    try:
        return list(np.broadcast_shapes(tuple(a), tuple(b)))
    except ValueError:
        for d in range(-1, -min(len(a), len(b)) - 1, -1):
            if a[d] != b[d] and 1 not in (a[d], b[d]):
                raise RuntimeError(
                    f"The size of tensor a ({a[d]}) must match the size of tensor b ({b[d]}) at "
                    f"non-singleton dimension {max(len(a), len(b)) + d}"
                ) from None
        raise


def _numbers(
    shape: Any, dtype: Any, where: Any, generator: Generator | None, mean: float, std: float
) -> paddle.Tensor:
    checks.floating("normal_kernel_cpu", dtypes.from_paddle[dtype])
    return drawn("normal", shape, dtype, where, generator, mean, std)


def _bounds_and_size(given: tuple[Any, ...], named: dict[str, Any]) -> tuple[int, int, Any]:
    if unknown := set(named) - {"low", "high", "size"}:
        raise TypeError(f"randint() got an unexpected keyword argument '{unknown.pop()}'")
    values = dict(named)
    names = [n for n in ("low", "high", "size") if n not in values]
    if len(given) < len(names) and "low" in names:
        names.remove("low")
    values |= dict(zip(names, given, strict=False))
    if len(given) > len(names) or "high" not in values or "size" not in values:
        raise TypeError("randint() received an invalid combination of arguments")
    size = values["size"]
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"randint(): argument 'size' must be tuple of ints, not {type(size).__name__}"
        )
    return _integer(values.get("low", 0)), _integer(values["high"]), size


def _integer(value: Any) -> int:
    if isinstance(value, paddle.Tensor):
        value = plain(value).item()
    elif isinstance(value, np.integer):
        value = int(value)
    if not isinstance(value, int):
        raise TypeError(
            f"randint() received an invalid combination of arguments - got ({type(value).__name__})"
        )
    return value


_EXACT_TO = {
    "float16": ("Half", 11),
    "bfloat16": ("BFloat16", 8),
    "float32": ("Float", 24),
    "float64": ("Double", 53),
}


def _check_count(n: int, kind: Any) -> None:
    """Check as torch does that a dtype holds all integers up to n."""
    if kind.is_floating_point:
        name, digits = _EXACT_TO[kind.name]
        if n > (1 << digits) + 1:
            raise RuntimeError(f"n cannot be greater than {(1 << digits) + 1} for {name} type.")
    elif n > 0 and n - 1 > int(np.iinfo(kind.name).max):
        raise RuntimeError(f"value cannot be converted to type {kind.name}_t without overflow")


def _check_weights(weights: paddle.Tensor, kind: Any, count: int, replacement: bool) -> None:
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if not kind.is_floating_point:
        raise RuntimeError(
            "multinomial only supports floating-point dtypes for input, got: "
            f"{kind.name.capitalize() if kind.name != 'int64' else 'Long'}"
        )
    if count <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and count > weights.shape[-1]:
        raise RuntimeError(
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement"
        )
    if weights.shape[-1] > 1 << 24:
        raise RuntimeError("number of categories cannot exceed 2^24")


def _check_values(values: np.ndarray) -> None:
    if not ((values >= 0) & np.isfinite(values)).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if not values.any(-1).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")

"""torch.func.vmap: a function of one sample, called for each sample of a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import oarlock.torch as torch
from oarlock.errors import UnsupportedError
from oarlock.func import trees
from oarlock.func.gradients import _named
from oarlock.tensor import Tensor


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the function that calls ``func`` for each sample and stacks what it returns.

    Args:
        func: of one sample; returns tensors, nested or not.
        in_dims: where the arguments have the batch: a dim, None for an argument that all samples
            share, or these nested as the arguments are.
        out_dims: where the results get it, in the same forms.
        randomness: "error": ``func`` must not draw; "same": each sample gets the same draws;
            "different": draws are refused.
        chunk_size: accepted: samples are taken one by one, with the same values.

    Raises:
        RuntimeError: ``randomness`` is none of these; from the function returned, where "error"
            forbids its draws.
        ValueError: ``chunk_size`` is not positive; from the function returned, where the dims do
            not fit the arguments or results, or something that is no tensor is returned.
        UnsupportedError: from the function returned: different draws, or an empty batch.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @_named(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        _check_out_dims(out_dims, func)
        batch = _Batch(func, in_dims, args)
        results = _called(func, batch, kwargs, randomness)
        return _stacked(results, out_dims, func)

    return wrapped


def _name(func: Any) -> str:
    if hasattr(func, "__name__"):
        return func.__name__
    if isinstance(func, functools.partial):
        return f"functools.partial({_name(func.func)}, ...)"
    return repr(func)


class _Batch:
    """The arguments, leaf by leaf, and where each has the batch."""

    def __init__(self, func: Any, in_dims: Any, args: tuple[Any, ...]) -> None:
        where = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): "
        if not isinstance(in_dims, (int, tuple)):
            raise ValueError(
                f"{where}expected `in_dims` to be int or a (potentially nested) tuple matching the "
                f"structure of inputs, got: {type(in_dims)}."
            )
        if not args:
            raise ValueError(
                f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or "
                "you are trying to vmap over a function with no inputs. The latter is unsupported."
            )
        self.values, self.structure = trees.flatten(args)
        dims = trees.spread(in_dims, self.structure)
        if dims is None:
            raise ValueError(
                f"{where}in_dims is not compatible with the structure of `inputs`. in_dims has "
                f"structure {trees.flatten(in_dims)[1]} but inputs has structure {self.structure}."
            )
        self.dims = [_dim(value, dim, where) for value, dim in zip(self.values, dims, strict=True)]
        sizes = [v.size(d) for v, d in zip(self.values, self.dims, strict=True) if d is not None]
        if not sizes:
            raise ValueError("vmap: Expected at least one Tensor to vmap over")
        if len(set(sizes)) > 1:
            raise ValueError(
                "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                f"{sizes} for the mapped dimension"
            )
        self.size = sizes[0]

    def sample(self, n: int) -> Any:
        """Return the arguments of one call."""
        leaves = [
            value if dim is None else value.select(dim, n)
            for value, dim in zip(self.values, self.dims, strict=True)
        ]
        return trees.unflatten(leaves, self.structure)


def _dim(value: Any, dim: Any, where: str) -> int | None:
    if dim is None:
        return None
    if not isinstance(dim, int):
        raise ValueError(
            f"{where}Got in_dim={dim} for an input but in_dim must be either an integer dimension or "
            "None."
        )
    if not isinstance(value, Tensor):
        raise ValueError(
            f"{where}Got in_dim={dim} for an input but the input is of type {type(value)}. We cannot "
            "vmap over non-Tensor arguments, please use None as the respective in_dim"
        )
    ndim = value.dim()
    if not -ndim <= dim < ndim:
        raise ValueError(
            f"{where}Got in_dim={dim} for some input, but that input is a Tensor of dimensionality "
            f"{ndim} so expected in_dim to satisfy -{ndim} <= in_dim < {ndim}."
        )
    return dim % ndim


def _called(func: Any, batch: _Batch, kwargs: dict[str, Any], randomness: str) -> list[Any]:
    if not batch.size:
        raise UnsupportedError(
            api="torch.vmap",
            reason="samples are taken one by one, and an empty batch has none to tell the results' "
            "shapes",
            advice="Leave the call out where the batch is empty",
        )
    before = torch.get_rng_state()
    results = []
    for n in range(batch.size):
        if randomness == "same":
            torch.set_rng_state(before)
        results.append(func(*batch.sample(n), **kwargs))
        if randomness != "same" and not torch.equal(torch.get_rng_state(), before):
            torch.set_rng_state(before)
            raise _drew(randomness)
    return results


def _drew(randomness: str) -> Exception:
    if randomness == "error":
        return RuntimeError(
            "vmap: called random operation while in randomness error mode. Please either use the "
            "'same' or 'different' randomness flags on vmap or perform the randomness operation out "
            "of vmap"
        )
    return UnsupportedError(
        api="torch.vmap",
        parameter="randomness",
        given="'different'",
        reason="samples are taken one by one, and would draw other numbers than torch draws for all "
        "of them at once",
        advice="Draw before vmap, and pass what was drawn as an argument",
    )


def _check_out_dims(out_dims: Any, func: Any) -> None:
    for dim in trees.flatten(out_dims)[0]:
        if dim is not None and not isinstance(dim, int):
            raise ValueError(
                f"vmap({_name(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None or "
                "a python collection of ints representing where in the outputs the vmapped dimension "
                "should appear."
            )


def _stacked(results: list[Any], out_dims: Any, func: Any) -> Any:
    name = _name(func)
    leaves = [trees.flatten(result)[0] for result in results]
    structure = trees.flatten(results[0])[1]
    if structure.kind is None and isinstance(out_dims, tuple) and len(out_dims) == 1:
        out_dims = out_dims[0]
    dims = trees.spread(out_dims, structure)
    if dims is None:
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the "
            f"structure of `outputs`. out_dims has structure {trees.flatten(out_dims)[1]} but "
            f"outputs has structure {structure}."
        )
    parts = zip(*leaves, strict=True)
    stacked = [_one(list(part), dim, name) for part, dim in zip(parts, dims, strict=True)]
    return trees.unflatten(stacked, structure)


def _one(values: list[Any], dim: int | None, name: str) -> Any:
    first = values[0]
    if dim is None:
        if isinstance(first, Tensor) and not all(torch.equal(first, one) for one in values):
            raise ValueError(
                f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None"
            )
        return first
    if not isinstance(first, Tensor):
        raise ValueError(
            f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(first)}. Did you "
            "mean to set out_dims= to None for output?"
        )
    return torch.stack(values, dim=dim)

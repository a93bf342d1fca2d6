"""Calls of a module with other tensors in the places of its parameters and buffers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import oarlock.torch as torch
from oarlock.nn.tensors import Tensor

_ABSENT: Any = object()


def functional_call(
    module: Any,
    parameters_and_buffers: dict[str, Any],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`torch.func.functional_call` under its old name, of one dict, with a FutureWarning."""
    warnings.warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0; "
        "`torch.func.functional_call` takes its place.",
        FutureWarning,
        stacklevel=2,
    )
    return call(module, parameters_and_buffers, args, kwargs, tie_weights, strict)


def functional_call_of_several(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call ``module`` with other tensors in the places of its parameters and buffers.

    Args:
        module: what is called; afterwards it has its own tensors again.
        parameter_and_buffer_dicts: tensors by dotted name, or several such dicts. What forward
            assigns to those names comes back in the dict.
        args: positional arguments: a tuple of them, or a single one.
        kwargs: arguments by name.
        tie_weights: whether a tensor stands in for all names under which the module has the same.
        strict: whether all names, and no others, have to be given.

    Raises:
        ValueError: no dicts, the same name in two of them, or two tensors for tied names.
        RuntimeError: a name is missing or unknown, as ``strict`` says, or the module can't be
            called so.
    """
    given = parameter_and_buffer_dicts
    if isinstance(given, Sequence):
        if not all(isinstance(one, dict) for one in given):
            raise ValueError(
                "Expected all elements of parameter_and_buffer_dicts to be dictionaries"
            )
        names = [name for one in given for name in one]
        repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if repeated:
            raise ValueError(
                f"{repeated} appeared in multiple dictionaries; behavior of functional call is "
                "ambiguous"
            )
        given = {name: value for one in given for name, value in one.items()}
    elif not isinstance(given, dict):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, "
            f"but got {type(given)}"
        )
    return call(module, given, args, kwargs, tie_weights, strict)


# The name that users see.
functional_call_of_several.__name__ = functional_call_of_several.__qualname__ = "functional_call"


def call(
    module: Any,
    tensors: dict[str, Any],
    args: Any,
    kwargs: dict[str, Any] | None,
    tie_weights: bool,
    strict: bool,
) -> Any:
    """Call ``module`` with other tensors, as both forms of functional_call do."""
    if isinstance(module, torch.nn.DataParallel):
        raise RuntimeError("The stateless API can't be used with nn.DataParallel module")
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with replaced(module, tensors, tie_weights, strict):
        return module(*args, **(kwargs or {}))


@contextmanager
def replaced(
    module: Any, tensors: dict[str, Any], tie_weights: bool = False, strict: bool = False
) -> Iterator[None]:
    """A block in which ``module`` has other tensors; what it has at the end is put into ``tensors``."""
    wanted = _for_all_names(module, tensors) if tie_weights else tensors
    if strict:
        _check_names(module, wanted)
    before: dict[str, Any] = {}
    try:
        for name, tensor in wanted.items():
            before[name] = _swap(module, name, tensor)
        yield
    finally:
        after = {name: _swap(module, name, tensor) for name, tensor in before.items()}
        tensors.update((name, after[name]) for name in tensors if name in after)


def _for_all_names(module: Any, tensors: dict[str, Any]) -> dict[str, Any]:
    """Return ``tensors`` under all names of tensors that the module has under several."""
    names: dict[int, set[str]] = {}
    for members in (module.named_parameters, module.named_buffers):
        for name, tensor in members(remove_duplicate=False):
            names.setdefault(id(tensor), set()).add(name)
    tied = {name: group for group in names.values() if len(group) > 1 for name in group}
    result = dict(tensors)
    for name in tensors:
        group = tied.get(name, set())
        both = group & tensors.keys()
        if len(both) > 1 and (both != group or len({id(tensors[one]) for one in both}) > 1):
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(group)}, "
                "which are tied. Consider using tie_weights=False"
            )
        result.update((one, tensors[name]) for one in sorted(group))
    return result


def _check_names(module: Any, given: dict[str, Any]) -> None:
    own = {
        name
        for members in (module.named_parameters, module.named_buffers)
        for name, _ in members(remove_duplicate=False)
    }
    faults = []
    if unexpected := sorted(given.keys() - own):
        faults.append(f"Unexpected key(s): {', '.join(map(repr, unexpected))}.")
    if missing := sorted(own - given.keys()):
        faults.append(f"Missing key(s): {', '.join(map(repr, missing))}.")
    if faults:
        raise RuntimeError(
            f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(faults)
        )


def _swap(module: Any, path: str, tensor: Any) -> Any:
    """Put a tensor at a dotted path, past the checks of Module, and return what was there."""
    above, _, name = path.rpartition(".")
    owner = module.get_submodule(above)
    if tensor is not _ABSENT:
        _check_tensor(tensor, "")
    for table in (owner._parameters, owner._buffers):
        if name in table:
            before, table[name] = table[name], tensor
            return before
    before = getattr(owner, name, _ABSENT)
    if before is not _ABSENT:
        _check_tensor(before, f"attribute `{name}`: ")
    if tensor is not _ABSENT:
        setattr(owner, name, tensor)
    elif hasattr(owner, name):
        delattr(owner, name)
    return before


def _check_tensor(value: Any, where: str) -> None:
    if value is not None and not isinstance(value, Tensor):
        raise TypeError(f"{where}{value} is not an instance of torch.Tensor")

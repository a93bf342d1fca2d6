"""torch.nn.utils.parametrize: tensors of a module that are computed from others at each access."""

from __future__ import annotations

import copyreg
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import Any

import oarlock.torch as torch
from oarlock.nn.containers import ModuleDict, ModuleList
from oarlock.nn.parameter import Parameter
from oarlock.nn.tensors import Tensor


class _Cache:
    """What parametrizations returned since the outermost `cached` block began."""

    depth = 0
    values: dict[tuple[int, str], Tensor]


_cache = _Cache()
_cache.values = {}


@contextmanager
def cached() -> Iterator[None]:
    """A block in which each parametrized tensor is computed once, at its first access."""
    _cache.depth += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        if not _cache.depth:
            _cache.values = {}


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in their order, and the tensors that they start from.

    Args:
        modules: at least one.
        original: the parameter or buffer as it was. It is kept as ``original``, or, where
            ``right_inverse`` gives several tensors, as ``original0``, ``original1`` and so on.
        unsafe: whether shape and dtype may change, which is not checked then.

    Raises:
        ValueError: there is no module; ``right_inverse`` or the modules return something else than
            tensors; without ``unsafe``, the shape or dtype changes.
    """

    def __init__(self, modules: Sequence[Any], original: Any, unsafe: bool = False) -> None:
        if not len(modules):
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        inverse: Any = original
        with torch.no_grad():
            for module in self._last_first():
                if hasattr(module, "right_inverse"):
                    with suppress(NotImplementedError):
                        inverse = module.right_inverse(inverse)
        if not (isinstance(inverse, Tensor) or isinstance(inverse, Sequence)):  # noqa: SIM101
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(inverse).__name__}"
            )
        self.is_tensor = isinstance(inverse, Tensor)
        several: Any = inverse
        self.ntensors = 1 if self.is_tensor else len(several)
        if self.is_tensor:
            self._keep_one(original, inverse)
        else:
            self._keep_several(original, several)
        if not unsafe:
            _check_result(self(), shape, dtype)

    def _last_first(self) -> list[Any]:
        return list(self)[::-1]

    def _keep_one(self, original: Any, inverse: Any) -> None:
        for what in ("dtype", "device"):
            before, now = getattr(original, what), getattr(inverse, what)
            if before != now:
                raise ValueError(
                    f"When `right_inverse` outputs one tensor, it may not change the {what}.\n"
                    f"original.{what}: {before}\n"
                    f"right_inverse(original).{what}: {now}"
                )
        # The same object, since an optimizer may know it already.
        _replace(original, inverse)
        register(self, "original", original)

    def _keep_several(self, original: Any, inverse: Sequence[Any]) -> None:
        for place, tensor in enumerate(inverse):
            if not isinstance(tensor, Tensor):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                    f"Got element {place} of the sequence with type {type(tensor).__name__}."
                )
            if isinstance(original, Parameter):
                tensor = Parameter(tensor, original.requires_grad)
            tensor.requires_grad_(original.requires_grad)
            register(self, f"original{place}", tensor)

    def right_inverse(self, value: Any) -> None:
        """Set the original tensors so that the parametrizations give ``value``.

        Raises:
            RuntimeError: a parametrization has no ``right_inverse``.
            ValueError: it returns other kinds, dtypes or numbers of tensors than before.
        """
        with torch.no_grad():
            for module in self._last_first():
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
            if self.is_tensor:
                self._set_one(value)
            else:
                self._set_several(value)

    def _set_one(self, value: Any) -> None:
        if not isinstance(value, Tensor):
            raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
        original = self.original
        if value.dtype != original.dtype:
            raise ValueError(
                f"The tensor returned by `right_inverse` has dtype {value.dtype} "
                f"while `original` has dtype {original.dtype}"
            )
        _replace(original, value)

    def _set_several(self, values: Any) -> None:
        if not isinstance(values, Sequence):
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors. Got {type(values).__name__}."
            )
        if len(values) != self.ntensors:
            raise ValueError(
                "'right_inverse' must return a sequence of tensors of length "
                f"{self.ntensors}. Got a sequence of length {len(values)}."
            )
        for place, value in enumerate(values):
            if not isinstance(value, Tensor):
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors or reference-type opaques. "
                    f"Got element {place} of type {type(value).__name__}."
                )
            original = getattr(self, f"original{place}")
            if value.dtype != original.dtype:
                raise ValueError(
                    f"Tensor {place} returned by `right_inverse` has dtype {value.dtype} "
                    f"while `original{place}` has dtype {original.dtype}"
                )
            _replace(original, value)

    def forward(self) -> Any:
        """Return the tensor that the parametrizations make of the original ones."""
        if self.is_tensor:
            given = [self.original]
        else:
            given = [getattr(self, f"original{place}") for place in range(self.ntensors)]
        first, *rest = self
        value = first(*given)
        for module in rest:
            value = module(value)
        return value


def register(module: Any, name: str, tensor: Any) -> None:
    """Register a Parameter as a parameter, and any other tensor as a buffer."""
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _replace(tensor: Any, value: Any) -> None:
    if tensor is not value:
        tensor.data = value


def _check_result(value: Any, shape: Any, dtype: Any) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(value).__name__}.")
    for what, before in (("dtype", dtype), ("shape", shape)):
        now = getattr(value, what)
        if now != before:
            raise ValueError(
                f"Registering a parametrization may not change the {what} of the tensor, unless "
                f"`unsafe` flag is enabled.\nunparametrized {what}: {before}\n"
                f"parametrized {what}: {now}"
            )


def _check_addition(module: Any, tensor_name: str, parametrization: Any) -> None:
    """Raise where one more parametrization would change the shape or dtype."""
    before = getattr(module, tensor_name)
    after = parametrization(before)
    if not isinstance(after, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(after).__name__}.")
    for what in ("dtype", "shape"):
        if getattr(after, what) != getattr(before, what):
            raise ValueError(
                f"Registering a parametrization may not change the {what} of the tensor, unless the "
                f"`unsafe` flag is enabled.\nmodule.{tensor_name}.{what}: {getattr(before, what)}\n"
                f"parametrization(module.{tensor_name}).{what}: {getattr(after, what)}"
            )
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        inverse = parametrization.right_inverse(after)
    except NotImplementedError:
        return
    if not isinstance(inverse, Tensor):
        raise ValueError(
            f"parametrization.right_inverse must return a tensor. Got: {type(inverse).__name__}"
        )
    for what in ("dtype", "shape"):
        if getattr(inverse, what) != getattr(before, what):
            raise ValueError(
                f"The tensor returned by parametrization.right_inverse must have the same {what} "
                f"as module.{tensor_name}, unless the `unsafe` flag is enabled.\n"
                f"module.{tensor_name}.{what}: {getattr(before, what)}\n"
                f"returned {what}: {getattr(inverse, what)}"
            )


def _getstate(self: Any) -> Any:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(). See:\n"
        "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
        "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
    )


def _copied(self: Any, memo: dict[int, Any]) -> Any:
    """Copy a module as copy.deepcopy does, which would ask for its state."""
    if (found := memo.get(id(self))) is not None:
        return found
    made = self.__new__(type(self))
    memo[id(self)] = made
    made.__dict__ = deepcopy(self.__dict__, memo)
    for slot in copyreg._slotnames(type(self)):  # type: ignore[attr-defined]
        if hasattr(self, slot):
            setattr(made, slot, deepcopy(getattr(self, slot), memo))
    return made


def _give_own_class(module: Any) -> None:
    """Give the module a class of its own, which the properties of its tensors go into."""
    kind = type(module)
    members: dict[str, Any] = {"__getstate__": _getstate}
    if not hasattr(kind, "__deepcopy__"):
        members["__deepcopy__"] = _copied
    module.__class__ = type(f"Parametrized{kind.__name__}", (kind,), members)


def _computed(name: str) -> property:
    """The attribute that computes a tensor when it is read, and inverts when it is set."""

    def read(self: Any) -> Any:
        compute = self.parametrizations[name]
        if not _cache.depth:
            return compute()
        key = (id(self), name)
        if key not in _cache.values:
            _cache.values[key] = compute()
        return _cache.values[key]

    def write(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(read, write)


def register_parametrization(
    module: Any, tensor_name: str, parametrization: Any, *, unsafe: bool = False
) -> Any:
    """Compute a tensor of ``module`` by ``parametrization`` whenever it is read.

    Args:
        module: owns the tensor, and is returned; its class becomes one of its own.
        tensor_name: of a parameter or buffer, parametrized already or not.
        parametrization: a Module from the original tensor to the new one. With a method
            ``right_inverse``, from the tensor to the original ones, the tensor can be assigned.
        unsafe: whether shape and dtype may change, which is not checked then.

    Raises:
        ValueError: there is no such tensor, or the checks fail.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_addition(module, tensor_name, parametrization)
        several = module.parametrizations[tensor_name]
        several.append(parametrization)
        several.unsafe |= unsafe
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a "
            f"parametrized element with name '{tensor_name}'"
        )
    several = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe=unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _give_own_class(module)
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _computed(tensor_name))
    module.parametrizations[tensor_name] = several
    return module


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Whether a tensor of ``module`` is parametrized: the named one, or any."""
    found = getattr(module, "parametrizations", None)
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Make a parametrized tensor an ordinary one again, and return the module.

    Args:
        module: owns the tensor.
        tensor_name: of the parametrized tensor.
        leave_parametrized: whether it keeps its computed value, or gets the original one back.

    Raises:
        ValueError: it is not parametrized; or is to get the original back, and there are several.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    several: Any = module.parametrizations[tensor_name]
    if several.is_tensor:
        original = several.original
        if leave_parametrized:
            with torch.no_grad():
                value = getattr(module, tensor_name)
            _replace(original, value)
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor "
            "that is parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    register(module, tensor_name, original)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Any) -> type:
    """The class that a module had before it was parametrized."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Any, to_module: Any, tensor_name: str | None = None
) -> Any:
    """Parametrize tensors of ``to_module`` as those of ``from_module`` are, sharing the originals.

    Args:
        from_module: where parametrizations are taken from; nothing happens if it has none.
        to_module: gets them, and tensors of those names where it has none; it is returned.
        tensor_name: of the only tensor to do so with; all parametrized ones where left out.
    """
    if not is_parametrized(from_module):
        return to_module
    names = list(from_module.parametrizations) if tensor_name is None else [tensor_name]
    for name in names:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        source = from_module.parametrizations[name]
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        target = to_module.parametrizations[name]
        if source.is_tensor:
            target.original = source.original
            continue
        for place in range(source.ntensors):
            setattr(target, f"original{place}", getattr(source, f"original{place}"))
    return to_module

"""Parameters and buffers: the tensors a Module owns, and those whose shape is not known yet."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, ClassVar

import paddle

import oarlock.torch as torch
from oarlock.nn.tensors import Tensor
from oarlock.tensor import plain
from oarlock.tensor.core import adopt


def _alias(data: Any, kind: type[Any]) -> Any:
    """Return a ``kind`` that shares the storage of ``data``, and nothing of its history."""
    return adopt(paddle.Tensor.__new__(kind), plain(data).detach())


class _ParameterMeta(type(paddle.Tensor)):
    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Parameter and getattr(instance, "_is_param", False) is True


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A Tensor that a Module lists among its parameters when it is assigned as an attribute.

    Args:
        data: the values, shared and not copied; an empty tensor where left out.
        requires_grad: whether gradients are kept for it.

    Raises:
        RuntimeError: ``requires_grad`` for a dtype that has no gradients.

    Where ``data`` is of a user's own Tensor subclass, the result is of that subclass, and
    ``isinstance(result, Parameter)`` is true.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        if data is None:
            data = torch.empty(0)
        if requires_grad and not (data.is_floating_point() or data.is_complex()):
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        own = type(data) is not Tensor and not isinstance(data, Parameter)
        made = _alias(data, type(data) if own and isinstance(data, Tensor) else cls)
        made.requires_grad = requires_grad
        if own and isinstance(data, Tensor):
            made._is_param = True
        return made

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        found = memo.get(id(self))
        if found is None:
            found = type(self)(self.detach().clone(), self.requires_grad)
            memo[id(self)] = found
        return found

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    __str__ = __repr__

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        state = self.__dict__
        given = (self.detach(), self.requires_grad, OrderedDict())
        if state:
            return rebuild_parameter_with_state, (*given, dict(state))
        return rebuild_parameter, given


def rebuild_parameter(data: Tensor, requires_grad: bool, hooks: Any) -> Parameter:
    """Build a Parameter from what pickling kept; hooks are never pickled."""
    return Parameter(data, requires_grad)


def rebuild_parameter_with_state(
    data: Tensor, requires_grad: bool, hooks: Any, state: dict[str, Any]
) -> Parameter:
    """Build a Parameter with the attributes that a user had set on it."""
    made = Parameter(data, requires_grad)
    made.__dict__.update(state)
    return made


class _BufferMeta(type(paddle.Tensor)):
    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Buffer and getattr(instance, "_is_buffer", False) is True


class Buffer(Tensor, metaclass=_BufferMeta):
    """A Tensor that a Module lists among its buffers when it is assigned as an attribute.

    Args:
        data: the values, shared and not copied; an empty tensor where left out.
        persistent: whether ``state_dict`` keeps it.
    """

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        if data is None:
            data = torch.empty(0)
        made = _alias(data, type(data) if isinstance(data, Tensor) else Tensor)
        made.requires_grad = data.requires_grad
        made.persistent = persistent
        made._is_buffer = True
        return made

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        pass


class UninitializedTensorMixin:
    """What parameters and buffers without a shape share; a lazy module gives them one."""

    cls_to_become: ClassVar[Any]

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary tensor of this shape, with unspecified values."""
        given: Any = self
        given.data = torch.empty(
            shape,
            device=given.device if device is None else device,
            dtype=given.dtype if dtype is None else dtype,
        )
        self.__class__ = self.cls_to_become  # type: ignore[assignment]

    @property
    def shape(self) -> Any:
        """Unknown: reading it is an error."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    def share_memory_(self) -> Any:
        """Not possible before there is memory."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        given: Any = self
        return type(self), (given.requires_grad,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        given: Any = self
        found = memo.get(id(self))
        if found is None:
            made: Any = type(self)
            found = made(given.requires_grad, given.device, given.dtype)
            memo[id(self)] = found
        return found


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A Parameter whose shape a lazy module infers from its first input."""

    cls_to_become: ClassVar[Any] = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        made = _alias(torch.empty(0, device=device, dtype=dtype), cls)
        made.requires_grad = requires_grad
        return made

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        pass


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer whose shape a lazy module infers from its first input."""

    cls_to_become: ClassVar[Any] = Tensor

    def __new__(
        cls,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> Any:
        made = _alias(torch.empty(0, device=device, dtype=dtype), cls)
        made.requires_grad = requires_grad
        made.persistent = persistent
        made._is_buffer = True
        return made

    def __init__(
        self,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> None:
        pass


def is_lazy(param: Any) -> bool:
    """Whether ``param`` still waits for its shape."""
    return isinstance(param, UninitializedTensorMixin)

"""The torch-side Tensor, and how values cross between it and Paddle's."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, TypeVar, cast

import paddle
from paddle import _C_ops
from paddle.base import framework

from oarlock.tensor.dtypes import float32, from_paddle
from oarlock.tensor.size import Size, count

_new = paddle.Tensor.__new__
# Shares storage, autograd graph, version counter, hooks and gradient. It is Paddle's private
# method, and this module is the only one that calls it.
_assign = cast(Any, paddle.Tensor)._inplace_assign
_float32 = paddle.float32
# The shape as a list, of a Tensor too; a view has it before it is made anew.
shape_of = paddle.Tensor.shape.__get__
_dtype = paddle.Tensor.dtype.__get__
_stop_gradient = paddle.Tensor.stop_gradient.__get__
_tuple = tuple.__new__
_SEQUENCES = (tuple, list)
# There is none in static graph mode alone.
_tracer = cast(Any, framework._dygraph_tracer)
_Kind = TypeVar("_Kind", bound=paddle.Tensor)


class View(NamedTuple):
    """What a Tensor knows of the tensor it is a view of."""

    base: Tensor
    """The Tensor that owns the storage; never a view itself."""
    replay: Any
    """Makes this view of a plain ``base`` again, with its gradient."""
    generation: int
    """The base's count of recorded in-place writes when this view was last made."""
    version: int | None
    """For a view that Paddle could only copy, the base's version at that time."""
    read_only: str | None
    """Why writing through this view is an error."""
    unrecorded: str | None
    """Why writing through it is an error where gradients are recorded."""


# Paddle's declarations make the name of its class a constant.
class Tensor(paddle.Tensor):  # pyright: ignore[reportIncompatibleVariableOverride]
    """torch.Tensor on Paddle's storage and autograd: torch's methods, operators and attributes.

    ``Tensor(2, 3)`` and ``Tensor([1, 2])`` are torch's legacy constructor; `wrap` is what turns a
    paddle.Tensor into a Tensor.
    """

    # Paddle's own, under names that torch's do not hide.
    _paddle_shape = paddle.Tensor.shape
    _paddle_dtype = paddle.Tensor.dtype
    _view: View | None = None
    _generation = 0
    # The hook that keeps the gradient of a tensor that is no leaf, and its handle.
    _retaining: Any = None
    _kept_grad: Tensor | None = None
    # The tensor whose views must see what is written here, which its version does not tell.
    _source: Tensor | None = None
    __array_priority__ = 1000
    # What ``print(type(x))`` shows.
    __module__ = "torch"

    def __new__(cls, *args: Any, **kwargs: Any) -> Tensor:  # noqa: D102
        from oarlock.creation.legacy import legacy_tensor

        made = legacy_tensor(*args, **kwargs)
        return made if cls is Tensor else adopt(_new(cls), made)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Everything was done by ``__new__``."""

    @property
    def shape(self) -> Any:
        """torch.Size of the tensor."""
        return _tuple(Size, self._paddle_shape)

    @property
    def dtype(self) -> Any:
        """torch.dtype of the elements."""
        found = self._paddle_dtype
        # Paddle's dtypes are slow to hash.
        return float32 if found is _float32 else from_paddle[found]

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow through it; settable on leaves."""
        if _stop_gradient(plain(self) if self._view is not None else self):
            return False
        dtype = self.dtype
        return dtype.is_floating_point or dtype.is_complex

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not value and not self.is_leaf:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a "
                "computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."
            )
        dtype = self.dtype
        if value and not (dtype.is_floating_point or dtype.is_complex):
            raise RuntimeError(
                "only Tensors of floating point dtype can require gradients"
                if self.is_leaf
                else "only Tensors of floating point and complex dtype can require gradients"
            )
        self.stop_gradient = not value

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward() accumulated here, or None."""
        if self._retaining is not None:
            return self._kept_grad
        found = _grad.__get__(self)
        if found is None:
            return None
        if found.is_leaf:
            found.stop_gradient = True
            # The same storage in an object of its own: Paddle empties or refills its own when
            # another gradient, or None, is assigned.
            if count(found):
                found = _C_ops.view_shape(found, found.shape)
        return wrap(found)

    @grad.setter
    def grad(self, value: paddle.Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, paddle.Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got grad of type "
                    f"{type(value).__name__!r}"
                )
            if shape_of(value) != shape_of(self):
                raise RuntimeError(
                    f"assigned grad has data of a different size: {shape_of(value)} "
                    f"and not {shape_of(self)}"
                )
            if _dtype(value) is not _dtype(self):
                raise RuntimeError(
                    f"assigned grad has data of a different type: {from_paddle[_dtype(value)]}"
                )
            value = plain(value)
        if self._retaining is not None:
            self._kept_grad = None if value is None else wrap(value)
            return
        _grad.__set__(self, value)

    @grad.deleter
    def grad(self) -> None:
        _grad.__set__(self, None)

    @property
    def data(self) -> Tensor:
        """The same storage without history or version; assigning replaces the storage alone."""
        x = detached(self)
        if _stop_gradient(self) or not count(x):
            return wrap(x)
        t = wrap(_unversioned(x))
        t._source = self if self._view is None else self._view.base
        return t

    @data.setter
    def data(self, value: paddle.Tensor) -> None:
        _data.__set__(self, plain(value).detach())

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        from oarlock.tensor.printing import tensor_str

        return tensor_str(self, tensor_contents=tensor_contents)

    __str__ = __repr__

    def __dir__(self) -> list[str]:
        from oarlock.tensor.members import names

        return sorted({*names(), *self.__dict__})


_grad = paddle.Tensor.grad
_data = paddle.Tensor.data


def wrap(x: Any) -> Any:
    """Return a Tensor that shares storage, history and gradient with a paddle.Tensor."""
    # Asking makes Paddle's record of the history where there is none yet, so that it is shared too.
    _stop_gradient(x)
    t = _new(Tensor)
    _assign(t, x)
    return t


def plain(x: Any) -> Any:
    """Return the paddle.Tensor that shares all with a Tensor; anything else is returned as it is."""
    if not isinstance(x, Tensor):
        return x
    view = x._view
    if view is not None and (
        view[2] != view[0]._generation
        or (view[3] is not None and view[3] != view[0].inplace_version)
    ):
        refresh(x, view)
    p = _new(paddle.Tensor)
    _assign(p, x)
    return p


def raw(t: Tensor) -> Any:
    """Return what Paddle's kernels may take for a Tensor: itself, or ``plain`` of a view.

    Cheaper than ``plain``, for code that asks nothing of it that torch's Tensor has changed.
    """
    return t if t._view is None else plain(t)


def plain_all(xs: Any) -> Any:
    """Return ``plain`` of a tensor, or a list of it for each item of a tuple or list."""
    return [plain(x) for x in xs] if isinstance(xs, _SEQUENCES) else plain(xs)


def like(given: Any, result: Any) -> Any:
    """Return a result on the caller's side: Tensors, unless ``given`` is a plain paddle.Tensor.

    Args:
        given: the argument that tells the caller's side, a tensor or a sequence of tensors.
        result: a paddle.Tensor, or a tuple, list or named tuple with some; anything else is
            returned as it is.
    """
    kind = given.__class__
    if kind is paddle.Tensor or (kind in _SEQUENCES and paddle.Tensor in map(type, given)):
        return result
    if result.__class__ is paddle.Tensor:
        _stop_gradient(result)
        t = _new(Tensor)
        _assign(t, result)
        return t
    return _wrap_all(result)


def _wrap_all(result: Any) -> Any:
    if result.__class__ is paddle.Tensor:
        return wrap(result)
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*map(_wrap_all, result))
    if isinstance(result, _SEQUENCES) and not isinstance(result, Tensor):
        return type(result)(map(_wrap_all, result))
    return result


def adopt(t: _Kind, x: paddle.Tensor) -> _Kind:
    """Make ``t`` share storage, history and gradient with ``x``, and return it."""
    _stop_gradient(x)
    _assign(t, x)
    return t


def view_of(
    source: Tensor,
    replay: Any,
    *,
    copied: bool = False,
    read_only: str | None = None,
    unrecorded: str | None = None,
    p: paddle.Tensor | None = None,
) -> Tensor:
    """Return ``replay(source)`` as a view: writes through it reach ``source``, gradients included.

    Args:
        source: the Tensor to take a view of; a view itself, or not.
        replay: maps a plain paddle.Tensor like ``source`` to the plain view of it.
        copied: Paddle made a copy for the sake of gradients; the view is made anew when its base
            has changed.
        read_only: the message of the RuntimeError that writing through the view raises.
        unrecorded: the same where gradients are recorded.
        p: ``plain(source)``, where it is at hand.
    """
    x = replay(plain(source) if p is None else p)
    _stop_gradient(x)
    t = _new(Tensor)
    _assign(t, x)
    above = source._view
    if above is not None:
        chain, first = above.replay, replay
        source, replay = above.base, lambda base: first(chain(base))
        copied = copied or above.version is not None
        read_only = read_only or above.read_only
        unrecorded = unrecorded or above.unrecorded
    version = source.inplace_version if copied else None
    t._view = _view((source, replay, source._generation, version, read_only, unrecorded))
    return t


# What View(...) does, without a call in Python.
_view = partial(_tuple, View)


def refresh(t: Tensor, view: View) -> None:
    """Make a view anew after its base was written to."""
    base = view.base
    tracer = _tracer()
    before = tracer._has_grad
    tracer._has_grad = True
    try:
        _assign(t, view.replay(plain(base)))
    finally:
        tracer._has_grad = before
    version = None if view.version is None else base.inplace_version
    t._view = view._replace(generation=base._generation, version=version)


def _unversioned(x: paddle.Tensor) -> paddle.Tensor:
    """The same memory with a version count of its own, so that backward() does not see writes."""
    size = x._holder_size() // x.element_size()
    memory = _C_ops.as_strided(x, [size], [1], 0)
    made = _C_ops.full([0], 0, x.dtype, x.place)
    return _C_ops.set_(made, memory, x.shape, x.strides, x.offset)


def detached(t: Any) -> paddle.Tensor:
    """Return the plain tensor without history, in the memory that torch would have it in."""
    view = t._view if isinstance(t, Tensor) else None
    if view is None or view.version is None:
        return plain(t).detach()
    return view.replay(plain(view.base).detach())

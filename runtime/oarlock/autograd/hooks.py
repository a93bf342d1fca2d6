"""torch.autograd.graph: hooks on saved tensors, and on the gradients of several tensors at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from oarlock.autograd import passes
from oarlock.autograd.saved import Hooks
from oarlock.tensor.core import Tensor, plain, wrap


class _Disabled:
    message: str | None = None


class saved_tensors_hooks:
    """A block in which what operations save for backward is kept as ``pack_hook`` makes of it.

    Args:
        pack_hook: from a Tensor to anything.
        unpack_hook: from that to a Tensor, when backward needs it.

    Raises:
        RuntimeError: on entering, where `disable_saved_tensors_hooks` forbids it.

    Oarlock's operations may save other intermediate tensors than torch's do.
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._entered: list[Hooks] = []

    def _pack(self, x: Any) -> Any:
        return self.pack_hook(wrap(x))

    def _unpack(self, packed: Any) -> Any:
        found = self.unpack_hook(packed)
        if not isinstance(found, Tensor):
            raise TypeError(
                f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(found).__name__}"
            )
        return plain(found)

    def __enter__(self) -> None:
        if _Disabled.message is not None:
            raise RuntimeError(_Disabled.message)
        hooks = Hooks(self._pack, self._unpack)
        hooks.__enter__()
        self._entered.append(hooks)

    def __exit__(self, *args: object) -> None:
        self._entered.pop().__exit__(*args)


class save_on_cpu(saved_tensors_hooks):
    """A block in which what operations save for backward is kept in the CPU's memory.

    Args:
        pin_memory: accepted: Paddle pins memory itself where it copies.
        device_type: accepted: the device that tensors go back to is their own.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda x: (x.device, x.cpu()), lambda packed: packed[1].to(packed[0]))


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """A block in which hooks on saved tensors are an error of that message."""
    before, _Disabled.message = _Disabled.message, error_message
    try:
        yield
    finally:
        _Disabled.message = before


class _Handles:
    """Removes several hooks."""

    def __init__(self, handles: Sequence[Any]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Any], fn: Callable[[Any], None], *, mode: str = "all"
) -> _Handles:
    """Call ``fn`` once in each backward pass that reaches some of several tensors.

    Args:
        tensors: each requires a gradient.
        fn: with "all" it gets the list of their gradients when the last is known, None for tensors
            that the pass does not reach; with "any" it gets the first, of which Paddle's engine may know another than torch's.
        mode: "all" or "any".

    Returns:
        A handle, whose ``remove()`` takes the hooks away.

    Raises:
        ValueError: another mode.
        RuntimeError: a tensor requires no gradient.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if mode == "any":
        return _any(tensors, fn)
    return _all(tensors, fn)


def _any(tensors: Sequence[Any], fn: Callable[[Any], None]) -> _Handles:
    seen: list[int] = []

    def first(gradient: Any) -> None:
        number = passes.current().number
        if number not in seen:
            seen[:] = [number]
            fn(gradient)

    return _Handles([t.register_hook(first) for t in tensors if t.requires_grad])


def _all(tensors: Sequence[Any], fn: Callable[[Any], None]) -> _Handles:
    nodes = [plain(t).grad_fn for t in tensors]
    found: dict[int, list[Any]] = {}
    expected: dict[int, int] = {}

    def hook_of(place: int) -> Callable[[Any], None]:
        def arrived(gradient: Any) -> None:
            now = passes.current()
            number = now.number
            if number not in found:
                found[number] = [None] * len(nodes)
                expected[number] = sum(now.reaches(node) for node in nodes)
            found[number][place] = gradient
            expected[number] -= 1
            if not expected[number]:
                del expected[number]
                fn(found.pop(number))

        return arrived

    return _Handles([t.register_hook(hook_of(place)) for place, t in enumerate(tensors)])

"""The globals that loading with weights_only=True admits: torch's own list, and the user's."""

from __future__ import annotations

from codecs import encode
from collections import Counter, OrderedDict
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

from oarlock.serialization.lacking import Lacking
from oarlock.serialization.names import constant, path_of
from oarlock.serialization.rebuilding import parameter
from oarlock.serialization.storage import StorageType
from oarlock.tensor.core import Tensor
from oarlock.tensor.devices import device
from oarlock.tensor.dtypes import dtype
from oarlock.tensor.size import Size

# Never admitted, whoever asks.
BLOCKED = frozenset({"sys", "os", "posix", "nt"})
_marked: dict[int, Any] = {}


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Admit classes and functions to ``torch.load(weights_only=True)``.

    Args:
        safe_globals: classes and functions, or pairs of one and the full name that files have.
    """
    for item in safe_globals:
        _marked[_key(item)] = item


def get_safe_globals() -> list[Any]:
    """What the user has admitted."""
    return list(_marked.values())


def clear_safe_globals() -> None:
    """Admit nothing but what is safe by default."""
    _marked.clear()


class safe_globals:
    """Admit classes and functions within a ``with`` block.

    Args:
        safe_globals: as for `add_safe_globals`.
    """

    def __init__(self, safe_globals: list[Any]) -> None:
        self.safe_globals = safe_globals

    def __enter__(self) -> None:
        add_safe_globals(self.safe_globals)

    def __exit__(self, *error: object) -> None:
        for item in self.safe_globals:
            _marked.pop(_key(item), None)


def _key(item: Any) -> int:
    return hash(item) if isinstance(item, tuple) else id(item)


def _marked_by_name() -> dict[str, Any]:
    found = {}
    for item in _marked.values():
        if isinstance(item, tuple):
            if len(item) != 2:
                raise ValueError(
                    "Expected tuple of length 2 (global, str of callable full path), but got tuple "
                    f"of length: {len(item)}"
                )
            value, path = item
            if type(path) is not str:
                raise TypeError(
                    "Expected second item in tuple to be str of callable full path, but got: "
                    f"{type(path)}"
                )
        else:
            value = item
            path = ".".join(path_of(value) or (value.__module__, value.__qualname__))
        found[path] = value
    return found


def _bytes(text: Any, encoding: Any = "latin1") -> bytes:
    # Other codecs import modules, or unpack far more than they are given.
    if type(text) is not str or encoding not in ("latin1", "latin-1"):
        raise UnpicklingError("_codecs.encode is only for bytes, which files keep as latin1")
    return encode(text, "latin1")


def _bytearray(*args: Any) -> bytearray:
    if not args:
        return bytearray()
    if type(args[0]) is bytes and len(args) == 1:
        return bytearray(args[0])
    return bytearray(_bytes(*args))


def _collected(kind: Any) -> Callable[..., Any]:
    def make(*args: Any) -> Any:
        if len(args) > 1 or any(type(arg) not in (list, tuple, dict, set) for arg in args):
            raise UnpicklingError(f"{kind.__name__} is made of nothing or of one collection")
        return kind(*args)

    return make


def _complex(*args: Any) -> complex:
    if any(type(arg) not in (int, float) for arg in args):
        raise UnpicklingError("complex is made of numbers")
    return complex(*args)


def _device(*args: Any) -> device:
    if not args or type(args[0]) is not str:
        raise UnpicklingError("torch.device is made of a name and a number")
    return device(*args)


def _parameter_class() -> Any:
    from oarlock.nn.parameter import Parameter

    return Parameter


class Admitted:
    """The admitted globals of one load, and what may be done with each."""

    def __init__(self) -> None:
        self._marked = _marked_by_name()
        # Kept, so that their ids stay theirs.
        self._values: dict[str, Any] = {}
        self._calls: dict[int, Callable[..., Any]] = {}
        self._trusted = {id(value) for value in self._marked.values()}

    def find(self, module: str, name: str) -> Any:
        """The object of a global.

        Raises:
            UnpicklingError: it is not admitted.
        """
        path = f"{module}.{name}"
        if module.partition(".")[0] in BLOCKED:
            raise UnpicklingError(
                f"Trying to load unsupported GLOBAL {path} whose module {module} is blocked."
            )
        if path not in self._values:
            value, call = self._admit(path)
            self._values[path] = value
            if call is not None:
                self._calls[id(value)] = call
        return self._values[path]

    def admits(self, path: str) -> bool:
        """Whether a global may be named."""
        try:
            self.find(*path.rpartition(".")[::2])
        except UnpicklingError:
            return False
        return True

    def _admit(self, path: str) -> tuple[Any, Any]:
        if path in _CLASSES:
            return _CLASSES[path]
        if path == "torch.nn.parameter.Parameter":
            return _parameter_class(), parameter
        if path in self._marked:
            return (self._marked[path],) * 2
        value = constant(path)
        if isinstance(value, (StorageType, Lacking, dtype)):
            return value, None
        if value is not None:
            return value, value
        shown = path.removeprefix("builtins.")
        raise UnpicklingError(
            f"Unsupported global: GLOBAL {shown} was not an allowed global by default. If you trust "
            f"it, admit it with `torch.serialization.add_safe_globals([{shown}])`, or for one block "
            f"with `with torch.serialization.safe_globals([{shown}]):`"
        )

    def call_of(self, value: Any) -> Callable[..., Any]:
        """What is called where the file calls an object.

        Raises:
            UnpicklingError: it may not be called.
        """
        found = self._calls.get(id(value))
        if found is None:
            raise UnpicklingError(
                f"Trying to call reduce for unrecognized function {_shown(value)}"
            )
        return found

    def is_parameter(self, kind: Any) -> bool:
        """Whether a class is Parameter, which older files make without a function."""
        return self._calls.get(id(kind)) is parameter

    def trusted(self, kind: Any) -> bool:
        """Whether the user has admitted a class."""
        return id(kind) in self._trusted


def _shown(value: Any) -> str:
    # The repr of an object out of an untrusted file may be long.
    return f"{getattr(value, '__qualname__', '') or type(value).__name__}"


_CLASSES: dict[str, tuple[Any, Any]] = {
    "collections.OrderedDict": (OrderedDict, _collected(OrderedDict)),
    "collections.Counter": (Counter, _collected(Counter)),
    "builtins.set": (set, _collected(set)),
    "builtins.bytearray": (bytearray, _bytearray),
    "builtins.complex": (complex, _complex),
    "_codecs.encode": (encode, _bytes),
    "torch.Size": (Size, Size),
    "torch.device": (device, _device),
    "torch.Tensor": (Tensor, None),
}

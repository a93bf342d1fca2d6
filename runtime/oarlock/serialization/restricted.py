"""A pickle machine that can build tensors and plain values, and call nothing it does not know.

It runs the opcodes of pickle protocols 2 to 5 (Python's Lib/pickletools.py describes them), looks
globals up only among those admitted, and checks the target of each write.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import Counter, OrderedDict
from collections.abc import Callable
from pickle import UnpicklingError, decode_long
from struct import Struct, error
from typing import Any

from oarlock.serialization.lacking import Lacking
from oarlock.serialization.rebuilding import parameter
from oarlock.serialization.safe_globals import Admitted

_int32, _uint16, _uint32, _uint64 = Struct("<i"), Struct("<H"), Struct("<I"), Struct("<Q")
_float64 = Struct(">d")
_DICTS = (dict, OrderedDict, Counter)


def modern(module: str, name: str) -> tuple[str, str]:
    """Python 3's name of a global that protocol 2 writes with Python 2's."""
    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name


class RestrictedUnpickler:
    """Reads one pickle.

    Args:
        data: the pickle.
        persistent_load: gives the storage for a persistent id.
        encoding: of strings that Python 2 wrote; "bytes" leaves them as they are.
    """

    def __init__(self, data: bytes, persistent_load: Callable[[Any], Any], encoding: str = "utf-8"):
        self._data = data
        self._at = 0
        self._persistent_load = persistent_load
        self._encoding = encoding
        self._admitted = Admitted()
        self._memo: dict[int, Any] = {}
        self._stack: list[Any] = []
        self._marks: list[list[Any]] = []
        # An error of the user's own code, which is not the file's fault.
        self._outer: Exception | None = None

    def load(self) -> Any:
        """The object that the pickle describes.

        Raises:
            UnpicklingError: it names a global that is not admitted, or is damaged.
        """
        actions = _ACTIONS
        try:
            while True:
                code = self._data[self._at]
                self._at += 1
                if code == 0x2E:  # STOP
                    return self._stack.pop()
                action = actions.get(code)
                if action is None:
                    raise UnpicklingError(f"Unsupported operand {code}")
                action(self)
        except (IndexError, KeyError, error, ValueError, TypeError, OverflowError) as problem:
            if problem is self._outer:
                raise
            raise UnpicklingError(
                f"the pickle is damaged or forged at byte {self._at}: "
                f"{type(problem).__name__}: {problem}"
            ) from None

    def _outside(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as problem:
            self._outer = problem
            raise

    def _take(self, count: int) -> bytes:
        start, self._at = self._at, self._at + count
        taken = self._data[start : self._at]
        if len(taken) != count:
            raise UnpicklingError("the pickle ends too early")
        return taken

    def _number(self, form: Struct) -> Any:
        return form.unpack(self._take(form.size))[0]

    def _line(self) -> str:
        end = self._data.index(b"\n", self._at)
        line, self._at = self._data[self._at : end], end + 1
        return line.decode("utf-8")

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _mark(self) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _proto(self) -> None:
        protocol = self._take(1)[0]
        if protocol > 5:
            raise UnpicklingError(f"unsupported pickle protocol: {protocol}")

    def _frame(self) -> None:
        self._take(8)

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._since_mark()

    def _global(self) -> None:
        self._push(self._admitted.find(*modern(self._line(), self._line())))

    def _stack_global(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        if type(name) is not str or type(module) is not str:
            raise UnpicklingError("a global's name must be a string")
        self._push(self._admitted.find(module, name))

    def _reduce(self) -> None:
        args, function = self._stack.pop(), self._stack.pop()
        if type(args) is not tuple:
            raise UnpicklingError("arguments must be a tuple")
        call = self._admitted.call_of(function)
        run = self._outside if self._admitted.trusted(function) else _inside
        self._push(run(call, *args))

    def _new(self, kwargs: Any) -> None:
        args, kind = self._stack.pop(), self._stack.pop()
        if type(args) is not tuple or type(kwargs) is not dict:
            raise UnpicklingError("arguments must be a tuple")
        if isinstance(kind, type) and self._admitted.trusted(kind):
            self._push(self._outside(kind.__new__, kind, *args, **kwargs))
            return
        if isinstance(kind, type) and not kwargs and self._admitted.is_parameter(kind):
            self._push(parameter(*args))
            return
        raise UnpicklingError(
            f"Can only create new object for nn.Parameter or classes allowlisted via "
            f"`add_safe_globals` but got {getattr(kind, '__qualname__', type(kind).__name__)}"
        )

    def _new_object(self) -> None:
        self._new({})

    def _new_object_with_names(self) -> None:
        self._new(self._stack.pop())

    def _build(self) -> None:
        state, made = self._stack.pop(), self._stack[-1]
        kind = type(made)
        if kind is OrderedDict:
            if type(state) is not dict or not all(type(name) is str for name in state):
                raise UnpicklingError("the attributes of an OrderedDict must be a dict with names")
            made.__dict__.update(state)
        elif kind is Lacking:
            return
        elif self._admitted.trusted(kind):
            self._outside(_set_state, made, state)
        else:
            raise UnpicklingError(
                "Can only build Tensor, Parameter, OrderedDict or types allowlisted via "
                f"`add_safe_globals`, but got {kind.__qualname__}"
            )

    def _persistent(self) -> None:
        self._push(self._outside(self._persistent_load, self._stack.pop()))

    def _list(self) -> list[Any]:
        if type(self._stack[-1]) is not list:
            raise UnpicklingError(
                f"Can only append to lists, but got {type(self._stack[-1]).__qualname__}"
            )
        return self._stack[-1]

    def _append(self) -> None:
        item = self._stack.pop()
        self._list().append(item)

    def _appends(self) -> None:
        items = self._since_mark()
        self._list().extend(items)

    def _set_pairs(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) not in _DICTS and not (
            isinstance(target, dict) and self._admitted.trusted(type(target))
        ):
            raise UnpicklingError(
                f"Can only set items of dicts, but got {type(target).__qualname__}"
            )
        if len(items) % 2:
            raise UnpicklingError("odd number of items for a dict")
        for i in range(0, len(items), 2):
            target[items[i]] = items[i + 1]

    def _set_item(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set_pairs([key, value])

    def _set_items(self) -> None:
        self._set_pairs(self._since_mark())

    def _add_items(self) -> None:
        items = self._since_mark()
        if type(self._stack[-1]) is not set:
            raise UnpicklingError("Can only add to sets")
        self._stack[-1].update(items)

    def _tuple(self) -> None:
        self._push(tuple(self._since_mark()))

    def _tuple_of(self, count: int) -> None:
        items = [self._stack.pop() for _ in range(count)]
        self._push(tuple(reversed(items)))

    def _whole_list(self) -> None:
        self._push(self._since_mark())

    def _whole_dict(self) -> None:
        items = self._since_mark()
        self._push({})
        self._set_pairs(items)

    def _whole_frozenset(self) -> None:
        self._push(frozenset(self._since_mark()))

    def _text(self, form: Struct) -> None:
        self._push(str(self._take(self._number(form)), "utf-8", "surrogatepass"))

    def _old_text(self, form: Struct) -> None:
        text = self._take(self._number(form))
        self._push(text if self._encoding == "bytes" else text.decode(self._encoding))

    def _get(self, form: Struct) -> None:
        self._push(self._memo[self._number(form)])

    def _put(self, form: Struct) -> None:
        self._memo[self._number(form)] = self._stack[-1]

    def _memoize(self) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _long(self, form: Struct) -> None:
        self._push(decode_long(self._take(self._number(form))))


def _inside(function: Callable[..., Any], *args: Any) -> Any:
    return function(*args)


def _set_state(made: Any, state: Any) -> None:
    setstate = getattr(made, "__setstate__", None)
    if setstate is not None:
        setstate(state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        made.__dict__.update(state)
    for name, value in (slots or {}).items():
        setattr(made, name, value)


_uint8 = Struct("<B")
_U = RestrictedUnpickler
_ACTIONS: dict[int, Callable[[RestrictedUnpickler], None]] = {
    ord("("): _U._mark,
    ord("0"): _U._pop,
    ord("2"): lambda u: u._push(u._stack[-1]),
    ord("1"): lambda u: (u._since_mark(), None)[1],
    ord("N"): lambda u: u._push(None),
    ord("K"): lambda u: u._push(u._number(_uint8)),
    ord("M"): lambda u: u._push(u._number(_uint16)),
    ord("J"): lambda u: u._push(u._number(_int32)),
    ord("G"): lambda u: u._push(u._number(_float64)),
    ord("X"): lambda u: u._text(_uint32),
    ord("T"): lambda u: u._old_text(_int32),
    ord("U"): lambda u: u._old_text(_uint8),
    ord("B"): lambda u: u._push(u._take(u._number(_uint32))),
    ord("C"): lambda u: u._push(u._take(u._number(_uint8))),
    ord("c"): _U._global,
    ord("R"): _U._reduce,
    ord("b"): _U._build,
    ord("Q"): _U._persistent,
    ord("a"): _U._append,
    ord("e"): _U._appends,
    ord("s"): _U._set_item,
    ord("u"): _U._set_items,
    ord("t"): _U._tuple,
    ord(")"): lambda u: u._push(()),
    ord("]"): lambda u: u._push([]),
    ord("}"): lambda u: u._push({}),
    ord("l"): _U._whole_list,
    ord("d"): _U._whole_dict,
    ord("h"): lambda u: u._get(_uint8),
    ord("j"): lambda u: u._get(_uint32),
    ord("q"): lambda u: u._put(_uint8),
    ord("r"): lambda u: u._put(_uint32),
    0x80: _U._proto,
    0x81: _U._new_object,
    0x85: lambda u: u._tuple_of(1),
    0x86: lambda u: u._tuple_of(2),
    0x87: lambda u: u._tuple_of(3),
    0x88: lambda u: u._push(True),
    0x89: lambda u: u._push(False),
    0x8A: lambda u: u._long(_uint8),
    0x8B: lambda u: u._long(_uint32),
    0x8C: lambda u: u._text(_uint8),
    0x8D: lambda u: u._text(_uint64),
    0x8E: lambda u: u._push(u._take(u._number(_uint64))),
    0x8F: lambda u: u._push(set()),
    0x90: _U._add_items,
    0x91: _U._whole_frozenset,
    0x92: _U._new_object_with_names,
    0x93: _U._stack_global,
    0x94: _U._memoize,
    0x95: _U._frame,
    0x96: lambda u: u._push(bytearray(u._take(u._number(_uint64)))),
}

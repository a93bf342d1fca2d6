"""Where a real torch is loaded: it stays in ``sys.modules``, and who asks decides what is given.

Swapping the modules of a torch in use breaks its optimizers, pickling, data loaders and compiler,
and Triton's probe of the driver. So ``builtins.__import__`` and ``importlib.import_module`` are
wrapped instead: everyone gets Oarlock's modules, except torch itself and what works inside it, and
installed packages that hold the real torch already.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from types import FrameType, ModuleType
from typing import Any

from oarlock.activation.modules import ROOTS, is_ours, is_served, load

# What runs under these, however deep, is the real torch's business.
_INSIDE = {"functorch", "torch", "torchgen", "triton"}
# What PyImport_Import passes for the names: pickle, for one, imports so, and takes the module out of
# sys.modules afterwards whatever is returned. Import statements pass a tuple or None.
_FROM_C = ([], ["__doc__"])
_IMPORTLIB = {"importlib", "_frozen_importlib"}
_import = builtins.__import__
_import_module = importlib.import_module
_active = False
# Installed packages that held a real torch when Oarlock was activated.
_holders: frozenset[str] = frozenset()


def _asked(
    name: str,
    globals: Any = None,
    locals: Any = None,
    fromlist: Any = (),
    level: int = 0,
) -> Any:
    # Every import statement comes through here, so the usual case is decided by one comparison.
    if not name.startswith(ROOTS) or level or not _active or not is_served(name):
        return _import(name, globals, locals, fromlist, level)
    if fromlist in _FROM_C or _is_for_the_real_one(sys._getframe(1)):
        return _import(name, globals, locals, fromlist, level)
    load(name)
    if not fromlist:
        return load(name.partition(".")[0])
    return _import(f"oarlock.{name}", globals, locals, fromlist, 0)


def _asked_by_name(name: str, package: str | None = None) -> ModuleType:
    if _active and is_served(name) and not _is_for_the_real_one(sys._getframe(1)):
        return load(name)
    return _import_module(name, package)


def _is_for_the_real_one(frame: FrameType | None) -> bool:
    importer = None
    while frame:
        root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if root in _INSIDE:
            return True
        if importer is None and root not in _IMPORTLIB:
            importer = root
        frame = frame.f_back
    return importer in _holders


def _find_holders() -> frozenset[str]:
    real = {id(sys.modules[name]) for name in ROOTS if name in sys.modules}
    found = set()
    for name, module in list(sys.modules.items()):
        values = getattr(module, "__dict__", {})
        held = any(id(values.get(root)) in real for root in ROOTS)
        if held and not is_ours(module):
            file = values.get("__file__") or ""
            if "site-packages" in file or "dist-packages" in file:
                found.add(name.partition(".")[0])
    return frozenset(found)


def install() -> None:
    """Serve imports from now on."""
    global _active, _holders, _import, _import_module
    _holders = _find_holders()
    _active = True
    # Still in place where someone else had wrapped them when Oarlock was deactivated.
    if builtins.__import__ is not _asked and not _wrapped["import"]:
        _import, builtins.__import__ = builtins.__import__, _asked
        _wrapped["import"] = True
    if importlib.import_module is not _asked_by_name and not _wrapped["module"]:
        _import_module, importlib.import_module = importlib.import_module, _asked_by_name
        _wrapped["module"] = True


_wrapped = {"import": False, "module": False}


def remove() -> None:
    """Serve no more; what others wrapped around Oarlock's functions stays, and passes through."""
    global _active
    _active = False
    if builtins.__import__ is _asked:
        builtins.__import__ = _import
        _wrapped["import"] = False
    if importlib.import_module is _asked_by_name:
        importlib.import_module = _import_module
        _wrapped["module"] = False

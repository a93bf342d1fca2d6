"""Modules of torch's that only hold, under another name, what a mapped namespace has.

``torch.nn.modules.linear.Linear`` is ``torch.nn.Linear``: such a module gives the names of the
namespace it stands for. A record that names an API there makes the module itself, which is then
found first and asks here for the names that no record gives it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from oarlock.errors import UnmappedError

_MODULES = {
    "torch": "functional random serialization autograd.grad_mode",
    "torch.amp": "amp.autocast_mode amp.grad_scaler",
    "torch.autograd": "autograd.anomaly_mode autograd.function autograd.variable",
    "torch.nn": (
        "nn.modules nn.modules.activation nn.modules.adaptive nn.modules.batchnorm "
        "nn.modules.channelshuffle nn.modules.container nn.modules.conv nn.modules.distance "
        "nn.modules.dropout nn.modules.flatten nn.modules.fold nn.modules.instancenorm "
        "nn.modules.linear nn.modules.loss nn.modules.module "
        "nn.modules.normalization nn.modules.padding nn.modules.pixelshuffle nn.modules.pooling "
        "nn.modules.rnn nn.modules.sparse nn.modules.transformer nn.modules.upsampling "
        "nn.parameter"
    ),
    "torch.nn.utils": "nn.utils.clip_grad nn.utils.convert_parameters",
    "torch.optim": (
        "optim.adadelta optim.adagrad optim.adam optim.adamax optim.adamw optim.asgd optim.lbfgs "
        "optim.nadam optim.optimizer optim.radam optim.rmsprop optim.rprop optim.sgd "
        "optim.sparse_adam"
    ),
    "torch.utils.data": (
        "utils.data._utils utils.data.dataloader utils.data.dataset utils.data.distributed "
        "utils.data.sampler"
    ),
}
# A module's torch-side name to the module that has its names.
HOMES = {
    f"torch.{module}": f"oarlock.{home}"
    for home, modules in _MODULES.items()
    for module in modules.split()
} | {
    "torch.multiprocessing": "oarlock.processes",
    "torch.torch_version": "oarlock.torch_version",
    "torch.utils.data._utils.collate": "oarlock.data.collate",
    "torch.utils.data._utils.worker": "oarlock.data.worker",
    "torch.version": "oarlock.torch_version",
}


def find(torch_name: str) -> ModuleType | None:
    """The module of that torch-side name, or None where it is none of these."""
    return import_module(f"oarlock.{torch_name}") if torch_name in HOMES else None


def home(torch_name: str) -> ModuleType | None:
    """The module whose names that one has too, or None where it has only its own."""
    return import_module(HOMES[torch_name]) if torch_name in HOMES else None


class _Finder:
    """Finds and makes the modules, as ``oarlock.torch.nn.modules.linear`` for example."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[2] in HOMES and fullname.startswith("oarlock."):
            return ModuleSpec(fullname, _Finder, is_package=True)  # type: ignore[arg-type]
        return None

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType | None:
        return None

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        torch_name = module.__name__.partition(".")[2]
        home = HOMES[torch_name]
        module.__doc__ = f"What torch has in {torch_name}, from {home}."

        def load(name: str) -> Any:
            if name.startswith("__") and name not in ("__all__", "__version__"):
                raise AttributeError(name)
            if (part := find(f"{torch_name}.{name}")) is not None:
                return part
            try:
                return getattr(import_module(home), name)
            except UnmappedError:
                from oarlock.namespace import unmapped

                raise unmapped(torch_name, name, sys._getframe(1)) from None

        module.__getattr__ = load  # type: ignore[method-assign]
        module.__dir__ = lambda: dir(import_module(home))  # type: ignore[method-assign]


sys.meta_path.append(_Finder)  # type: ignore[arg-type]

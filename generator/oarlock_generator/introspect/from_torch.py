"""The signature lock of torch, from its stubs, its source and its operator schemas."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from oarlock_generator.introspect.names import Found, collect, defined_in, import_all
from oarlock_generator.introspect.python_objects import (
    class_line,
    function_line,
    python_signatures,
    underlying,
)
from oarlock_generator.introspect.reader import Fields, Place, Reader, api_fields, signature_texts
from oarlock_generator.introspect.source import (
    Definition,
    SourceFile,
    declared_signature,
    runtime_signature,
    source_file,
)
from oarlock_generator.introspect.torch_parser import (
    docstring_signature,
    numpy_aliases,
    schema_signatures,
)
from oarlock_generator.signatures import Lock, Signature

# Internal or retired parts, and parts that need packages torch does not install.
SKIPPED = frozenset({
    "torch.ao", "torch.classes", "torch.contrib", "torch.cuda.gds",
    "torch.distributed.argparse_util", "torch.distributed.benchmarks",
    "torch.distributed.c10d_logger", "torch.distributed.checkpoint.*",
    "torch.distributed.collective_utils", "torch.distributed.config", "torch.distributed.debug",
    "torch.distributed.elastic", "torch.distributed.flight_recorder",
    "torch.distributed.fsdp.*", "torch.distributed.launch", "torch.distributed.launcher",
    "torch.distributed.logging_handlers", "torch.distributed.nn",
    "torch.distributed.pipelining.*", "torch.distributed.run", "torch.distributed.tensor.*",
    "torch.export.*", "torch.fx.experimental", "torch.fx.passes", "torch.jit.*",
    "torch.masked.maskedtensor", "torch.nativert", "torch.nn.backends", "torch.nn.cpp",
    "torch.nn.intrinsic", "torch.nn.qat", "torch.nn.quantizable", "torch.nn.quantized",
    "torch.numa", "torch.onnx.*", "torch.ops", "torch.package.analyze", "torch.quantization",
    "torch.testing.*", "torch.utils.backcompat", "torch.utils.benchmark",
    "torch.utils.bottleneck", "torch.utils.bundled_inputs", "torch.utils.collect_env",
    "torch.utils.data.datapipes", "torch.utils.data.graph", "torch.utils.data.graph_settings",
    "torch.utils.hipify", "torch.utils.jit", "torch.utils.model_dump",
    "torch.utils.serialization", "torch.utils.tensorboard", "torch.utils.throughput_benchmark",
    "torch.utils.viz", "torch.utils.weak",
})  # fmt: skip

# Names that users import although they are private, or that lie behind ``__getattr__``.
EXTRA = (
    "torch.__version__",
    "torch._assert",
    "torch.backends.cuda.matmul.allow_tf32",
    "torch.distributed.group.WORLD",
    "torch.nn.attention._cur_sdpa_kernel_backends",
    "torch.nn.functional._Reduction.get_enum",
    "torch.nn.init._calculate_fan_in_and_fan_out",
    "torch.nn.modules.batchnorm._BatchNorm",
    "torch.nn.modules.loss._Loss",
    "torch.nn.modules.module._IncompatibleKeys",
    "torch.nn.modules.utils._ntuple",
    "torch.nn.modules.utils._pair",
    "torch.optim.lr_scheduler._LRScheduler",
    "torch.utils.cpp_extension.CUDA_HOME",
    "torch.utils.data._utils.collate.default_collate",
    "torch.utils.data._utils.collate.default_collate_err_msg_format",
    "torch.utils.data._utils.collate.np_str_obj_array_pattern",
    "torch.utils.model_zoo.load_url",
)

_STUB = "torch/_C/__init__.pyi"
_FUNCTIONS = "torch/_C/_VariableFunctions.pyi"
_NN = "torch/_C/_nn.pyi"
_RETURN_TYPES = "torch/return_types.pyi"

# Written when torch is built, so not in its repository.
_GENERATED = (_STUB, _FUNCTIONS, _NN, _RETURN_TYPES)

# These have a page of their own for each public function.
_DOCUMENTED = ("torch", "torch.Tensor", "torch.fft", "torch.linalg", "torch.nn.functional")

_STUB_TYPES = {
    "_bool": "bool",
    "_bytes": "bytes",
    "_complex": "complex",
    "_device": "torch.device",
    "_dtype": "torch.dtype",
    "_float": "float",
    "_int": "int",
    "_layout": "torch.layout",
    "_qscheme": "torch.qscheme",
    "_size": "Sequence[int]",
}


def lock_torch(progress: Callable[[str], None] = lambda _: None) -> Lock:
    """Introspect the installed torch.

    Args:
        progress: called with the name of each part before it is read.

    Raises:
        ImportError: torch is not installed.
    """
    import torch

    progress("torch: modules")
    modules = import_all(["torch"], SKIPPED)
    foreach = sorted(name for name in vars(torch) if name.startswith("_foreach_"))
    extra = [*EXTRA, *(f"torch.{name}" for name in foreach)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated names warn when they are looked at
        names = collect(modules, extra, _is_torch, _constant_name)
        progress("torch: signatures")
        apis = _TorchReader(names.main).read_all(names)
    version = torch.__version__.partition("+")[0]
    docs = f"https://docs.pytorch.org/docs/{version.rpartition('.')[0]}/generated/{{name}}.html"
    header = {
        "package": "torch",
        "version": version,
        "repository": "https://github.com/pytorch/pytorch",
        "tag": f"v{version}",
        "generated": list(_GENERATED),
        "pages": dict.fromkeys(_DOCUMENTED, docs),
    }
    return Lock(header, apis)


def _is_torch(value: Any) -> bool:
    import torch

    if isinstance(value, torch.dtype | torch.layout | torch.memory_format | torch.qscheme):
        return True
    return (isinstance(value, type) or inspect.isroutine(value)) and defined_in(value) == "torch"


def _constant_name(value: Any) -> str | None:
    import torch

    return repr(value) if isinstance(value, torch.dtype) else None


class _TorchReader(Reader):
    def __init__(self, found: list[Found]) -> None:
        import torch

        super().__init__(torch, found)
        self.tensor_base = torch._C.TensorBase
        self.c_module: Any = torch._C
        self.functions = self.c_module._VariableFunctions
        self.nn_functions = self.c_module._nn
        self.tensor_types = type(torch.FloatTensor)
        self.module = torch.nn.Module

    def has_members(self, cls: type) -> bool:
        return type(cls) is not self.tensor_types

    def owns_members(self, base: type, cls: type) -> bool:
        return base is not self.tensor_base or cls is self.tensor

    def read_callable(self, kind: str, value: Any, cls: type | None) -> Fields:
        function, bound = underlying(value, in_class=cls is not None)
        function = inspect.unwrap(function)
        if inspect.isfunction(function):
            dispatch = _boolean_dispatch(function)
            signatures, function = dispatch or (python_signatures(function, bound), function)
            return api_fields(kind, signatures, self.source(function_line(function)))
        name = getattr(function, "__name__", "")
        path, nodes = self._stub_functions(function, name, cls)
        schemas = schema_signatures(name) if cls is None else []
        docstring = docstring_signature(function)
        known = [*schemas, docstring] if docstring else schemas
        signatures = [
            _resolve_dots(declared_signature(node, bound=bound, types=_STUB_TYPES), known)
            for node in nodes
        ]
        if cls is self.tensor:
            signatures = [_as_tensor_method(name, signature) for signature in signatures]
        if not signatures:
            other = docstring or runtime_signature(function, bound=bound)
            signatures = schemas or ([other] if other else [])
        fields = api_fields(kind, signatures, f"{path}:{nodes[0].lineno}" if nodes else None)
        if cls is self.tensor or schemas or path in (_FUNCTIONS, _NN):
            aliases = numpy_aliases(p.name for s in signatures for p in s.parameters)
            if aliases:
                fields["aliases"] = aliases
        return fields

    def constructor_fields(self, cls: type, owner: type, function: Any) -> Fields:
        if owner is self.module:
            # Module.__init__ takes *args and **kwargs only to refuse them with a TypeError.
            return {"signatures": ["()"]}
        if inspect.isfunction(function):
            signatures = python_signatures(function, bound=True)
        elif function is None and class_line(cls):
            signatures = [Signature((), None)]
        else:
            _, stub, name = self._stub_class(cls)
            nodes: list[Definition] = []
            if stub:
                nodes = stub.functions.get(f"{name}.__init__", [])
                nodes = nodes or stub.functions.get(f"{name}.__new__", [])
            signatures = [declared_signature(n, bound=True, types=_STUB_TYPES) for n in nodes]
        return {"signatures": signature_texts(signatures)} if signatures else {}

    def class_place(self, cls: type) -> Place | None:
        path, stub, name = self._stub_class(cls)
        declared = (path, stub.classes[name].lineno) if stub and name in stub.classes else None
        return class_line(cls) or declared

    def property_place(self, cls: type, name: str) -> Place | None:
        path, stub, class_name = self._stub_class(cls)
        if stub is None:
            return None
        qualified_name = f"{class_name}.{name}"
        if qualified_name in stub.attributes:
            return path, stub.attributes[qualified_name]
        nodes = stub.functions.get(qualified_name)
        return (path, nodes[0].lineno) if nodes else None

    def _stub_class(self, cls: type) -> tuple[str, SourceFile | None, str]:
        """The stub of a C++ class, and its name there."""
        name = "TensorBase" if cls is self.tensor else cls.__name__
        path = ""
        if cls.__module__ == "torch.return_types":
            path = _RETURN_TYPES
        elif cls.__module__ in ("torch", "torch._C", "torch._tensor"):
            path = _STUB
        elif cls.__module__.startswith("torch._C."):
            path = f"{cls.__module__.replace('.', '/')}.pyi"
        return path, self._file(path), name

    def _stub_functions(
        self, function: Any, name: str, cls: type | None
    ) -> tuple[str, list[Definition]]:
        """The overloads of a C++ function or method in the stubs."""
        if cls is not None:
            path, stub, class_name = self._stub_class(cls)
            return path, stub.functions.get(f"{class_name}.{name}", []) if stub else []
        module = function.__module__ or ""
        if getattr(self.functions, name, None) is function:
            path = _FUNCTIONS
        elif getattr(self.nn_functions, name, None) is function:
            path = _NN
        elif getattr(self.c_module, name, None) is function:
            path = _STUB
        else:
            path = f"{module.replace('.', '/')}.pyi" if module.startswith("torch._C.") else ""
        stub = self._file(path)
        return path, stub.functions.get(name, []) if stub else []

    def _file(self, path: str) -> SourceFile | None:
        return source_file(self.root / path) if path else None


def _boolean_dispatch(function: Any) -> tuple[list[Signature], Any] | None:
    """``F.max_pool2d`` and its like are two functions, one for each value of a flag."""
    from torch._jit_internal import boolean_dispatched

    branches = boolean_dispatched.get(function)
    if branches is None:
        return None
    plain, flagged = (
        python_signatures(branches[branch], bound=False)[0] for branch in ("if_false", "if_true")
    )
    returns = dict.fromkeys(r for r in (plain.returns, flagged.returns) if r)
    return [Signature(plain.parameters, " | ".join(returns) or None)], branches["if_false"]


def _resolve_dots(signature: Signature, known: list[Signature]) -> Signature:
    """Replace ``...`` defaults in a stub by what operator schemas or the docstring say."""
    defaults: dict[str, str] = {}
    for parameter in (p for other in known for p in other.parameters):
        if parameter.default not in (None, "..."):
            defaults.setdefault(parameter.name, parameter.default)
    parameters = (
        replace(p, default=defaults.get(p.name, "...")) if p.default == "..." else p
        for p in signature.parameters
    )
    return Signature(tuple(parameters), signature.returns)


def _as_tensor_method(name: str, signature: Signature) -> Signature:
    """What the parser accepts where the stub differs: no method takes ``out``; ``to(tensor)``."""
    parameters = (p for p in signature.parameters if p.name != "out")
    if name == "to":
        parameters = (replace(p, name="tensor") if p.name == "other" else p for p in parameters)
    return Signature(tuple(parameters), signature.returns)

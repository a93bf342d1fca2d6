"""The signature lock of paddle, from its source, its stubs, and its decorators."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any

from oarlock_generator.introspect.names import Found, collect, defined_in, import_all
from oarlock_generator.introspect.paddle_decorators import (
    Keywords,
    decorator_keywords,
    parsed_keywords,
    unwrap_all,
)
from oarlock_generator.introspect.python_objects import (
    class_line,
    function_line,
    python_signatures,
    underlying,
)
from oarlock_generator.introspect.reader import Fields, Reader, api_fields, signature_texts
from oarlock_generator.introspect.source import (
    declared_signature,
    runtime_signature,
    source_file,
)
from oarlock_generator.signatures import Lock, Signature, parse_signature

# Internal parts, parts of the static graph and of deployment, and modules whose names their
# package re-exports.
SKIPPED = frozenset({
    "paddle.api_tracer", "paddle.audio.*", "paddle.autograd.*", "paddle.base", "paddle.batch",
    "paddle.check_import_scipy", "paddle.cinn_config", "paddle.common_ops_import",
    "paddle.cost_model", "paddle.cuda_env", "paddle.dataset", "paddle.decomposition",
    "paddle.device.*", "paddle.device.cuda.*", "paddle.distributed.*",
    "paddle.distributed.communication.stream.*", "paddle.distributed.fleet.*",
    "paddle.distributed.fleet.utils.*",
    "paddle.distributed.rpc.*", "paddle.distribution.*", "paddle.framework.*",
    "paddle.functional.*", "paddle.geometric.*", "paddle.hapi", "paddle.hub.*",
    "paddle.incubate.*", "paddle.inference", "paddle.io.*", "paddle.jit.*", "paddle.libs",
    "paddle.metric.*", "paddle.nn.functional.*", "paddle.nn.layer.*", "paddle.optimizer.*",
    "paddle.pir", "paddle.pir_utils", "paddle.profiler.*", "paddle.quantization.*",
    "paddle.reader", "paddle.sparse.*", "paddle.static", "paddle.tensor", "paddle.text.*",
    "paddle.utils.*", "paddle.utils.cpp_extension.*", "paddle.utils.dlpack.*",
    "paddle.vision.datasets.*", "paddle.vision.models.*", "paddle.vision.transforms.*",
})  # fmt: skip

# What is public below the skipped parts.
PACKAGES = (
    "paddle",
    "paddle.audio.functional",
    "paddle.device.cuda",
    "paddle.distributed.communication.stream",
    "paddle.distributed.fleet",
    "paddle.distributed.fleet.utils",
    "paddle.distributed.rpc",
    "paddle.distribution.constraint",
    "paddle.distribution.transform",
    "paddle.incubate.autograd",
    "paddle.incubate.nn",
    "paddle.incubate.nn.functional",
    "paddle.incubate.optimizer",
    "paddle.io.dataloader.collate",
    "paddle.nn.functional.flash_attention",
    "paddle.nn.layer.norm",
    "paddle.nn.layer.rnn",
    "paddle.optimizer.lr",
    "paddle.sparse.nn",
    "paddle.sparse.nn.functional",
    "paddle.utils.cpp_extension",
    "paddle.utils.dlpack",
    "paddle.utils.download",
    "paddle.vision.models.inceptionv3",
    "paddle.vision.transforms.functional",
)

EXTRA = (
    "paddle.__version__",
    "paddle.autograd.grad",
    "paddle.distributed.stream.all_gather",
    "paddle.nn.attention._cur_sdpa_kernel_backends",
    "paddle.nn.init._calculate_fan_in_and_fan_out",
    "paddle.nn.init.calculate_gain",
    "paddle.nn.layer.norm._BatchNormBase",
    "paddle.optimizer.Optimizer._add_param_group",
    "paddle.vision.models.inceptionv3.InceptionA",
    "paddle.vision.models.inceptionv3.InceptionB",
    "paddle.vision.models.inceptionv3.InceptionC",
    "paddle.vision.models.inceptionv3.InceptionD",
    "paddle.vision.models.inceptionv3.InceptionE",
)

# Helpers that public packages import without listing them come from here.
_INTERNAL = (
    "paddle.base",
    "paddle.common_ops_import",
    "paddle.framework",
    "paddle.libs",
    "paddle.pir",
    "paddle.utils.decorator_utils",
    "paddle.utils.inplace_utils",
)

# transpose_decorator makes one ``perm`` of two keywords, which are so seen to vanish.
_TRANSPOSE_FORM = "(x: Tensor, dim0: int, dim1: int) -> Tensor"
_TRANSPOSE_ALIASES = {"dim0": ["axis0"], "dim1": ["axis1"]}

_REPOSITORY_FOLDER = "python/"
_STUB = "paddle/tensor/tensor.pyi"
_DOCS = "paddle/_paddle_docs.py"

_STUB_TYPES = {f"_{name}": name for name in ("bool", "bytes", "complex", "float", "int", "str")}


def lock_paddle(progress: Callable[[str], None] = lambda _: None) -> Lock:
    """Introspect the installed paddle.

    Args:
        progress: called with the name of each part before it is read.

    Raises:
        ImportError: paddle is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Paddle warns on import, its wrappers when they are asked
        import paddle

        progress("paddle: modules")
        modules = import_all(PACKAGES, SKIPPED)
        names = collect(modules, EXTRA, _is_paddle, _constant_name)
        progress("paddle: signatures")
        apis = _PaddleReader(names.main).read_all(names)
    version = getattr(paddle, "__version__")  # noqa: B009 (Paddle does not declare it)
    header = {
        "package": "paddle",
        "version": version,
        "repository": "https://github.com/PaddlePaddle/Paddle",
        "tag": f"v{version}",
        "generated": [_REPOSITORY_FOLDER + _STUB],
    }
    return Lock(header, apis)


def _is_paddle(value: Any) -> bool:
    if _constant_name(value):
        return True
    if not (isinstance(value, type) or inspect.isroutine(value)):
        return False
    module = f"{getattr(value, '__module__', None)}."
    internal = any(module.startswith(f"{name}.") for name in _INTERNAL)
    return defined_in(value) == "paddle" and not internal


def _constant_name(value: Any) -> str | None:
    import paddle

    return str(value) if isinstance(value, paddle.dtype) else None


class _PaddleReader(Reader):
    def __init__(self, found: list[Found]) -> None:
        import paddle
        from paddle.base.dygraph import generated_tensor_methods_patch as generated

        super().__init__(paddle, found, _REPOSITORY_FOLDER)
        tables = (generated.methods_map, generated.funcs_map, generated.nn_funcs_map)
        self.generated = {
            name: inspect.signature(function)
            for table in tables
            for name, function in table
            if hasattr(function, "__signature__")
        }
        self.operators = importlib.import_module("paddle._C_ops")
        docs = source_file(self.root / _DOCS)
        self.documented = _documented_functions(docs.tree) if docs else {}

    def read_callable(self, kind: str, value: Any, cls: type | None) -> Fields:
        function, bound = underlying(value, in_class=cls is not None)
        if name := self._generated_name(function):
            return self._read_generated(kind, name, bound)
        if not inspect.isfunction(function):
            signatures, source = self._from_stub(function.__name__, cls)
            other = runtime_signature(function, bound=bound)
            return api_fields(kind, signatures or ([other] if other else []), source)
        raw = unwrap_all(function)
        signatures = _signatures(raw, bound)
        if all(s.parameters[:1] and s.parameters[0].kind == "varargs" for s in signatures):
            stub_signatures, _ = self._from_stub(function.__name__, cls)
            signatures = stub_signatures or signatures
        keywords = decorator_keywords(function)
        if keywords.ignores >= _TRANSPOSE_ALIASES.keys():
            form = parse_signature(_TRANSPOSE_FORM)
            signatures.append(Signature(form.parameters[bound:], form.returns))
            keywords.aliases.update(_TRANSPOSE_ALIASES)
            keywords.ignores -= {"axis0", "axis1", "dim0", "dim1"}
        fields = api_fields(kind, signatures, self.source(function_line(raw)))
        return {**fields, **_keyword_fields(keywords, signatures)}

    def constructor_fields(self, cls: type, owner: type, function: Any) -> Fields:
        if function is None and class_line(cls):
            return {"signatures": ["()"]}
        if not inspect.isfunction(function):
            return {}
        if cls is self.tensor:
            return {"signatures": signature_texts(self._from_stub("__init__", cls)[0])}
        signatures = _signatures(unwrap_all(function), bound=True)
        keywords = decorator_keywords(function)
        return {
            "signatures": signature_texts(signatures),
            **_keyword_fields(keywords, signatures),
        }

    def _generated_name(self, function: Any) -> str | None:
        """The operator behind a function that passes everything on to Paddle's C++ parser."""
        if inspect.isfunction(function):
            name = function.__name__.removeprefix("_")
            return name if function.__module__.endswith("generated_tensor_methods_patch") else None
        name = getattr(function, "__name__", "")
        is_operator = inspect.isbuiltin(function) and hasattr(self.operators, name)
        return name if is_operator and name in self.generated else None

    def _read_generated(self, kind: str, name: str, bound: bool) -> Fields:
        signature = runtime_signature(self.generated[name], bound=bound)
        signatures = [signature] if signature else []
        line = self.documented.get(name)
        fields = api_fields(kind, signatures, self.source((_DOCS, line) if line else None))
        keywords = parsed_keywords(getattr(self.operators, name), self.generated[name])
        return {**fields, **_keyword_fields(keywords, signatures)}

    def _from_stub(self, name: str, cls: type | None) -> tuple[list[Signature], str | None]:
        stub = source_file(self.root / _STUB)
        nodes = stub.functions.get(f"AbstractTensor.{name}", []) if stub else []
        if cls is not self.tensor or not nodes:
            return [], None
        signatures = [declared_signature(n, bound=True, types=_STUB_TYPES) for n in nodes]
        return signatures, self.source((_STUB, nodes[0].lineno))


def _signatures(raw: Any, bound: bool) -> list[Signature]:
    signatures = python_signatures(raw, bound)
    kinds = {p.kind for p in signatures[0].parameters} if len(signatures) == 1 else set()
    if {"varargs", "varkwargs"} <= kinds:
        return _docstring_forms(raw, signatures[0]) or signatures
    return signatures


def _docstring_forms(function: Any, signature: Signature) -> list[Signature]:
    """The forms a docstring numbers: ``2. paddle.compat.max(input: Tensor, dim: int, ...)``."""
    name = f"{function.__module__}.{function.__name__}"
    forms = []
    keyword = [p for p in signature.parameters if p.kind == "keyword"]
    for line in (function.__doc__ or "").splitlines():
        match = re.match(rf"\s*\d+\. {re.escape(name)}(\(.*?\)): ", line)
        if match is None:
            continue
        without_remarks = re.sub(r" \([^()]*\)", "", match[1])
        try:
            form = parse_signature(without_remarks)
        except SyntaxError:
            return []
        forms.append(Signature((*form.parameters, *keyword), signature.returns))
    return forms


def _keyword_fields(keywords: Keywords, signatures: list[Signature]) -> Fields:
    """The fields for ``keywords``; aliases only of parameters that can be given by name."""
    parameters = {p.name for s in signatures for p in s.parameters}
    fields: Fields = {
        "aliases": {p: sorted(s) for p, s in keywords.aliases.items() if p in parameters},
        "alias_defaults": keywords.alias_defaults,
        "forbids": sorted(keywords.forbids),
        "ignores": sorted(keywords.ignores),
    }
    return {name: value for name, value in fields.items() if value}


def _documented_functions(tree: ast.Module) -> dict[str, int]:
    """The line of each ``add_doc_and_signature("abs", ...)``."""
    lines = {}
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            first = node.value.args[0] if node.value.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                lines[first.value] = node.lineno
    return lines

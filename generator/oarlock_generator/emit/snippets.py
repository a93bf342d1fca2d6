"""An example as code to copy: complete, runnable, for PyTorch and for Oarlock on Paddle."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from oarlock_generator.derive import Derivation, Route
from oarlock_generator.examples import changes
from oarlock_generator.literals import literal
from oarlock_generator.model import Example, Input, Scalar

_HALF = ("bfloat16", "float16")
_INTEGERS = ("uint8", "int8", "int16", "int32", "int64", "bool")
# Packages whose functions run on an NVIDIA GPU in half precision only.
_GPU_ONLY = ("flash_attn",)
# Of real tensors they make complex ones, from whose sum torch's backward() doesn't start.
_MAKING_COMPLEX = (
    *("torch.complex", "torch.linalg.eigvals", "torch.polar", "torch.view_as_complex"),
    *("torch.stft", "stft", "torch.istft", "istft"),
    *(f"torch.fft.{way}{n}" for way in ("fft", "ifft", "rfft", "ihfft") for n in ("", "2", "n")),
)


def oarlock_snippet(example: Example, derivation: Derivation) -> list[str]:
    """The example on Paddle tensors, in its first dtype, as lines; torch's own is on its Tensors."""
    if derivation.primary.name.startswith("torch."):
        return _on_tensors(example, derivation)
    names = _packages(example)
    if example.raises:
        names.append(example.raises)
    dtype = example.dtypes[0]
    lines = ["import paddle", f"from oarlock import {', '.join(sorted(names))}", ""]
    lines += [f"{name} = {_paddle_input(spec, dtype)}" for name, spec in example.inputs.items()]
    if tracked := _tracked(example):
        lines.append(f"{''.join(f'{name}.stop_gradient = ' for name in tracked)}False")
    return [*lines, "", *_refused(example), *_backward(example, derivation)]


def pytorch_snippet(example: Example, derivation: Derivation) -> list[str]:
    """The same example on PyTorch tensors, as lines."""
    packages = _packages(example)
    gpu = any(package in _GPU_ONLY for package in packages)
    dtype = example.dtypes[0]
    if gpu and dtype not in _HALF:
        dtype = next((d for d in example.dtypes if d in _HALF), "float16")
    lines = [f"import {package}" for package in sorted({"torch", *packages})]
    lines.append("")
    for name, spec in _inputs(example).items():
        lines.append(f"{name} = {_torch_input(spec, dtype, gpu)}")
    return [*lines, "", *_call(example).lines, *_backward(example, derivation)]


def _on_tensors(example: Example, derivation: Derivation) -> list[str]:
    lines = ["import oarlock.torch as torch"]
    if example.raises:
        lines.append(f"from oarlock import {example.raises}")
    lines.append("")
    dtype = example.dtypes[0]
    lines += [
        f"{name} = {_torch_input(spec, dtype, False)}" for name, spec in example.inputs.items()
    ]
    lines += [""] * bool(example.inputs)
    return [*lines, *_refused(example), *_backward(example, derivation)]


def _refused(example: Example) -> list[str]:
    """The call, and the error it raises where it does."""
    call = list(_call(example).lines)
    if not example.raises:
        return call
    indented = [f"    {line}" for line in call]
    return ["try:", *indented, f"except {example.raises} as error:", "    print(error)"]


@dataclass(frozen=True)
class _Call:
    """An example's call as statements, the packages it names, and its arguments that are True.

    ``last`` is the function that gives the result, a method's name alone; ``in_place`` whether
    something changes a tensor.
    """

    lines: tuple[str, ...]
    roots: frozenset[str]
    true: frozenset[str | int]
    last: str
    in_place: bool


@lru_cache(maxsize=1024)
def _read(call: str) -> _Call:
    tree = ast.parse(call)
    roots, assigned, true, in_place = set(), set(), set(), False
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name(root)):
                roots.add(root)
            case ast.Name(name, ast.Store()):
                assigned.add(name)
            case ast.Subscript(ctx=ast.Store()) | ast.AugAssign() | ast.keyword(arg="inplace"):
                in_place = True
            case ast.Call(ast.Attribute(attr=name), args, keywords):
                in_place |= changes(name)
                true |= {i for i, a in enumerate(args) if _is_true(a)}
                true |= {k.arg for k in keywords if k.arg and _is_true(k.value)}
    single = len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr)
    lines = (f"result = {call}" if single else call).splitlines()
    packages = frozenset(roots - assigned)
    return _Call(tuple(lines), packages, frozenset(true), _last(tree, packages), in_place)


def _last(tree: ast.Module, packages: Collection[str]) -> str:
    match tree.body[-1:]:
        case [ast.Expr(ast.Call(function)) | ast.Assign(value=ast.Call(function))]:
            name = ast.unparse(function)
            return name if name.partition(".")[0] in packages else name.rpartition(".")[2]
    return ""


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _call(example: Example) -> _Call:
    return _read(example.call.strip())


def _packages(example: Example) -> list[str]:
    """The packages that the call names."""
    return sorted(_call(example).roots - example.inputs.keys())


def _inputs(example: Example) -> dict[str, Input]:
    """The inputs; of a call that changes tensors, which may be no leaves then, without gradients."""
    if not _call(example).in_place:
        return example.inputs
    return {n: spec.model_copy(update={"grad": False}) for n, spec in example.inputs.items()}


def _tracked(example: Example) -> list[str]:
    return [name for name, spec in _inputs(example).items() if spec.grad]


def _backward(example: Example, derivation: Derivation) -> list[str]:
    if example.raises or not _tracked(example):
        return []
    if derivation.primary.name.startswith("torch."):
        is_tensor = _call(example).last in _giving_tensors(derivation)
        return ["result.sum().backward()"] if is_tensor else []
    several = {_gives_several(_call(example), route) for route in derivation.routes}
    if len(several) > 1:
        return []
    return [f"result{'[0]' if several == {True} else ''}.sum().backward()"]


def _giving_tensors(derivation: Derivation) -> set[str]:
    """The names of the APIs that return one tensor, a method's without what it is called on."""
    return {
        api.last_name if api.is_method else api.name
        for api in derivation.apis
        if api.entry.overloads and all(s.returns == "Tensor" for s in api.entry.overloads)
    }.difference(_MAKING_COMPLEX)


def _gives_several(call: _Call, route: Route) -> bool:
    """Whether the result is a tuple: a named one, or one that a ``return_…`` argument asks for."""
    asked = any(
        parameter.name.startswith("return_") and not call.true.isdisjoint((place, parameter.name))
        for place, parameter in enumerate(route.signature.parameters)
    )
    return asked or "." in route.spec.returns


def _paddle_input(spec: Input, dtype: str) -> str:
    dtype = spec.dtype or dtype
    typed = "" if dtype == "float32" else f', dtype="{dtype}"'
    if spec.normal is not None:
        return f"{_times(spec.scale)}paddle.randn({spec.normal}{typed})"
    if spec.uniform is not None:
        low, high = _range(spec)
        if (low, high) == (0, 1):
            return f"paddle.rand({spec.uniform}{typed})"
        return f"paddle.uniform({spec.uniform}, min={low!r}, max={high!r}{typed})"
    if spec.integers is not None:
        drawn = f"paddle.randint({spec.low or 0}, {spec.high or 0}, {spec.integers})"
        return drawn if dtype == "int64" else f'{drawn}.astype("{dtype}")'
    return f'paddle.to_tensor({literal(spec.values)}, dtype="{dtype}")'


def _torch_input(spec: Input, dtype: str, gpu: bool) -> str:
    dtype = spec.dtype or dtype
    options = [] if dtype == "float32" and spec.values is None else [f"dtype=torch.{dtype}"]
    options += ['device="cuda"'] * gpu
    leaf = ["requires_grad=True"] * spec.grad
    tracked = ".requires_grad_()" * spec.grad
    if spec.normal is not None:
        if spec.scale is None:
            return _torch("randn", _sizes(spec.normal), *options, *leaf)
        drawn = f"{_times(spec.scale)}{_torch('randn', _sizes(spec.normal), *options)}"
        return f"({drawn}){tracked}" if tracked else drawn
    if spec.uniform is not None:
        low, high = _range(spec)
        if (low, high) == (0, 1):
            return _torch("rand", _sizes(spec.uniform), *options, *leaf)
        empty = _torch("empty", _sizes(spec.uniform), *options)
        return f"{empty}.uniform_({low!r}, {high!r}){tracked}"
    if spec.integers is not None:
        bounds = f"{spec.low or 0}, {spec.high or 0}, {tuple(spec.integers)}"
        return _torch("randint", bounds, *options)
    return _torch("tensor", literal(spec.values), *options, *leaf)


def _torch(function: str, *arguments: str) -> str:
    return f"torch.{function}({', '.join(arguments)})"


def _sizes(shape: list[int]) -> str:
    return ", ".join(map(str, shape)) or "()"


def _times(scale: float | None) -> str:
    return "" if scale is None else f"{scale:g} * "


def _range(spec: Input) -> tuple[Scalar, Scalar]:
    return (0 if spec.low is None else spec.low, 1 if spec.high is None else spec.high)

"""Compiling a @triton.jit kernel for an architecture, whose driver need not be there.

Triton's own launcher asks the active driver for device and stream, and that driver asks torch.
Compiling needs neither: the argument types and the architecture are given. The result is kept on
disk by Triton, by source, types, options and its own version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oarlock.errors import DOCS, CompilationWarning
from oarlock.kernels.buffers import ELEMENTS, element_type, is_tensor
from oarlock.notices import say_once

# Formats of scalars as in `struct`. Triton passes a float as float32 unless it is annotated.
_FORMATS = {
    "u1": "?",
    "i1": "?",
    "i8": "b",
    "u8": "B",
    "i16": "h",
    "u16": "H",
    "i32": "i",
    "u32": "I",
    "i64": "q",
    "u64": "Q",
    "fp16": "e",
    "fp32": "f",
    "fp64": "d",
}
_ADDRESS = "Q"
# Behind a kernel's own parameters Triton 3.4 and later declare pointers to two scratch memories.
SCRATCHES = 2
_ALIGNED = "/16"
_ALIGNED_INTEGER = "i32" + _ALIGNED
_POINTERS = {name: ("*" + name, "*" + name + _ALIGNED) for name in ELEMENTS}


@dataclass(frozen=True)
class Compiled:
    """Machine code of a kernel.

    Attributes:
        cubin: the code.
        name: the kernel's name in it.
        parameters: formats of the parameters that it takes at run time; see `cuda_driver.Function`.
        warps: warps in a block.
        shared: bytes of shared memory of a block.
    """

    cubin: bytes
    name: str
    parameters: str
    warps: int
    shared: int


class Signature:
    """The parameters of a @triton.jit function, which read the arguments of a call.

    As Triton does, addresses and integers that are multiples of 16 are told from others, where the
    function does not say ``do_not_specialize``. Integers that are 1 are not: kernels here take no
    last stride, and every kind of arguments more is a compilation more.
    """

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self._runtime = [
            (
                each.annotation_type,
                not each.do_not_specialize
                and not each.do_not_specialize_on_alignment
                and not each.annotation_type.startswith(("fp", "bf", "u1")),
            )
            for each in kernel.params
            if not each.is_constexpr
        ]

    def read(self, arguments: Sequence[Any]) -> tuple[tuple[str, ...], list[Any]]:
        """Return types, such as ``"*bf16/16"`` and ``"i32"``, and values as a launch takes them.

        An argument of None is a constant of the kernel, of type ``"constexpr"`` and without a value.

        Raises:
            TypeError: too few or too many arguments, or one that a kernel can't take.
        """
        if len(arguments) != len(self._runtime):
            raise TypeError(
                f"{self.kernel.__name__} takes {len(self._runtime)} arguments besides its "
                f"constants, not {len(arguments)}"
            )
        # Every launch goes through here: strings are ready-made, and nothing is looked up twice.
        types, values = [], []
        for (annotated, aligns), x in zip(self._runtime, arguments, strict=True):
            kind = type(x)
            if kind is int:
                if annotated or not -(2**31) <= x < 2**31:
                    name = annotated or ("i64" if x < 2**63 else "u64")
                    types.append(name if x & 15 or not aligns else name + _ALIGNED)
                else:
                    types.append("i32" if x & 15 or not aligns else _ALIGNED_INTEGER)
            elif kind is float:
                types.append(annotated or "fp32")
            elif kind is bool:
                types.append(annotated or "u1")
            elif x is None:
                types.append("constexpr")
                continue
            elif is_tensor(x):
                name, aligned = _POINTERS[element_type(x)]
                x = x.data_ptr()
                types.append(name if x & 15 or not aligns else aligned)
            else:
                raise TypeError(f"{self.kernel.__name__} can't take a {kind.__name__}")
            values.append(x)
        return tuple(types), values

    def compile(
        self,
        types: Sequence[str],
        constants: Mapping[str, Any],
        *,
        num_warps: int,
        num_stages: int,
        capability: tuple[int, int],
        announce: bool = True,
    ) -> Compiled:
        """Compile for arguments of these types, or read what was compiled before from the disk.

        Args:
            types: what `read` returned.
            constants: the kernel's constexprs by name.
            num_warps: warps in a block.
            num_stages: stages of the pipeline that loads ahead.
            capability: the compute capability to compile for.
            announce: say with a `CompilationWarning` that it takes seconds, once and if it does.
        """
        import triton
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource

        signature, fixed, aligned = {}, {}, {}
        runtime = iter(types)
        for index, parameter in enumerate(self.kernel.params):
            if parameter.is_constexpr:
                signature[parameter.name] = "constexpr"
                fixed[(index,)] = constants[parameter.name]
                continue
            name = next(runtime)
            signature[parameter.name] = name.removesuffix(_ALIGNED)
            if name == "constexpr":
                fixed[(index,)] = None
            elif name.endswith(_ALIGNED):
                aligned[(index,)] = [["tt.divisibility", 16]]
        source = ASTSource(self.kernel, signature, fixed, aligned)
        target = GPUTarget("cuda", 10 * capability[0] + capability[1], 32)
        # Multiplications and additions are fused, as by default up to Triton 3.9, whatever it is later.
        options = {
            "num_warps": num_warps,
            "num_stages": num_stages,
            "enable_fp_fusion": True,
        }
        if announce and not _is_on_disk(source, target, options):
            _say_that_it_takes_seconds(target.arch)
        done = triton.compile(source, target=target, options=options)
        metadata: Any = done.metadata
        if getattr(metadata, "global_scratch_size", 0):
            raise RuntimeError(f"{metadata.name} wants scratch memory, which launches don't give")
        own = [name.removesuffix(_ALIGNED) for name in types if name != "constexpr"]
        formats = [_ADDRESS if name[0] == "*" else _FORMATS[name] for name in own]
        return Compiled(
            cubin=done.asm["cubin"],
            name=metadata.name,
            parameters="".join(formats) + _ADDRESS * SCRATCHES,
            warps=metadata.num_warps,
            shared=metadata.shared,
        )


def _is_on_disk(source: Any, target: Any, options: Mapping[str, Any]) -> bool:
    """Whether Triton compiled this before, on this machine; False where it can't be told."""
    try:
        from triton._C.libtriton import get_cache_invalidating_env_vars
        from triton.compiler import make_backend
        from triton.runtime.cache import get_cache_key, get_cache_manager

        backend = make_backend(target)
        parsed = backend.parse_options(dict(options))
        key = get_cache_key(source, backend, parsed, env_vars=get_cache_invalidating_env_vars())
        manager = get_cache_manager(hashlib.sha256(key.encode()).hexdigest())
        return bool(manager.get_group(f"{source.name[:150]}.json"))
    except (ImportError, AttributeError, TypeError):
        return False


def _say_that_it_takes_seconds(arch: int | str) -> None:
    say_once(
        f"compiling kernels for sm_{arch}: the first call with a new dtype, head_dim or feature "
        "waits some seconds for it. Triton keeps them on disk for later processes; "
        f"oarlock.warmup compiles them ahead. {DOCS}kernels/#first-call",
        CompilationWarning,
    )

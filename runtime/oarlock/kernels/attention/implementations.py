"""What computes attention: kernels in Triton on GPUs that run them, plain Paddle elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import paddle

from oarlock import routing
from oarlock.kernels import launch
from oarlock.kernels.attention import packed, reference
from oarlock.kernels.attention.packing import Packing
from oarlock.kernels.attention.scoring import Scoring

Forward: TypeAlias = tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor | None]
Backward: TypeAlias = tuple[paddle.Tensor | None, paddle.Tensor | None, paddle.Tensor | None]

OLDEST = (8, 0)  # the compute capability that the kernels' instructions need
OLDEST_TRITON = (3, 6)
DTYPES = (paddle.float16, paddle.bfloat16)

_SEEDS = 2**31 - 1
_interpreting = False


@dataclass(frozen=True)
class Implementation:
    """Both passes of attention, called without gradients on the place of the tensors.

    Attributes:
        draw_seed: ``draw_seed()`` draws a dropout seed from Paddle's global generator, so that
            ``paddle.seed`` governs it.
        forward: ``forward(q, k, v, scoring, packing, with_dropout_mask)`` returns the output, the
            logsumexp, and the signed probabilities or None, of the shapes and values of
            `reference.forward`, and with packing of `packed.forward`.
        backward: ``backward(q, k, v, out, lse, grad_out, scoring, packing, needs)`` returns the
            gradients of q, k and v, None where not needed.
    """

    draw_seed: Callable[[], Any]
    forward: Callable[..., Forward]
    backward: Callable[..., Backward]


def _forward_by_reference(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    scoring: Scoring,
    packing: Packing | None,
    with_dropout_mask: bool,
) -> Forward:
    if packing is None:
        return reference.forward(q, k, v, scoring, with_dropout_mask)
    return packed.forward(q, k, v, scoring, packing, with_dropout_mask)


def _backward_by_reference(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    out: paddle.Tensor,
    lse: paddle.Tensor,
    grad_out: paddle.Tensor,
    scoring: Scoring,
    packing: Packing | None,
    needs: tuple[bool, bool, bool],
) -> Backward:
    if packing is None:
        return reference.backward(q, k, v, out, lse, grad_out, scoring, needs)
    return packed.backward(q, k, v, out, lse, grad_out, scoring, packing, needs)


def _draw_in_memory() -> paddle.Tensor:
    # It stays on the GPU: reading it would wait.
    return paddle.randint(0, _SEEDS, [1], "int32")


def _forward_by_kernels(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    scoring: Scoring,
    packing: Packing | None,
    with_dropout_mask: bool,
) -> Forward:
    from oarlock.kernels.attention.triton import run

    return run.forward(
        q,
        k,
        v,
        scoring=scoring,
        return_softmax=with_dropout_mask,
        empty=_empty,
        **_sequences(packing),
    )


def _backward_by_kernels(
    q: paddle.Tensor,
    k: paddle.Tensor,
    v: paddle.Tensor,
    out: paddle.Tensor,
    lse: paddle.Tensor,
    grad_out: paddle.Tensor,
    scoring: Scoring,
    packing: Packing | None,
    needs: tuple[bool, bool, bool],
) -> Backward:
    from oarlock.kernels.attention.triton import run

    dq, dk, dv = run.backward(
        grad_out,
        q,
        k,
        v,
        out,
        lse,
        scoring=scoring,
        empty=_empty,
        needs=needs,
        **_sequences(packing),
    )
    needs_q, needs_k, needs_v = needs
    return dq if needs_q else None, dk if needs_k else None, dv if needs_v else None


def _sequences(packing: Packing | None) -> dict[str, Any]:
    if packing is None:
        return {}
    return {
        "cu_seqlens_q": packing.queries.cu_seqlens,
        "cu_seqlens_k": packing.keys.cu_seqlens,
        "max_seqlen_q": packing.queries.max_seqlen,
        "max_seqlen_k": packing.keys.max_seqlen,
    }


def _empty(like: paddle.Tensor, shape: list[int], dtype: Any) -> paddle.Tensor:
    return paddle.empty(shape, dtype)


REFERENCE = Implementation(reference.draw_seed, _forward_by_reference, _backward_by_reference)
# Nothing in it waits for the GPU, so that a CUDA graph can capture it.
KERNELS = Implementation(_draw_in_memory, _forward_by_kernels, _backward_by_kernels)


def implementation_of(q: paddle.Tensor) -> tuple[Implementation, str | None]:
    """Return what computes a call with such queries, and what keeps it from the kernels, in words.

    The second is None where the kernels serve it, and where ``OARLOCK_ROUTE`` asks for the reference.
    """
    if routing.forced == "reference":
        return REFERENCE, None
    obstacle = _obstacle(q)
    return (KERNELS, None) if obstacle is None else (REFERENCE, obstacle)


def on_gpu(q: paddle.Tensor) -> bool:
    """Whether kernels are to be run on a tensor, if they can be."""
    return _interpreting or launch.is_directed() or q.place.is_gpu_place()


@contextmanager
def interpreting() -> Iterator[None]:
    """Serve tensors on the CPU by the kernels, in all threads, which Triton has to interpret.

    Set ``TRITON_INTERPRET=1`` before Triton is imported. It is for developing and testing kernels.
    """
    global _interpreting
    before, _interpreting = _interpreting, True
    try:
        yield
    finally:
        _interpreting = before


def _obstacle(q: paddle.Tensor) -> str | None:
    if not on_gpu(q):
        return "the tensors are on the CPU"
    if q.dtype not in DTYPES:
        given = str(q.dtype).removeprefix("paddle.")
        return f"the kernels take float16 and bfloat16, and the tensors are {given}"
    if paddle.device.is_compiled_with_rocm():
        return "the kernels are for NVIDIA GPUs, and this Paddle is built for ROCm"
    without = triton_is_missing()
    if without is not None:
        return without
    found = launch.capability(q)
    if found < OLDEST:
        given, oldest = (".".join(map(str, each)) for each in (found, OLDEST))
        return f"this GPU has compute capability {given}, and the kernels need {oldest} or more"
    return None


@cache
def triton_is_missing() -> str | None:
    """What keeps Triton from being used here, and what to do, in words; None where it can be."""
    wanted = ".".join(map(str, OLDEST_TRITON))
    install = f"install it with: pip install 'triton>={wanted}'"
    try:
        import triton
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "triton"
        why = "Triton is not installed" if missing else f"Triton can't be imported ({error})"
        return f"{why}; {install}"
    found = tuple(int(each) for each in triton.__version__.split(".")[:2])
    if found < OLDEST_TRITON:
        return f"Triton {triton.__version__} is installed, and the kernels need {wanted}; {install}"
    return None

"""Which functions autocast runs in which dtype, on each type of device.

The functions that PyTorch documents under "Autocast Op Reference"
(https://docs.pytorch.org/docs/stable/amp.html), by their public names; the methods and modules of the
same name are made of them.
"""

from __future__ import annotations

# In the lower precision.
_PRODUCTS = (
    *("torch.matmul", "torch.mm", "torch.bmm", "torch.addmm", "torch.addbmm", "torch.baddbmm"),
    *("torch.linalg.vecdot", "torch.nn.functional.linear", "torch.prelu"),
    *("torch.nn.functional.prelu", "torch.nn.functional.scaled_dot_product_attention"),
    *(f"torch.nn.functional.conv{n}d" for n in (1, 2, 3)),
    *(f"torch.nn.functional.conv_transpose{n}d" for n in (1, 2, 3)),
)
_LOSSES = tuple(
    f"torch.nn.functional.{name}"
    for name in (
        *("mse_loss", "cosine_embedding_loss", "nll_loss", "hinge_embedding_loss", "l1_loss"),
        *("poisson_nll_loss", "smooth_l1_loss", "cross_entropy", "huber_loss", "kl_div"),
        *("margin_ranking_loss", "soft_margin_loss", "triplet_margin_loss", "multi_margin_loss"),
        *("multilabel_margin_loss", "binary_cross_entropy_with_logits"),
    )
)
_CPU_SINGLE = (
    *_LOSSES,
    *(f"torch.nn.functional.{name}" for name in ("binary_cross_entropy", "ctc_loss")),
    *(f"torch.nn.functional.{name}" for name in ("avg_pool3d", "max_pool3d", "grid_sample")),
    *(f"torch.nn.functional.{name}" for name in ("adaptive_avg_pool3d", "adaptive_max_pool3d")),
    *(f"torch.nn.functional.{name}" for name in ("max_unpool2d", "max_unpool3d")),
    *(f"torch.nn.functional.fractional_max_pool{n}d" for n in (2, 3)),
    *("torch.polar", "torch.prod", "torch.quantile", "torch.nanquantile", "torch.stft"),
    *("torch.cdist", "torch.trace", "torch.view_as_complex", "torch.cholesky", "torch.inverse"),
    *("torch.cholesky_inverse", "torch.cholesky_solve", "torch.lu_solve", "torch.orgqr"),
    *("torch.ormqr", "torch.pinverse", "torch.geqrf", "torch.qr", "torch.svd"),
    "torch.triangular_solve",
    *(
        f"torch.linalg.{name}"
        for name in (
            *("cond", "matrix_rank", "solve", "cholesky", "svdvals", "eigvals", "eigvalsh"),
            *("inv", "householder_product", "tensorinv", "tensorsolve", "qr", "cholesky_ex"),
            *("svd", "eig", "eigh", "lstsq", "inv_ex"),
        )
    ),
    *(
        f"torch.fft.{way}{name}"
        for way in ("", "i")
        for name in ("fft", "fft2", "fftn", "rfft", "rfft2", "rfftn", "hfft")
    ),
)
_CUDA_LOWER = (
    *_PRODUCTS,
    *("rnn_tanh", "rnn_relu", "lstm", "gru"),
    *("torch.mv", "torch.addmv", "torch.addr", "torch.chain_matmul", "torch.linalg.multi_dot"),
)
_CUDA_SINGLE = (
    *_LOSSES,
    *(
        f"torch.{name}"
        for name in (
            *("acos", "asin", "cosh", "erfinv", "exp", "expm1", "log", "log10", "log2", "log1p"),
            *("reciprocal", "rsqrt", "sinh", "tan", "pow", "norm", "dist", "cdist", "renorm"),
            *("logsumexp", "prod", "cumprod", "cumsum", "sum", "softmax", "log_softmax"),
        )
    ),
    *(
        f"torch.nn.functional.{name}"
        for name in (
            *("softplus", "layer_norm", "group_norm", "cosine_similarity", "pdist", "softmin"),
            *("softmax", "log_softmax", "interpolate"),
        )
    ),
    *("torch.linalg.vector_norm", "torch.linalg.matrix_norm"),
)

# A GPU's binary_cross_entropy is an error under autocast: its half-precision gradient overflows.
_CUDA_BANNED = ("torch.nn.functional.binary_cross_entropy",)


def composition_of(name: str) -> str:
    """The name that a public function's composition has in `oarlock.ops`."""
    space, _, last = name.rpartition(".")
    prefix = {"torch.linalg": "linalg_", "torch.fft": "fft_"}.get(space, "")
    return prefix + last


def _with_compositions(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset((*names, *map(composition_of, names)))


LOWER = {"cpu": _with_compositions((*_PRODUCTS, "lstm")), "cuda": _with_compositions(_CUDA_LOWER)}
SINGLE = {"cpu": _with_compositions(_CPU_SINGLE), "cuda": _with_compositions(_CUDA_SINGLE)}
BANNED = {"cpu": frozenset(), "cuda": _with_compositions(_CUDA_BANNED)}
# Every function that has to ask, by both of its names.
CONCERNED = frozenset().union(*LOWER.values(), *SINGLE.values(), *BANNED.values())

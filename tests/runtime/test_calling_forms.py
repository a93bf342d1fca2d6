"""One call in the forms that torch accepts: names, NumPy's integers, 0-dim tensors, one by one, out of a history."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import oarlock.torch


def _evaluated(text: str, module: ModuleType) -> Any:
    scope = {"torch": module, "F": module.nn.functional, "np": np}
    exec(
        f"x = torch.arange(24.).reshape(2, 3, 4); m = x[0]; i = x.to(torch.int64)\nr = {text}",
        scope,
    )
    return scope["r"]


def _same(ours: Any, theirs: Any) -> None:
    """Assert that a caller sees the same of both results."""
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for each, other in zip(ours, theirs, strict=True):
            _same(each, other)
    elif isinstance(theirs, torch.Tensor):
        assert str(ours.dtype) == str(theirs.dtype)
        assert ours.requires_grad == theirs.requires_grad
        got = torch.from_numpy(ours.detach().numpy())
        torch.testing.assert_close(got, theirs.detach())
    else:
        assert str(ours) == str(theirs)


INTEGERS = [
    f"torch.{name}({given}, dim={dim})"
    for name, given in [
        ("sum", "x"),
        ("mean", "x"),
        ("prod", "x"),
        ("amax", "x"),
        ("any", "x"),
        ("var", "x"),
        ("count_nonzero", "x"),
        ("nansum", "x"),
        ("linalg.vector_norm", "x"),
        ("nn.functional.normalize", "x"),
        ("nn.functional.cosine_similarity", "x, x + 1"),
    ]
    for dim in ("np.int64(1)", "torch.tensor(1)")
]
FORMS = [
    *INTEGERS,
    "torch.max(x, np.int64(1))",
    "torch.median(x, dim=np.int64(1))",
    "torch.roll(x, np.int64(1), np.int64(2))",
    "torch.roll(x, torch.tensor(1), torch.tensor(2))",
    "torch.hsplit(m, np.int64(2))",
    "torch.tensor_split(m, np.int64(2))",
    "F.max_pool2d(x, np.int64(2))",
    "F.avg_pool2d(x, np.int64(2), np.int64(1))",
    "torch.add(i, i, alpha=np.int64(2))",
    "torch.rsub(i, i, alpha=torch.tensor(2))",
    "torch.addcmul(x, x, x, value=torch.tensor(2.))",
    "torch.index_add(m, 0, torch.tensor([0]), m[:1], alpha=torch.tensor(2))",
    "torch.diag_embed(m, offset=torch.tensor(1))",
    "torch.diagflat(m, torch.tensor(-1))",
    "torch.scatter(i[0], 0, i[0, :1] % 3, value=torch.tensor(9.))",
    "torch.hsplit(m, sections=2)",
    "torch.vsplit(m, indices=[1])",
    "torch.dsplit(x, indices=(1, 2))",
    "torch.tensor_split(m, sections=2, dim=1)",
    "torch.tensor_split(m, indices=[1], dim=1)",
    "torch.tensor_split(m, 2, axis=1)",
    "torch.tensor_split(m, tensor_indices_or_sections=torch.tensor([1, 2]))",
    "m.hsplit(1, 2)",
    "m.broadcast_to(2, 3, 4)",
    "torch.broadcast_to(m, size=(2, 3, 4))",
    "torch.unsqueeze(m, axis=1)",
    "torch.squeeze(m[:1], axis=0)",
    "torch.unbind(m, axis=1)",
    "torch.linalg.matrix_norm(m)",
    "m.clone().requires_grad_(requires_grad=True)",
    "torch.result_type(tensor=m, other=1)",
    "torch.fill_(input=m.clone(), value=2)",
    "torch.asarray(m.clone().requires_grad_(), requires_grad=False)",
    "torch.bernoulli((m > 5).float().requires_grad_())",
    "torch.matrix_power(torch.ones(2, 2, requires_grad=True), 0)",
    "torch.prod(torch.zeros(3, 0, requires_grad=True), 1)",
    "torch.bernoulli(torch.tensor(1.))",
    "F.dropout(torch.tensor(1.), 0.)",
]


@pytest.mark.parametrize("text", FORMS)
def test_a_form(text: str) -> None:
    _same(_evaluated(text, oarlock.torch), _evaluated(text, torch))


@pytest.mark.parametrize(
    "text",
    [
        "torch.hsplit(m, 2, sections=2)",
        "torch.vsplit(m)",
        "torch.tensor_split(m, pieces=2)",
        "torch.unsqueeze(m)",
        "torch.sum(m, 1.5)",
        "m.clone().requires_grad_(flag=True)",
    ],
)
def test_what_torch_refuses(text: str) -> None:
    for module in (torch, oarlock.torch):
        with pytest.raises(TypeError):
            _evaluated(text, module)


def test_a_generator_returns_itself_from_set_state() -> None:
    generator = oarlock.torch.Generator()
    assert generator.set_state(generator.get_state()) is generator

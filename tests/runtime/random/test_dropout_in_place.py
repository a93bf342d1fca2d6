"""Dropout on Tensors: in place, and unchanged where nothing is dropped."""

import numpy as np
import pytest
import torch

from oarlock import creation
from oarlock.random import dropout, generator
from oarlock.tensor.core import plain


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout", "feature_alpha_dropout", "dropout2d"])
def test_in_place_writes_torch_s_values_and_gradients(name):
    values = np.random.default_rng(1).standard_normal((3, 4, 2, 2)).astype(np.float32)
    torch.manual_seed(2)
    x = torch.from_numpy(values.copy()).requires_grad_()
    z = x * 2.0
    getattr(torch.nn.functional, name)(z, 0.4, training=True, inplace=True)
    (z * z).sum().backward()
    generator.manual_seed(2)
    y = creation.tensor(values, requires_grad=True)
    w = y * 2.0
    assert getattr(dropout, name)(w, 0.4, training=True, inplace=True) is w
    np.testing.assert_array_equal(plain(w).detach().numpy(), z.detach().numpy())
    (w * w).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(plain(y).grad.numpy(), x.grad.numpy(), rtol=1e-6)


def test_the_input_comes_back_where_nothing_is_dropped():
    x = creation.ones(3, 4)
    for made in (
        dropout.dropout(x, 0.0),
        dropout.dropout(x, training=False),
        dropout.dropout(x, training=False, inplace=True),
        dropout.alpha_dropout(x),
    ):
        assert made is x

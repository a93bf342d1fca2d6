"""Multi-head attention and the Transformer, where torch's module database does not reach."""

import warnings

import pytest
from torch_and_oarlock import same_on_both


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("mask", ["bool", "float", "heads", "causal"])
@pytest.mark.parametrize("padding", ["none", "bool", "float"])
@same_on_both
def test_masks(torch, mask, padding, need_weights):
    layer = torch.nn.MultiheadAttention(6, 2, add_zero_attn=mask == "float")
    x = torch.randn(4, 3, 6, requires_grad=True)
    k = torch.randn(4, 3, 6, requires_grad=True)
    future = torch.ones(4, 4, dtype=torch.bool).triu(1)
    given = {
        "bool": future,
        "float": torch.randn(4, 4),
        "heads": future.expand(6, 4, 4),
        "causal": torch.nn.Transformer.generate_square_subsequent_mask(4),
    }[mask]
    ignored = torch.tensor([[False] * 4, [False, False, True, True], [False, False, False, True]])
    if padding == "float":
        ignored = torch.zeros(3, 4).masked_fill(ignored, -3.0)
    out, weights = layer(
        x,
        k,
        k,
        attn_mask=given,
        key_padding_mask=None if padding == "none" else ignored,
        need_weights=need_weights,
        is_causal=mask == "causal",
    )
    (out * torch.arange(6.0)).sum().backward()
    return [out, weights, x.grad, k.grad, *(p.grad for p in layer.parameters())]


@pytest.mark.parametrize("need_weights", [True, False])
@same_on_both
def test_dropout_draws_torchs_numbers(torch, need_weights):
    layer = torch.nn.MultiheadAttention(8, 2, dropout=0.3, batch_first=True)
    x = torch.randn(2, 5, 8, requires_grad=True)
    torch.manual_seed(4)
    out, weights = layer(x, x, x, need_weights=need_weights)
    out.sum().backward()
    return [out, weights, x.grad]


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu", "module"])
@same_on_both
def test_training_with_dropout(torch, activation, norm_first):
    chosen = torch.nn.SiLU() if activation == "module" else activation
    model = torch.nn.Transformer(
        8, 2, 2, 2, 16, activation=chosen, norm_first=norm_first, batch_first=True
    )
    src, tgt = torch.randn(3, 5, 8, requires_grad=True), torch.randn(3, 4, 8)
    torch.manual_seed(4)
    out = model(src, tgt, tgt_mask=model.generate_square_subsequent_mask(4))
    (out**2).mean().backward()
    first = next(model.parameters())
    return [out, src.grad, first.grad, list(model.state_dict()), repr(model)]


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("grad", [True, False])
@same_on_both
def test_padding_in_evaluation_mode(torch, grad, aligned):
    """torch's fast path leaves padded positions out; what it puts there is seen after the norm."""
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 2, norm=torch.nn.LayerNorm(8)).eval()
    ignored = torch.tensor([[False, False, True], [False, not aligned, not aligned]])
    ignored[1, 2] = False
    x = torch.randn(2, 3, 8)
    with torch.set_grad_enabled(grad), warnings.catch_warnings():
        # torch says that its nested tensors are a prototype.
        warnings.simplefilter("ignore")
        return model(x, src_key_padding_mask=ignored)


@same_on_both
def test_errors(torch):
    nn = torch.nn
    layer, model = nn.MultiheadAttention(6, 2), nn.Transformer(8, 2, 1, 1, 16)
    x = torch.randn(4, 3, 6)
    seen = []
    for action in (
        lambda: nn.MultiheadAttention(6, 4),
        lambda: nn.MultiheadAttention(0, 4),
        lambda: layer(x[0, 0], x, x),
        lambda: layer(x, x[0], x),
        lambda: layer(x, x, x, attn_mask=torch.zeros(3, 3)),
        lambda: layer(x, x, x, attn_mask=torch.zeros(4, 4, dtype=torch.int64)),
        lambda: layer(x, x, x, is_causal=True),
        lambda: layer(x, x, x, key_padding_mask=torch.zeros(3)),
        lambda: model(torch.randn(4, 3, 8), torch.randn(4, 2, 8)),
        lambda: model(torch.randn(4, 3, 6), torch.randn(4, 3, 8)),
        lambda: nn.TransformerEncoderLayer(8, 2, activation="tanh"),
    ):
        try:
            seen.append(action())
        except Exception as error:
            seen.append((type(error).__name__, str(error)))
    return seen

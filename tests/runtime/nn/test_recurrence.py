"""Recurrent layers, cells and packed sequences held against torch's."""

import copy
import warnings

import pytest
import torch
from torch_and_oarlock import same_on_both

import oarlock.torch

LAYERS = [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("GRU", {}), ("LSTM", {})]


def states(torch, name, *shape):
    h = torch.randn(*shape, requires_grad=True)
    return (h, torch.randn(*shape, requires_grad=True)) if name == "LSTM" else h


def flat(hidden):
    return list(hidden) if isinstance(hidden, tuple) else [hidden]


def backward(torch, results):
    torch.manual_seed(9)
    total = torch.zeros(())
    for one in results:
        total = total + (one * torch.randn(*one.shape)).sum()
    total.backward()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("name", "more"), LAYERS)
@same_on_both
def test_packed_sequences(torch, name, more, directions, bias):
    """Several lengths, not sorted, two layers: results and every gradient."""
    layer = getattr(torch.nn, name)(4, 3, 2, bias=bias, bidirectional=directions == 2, **more)
    utils = torch.nn.utils.rnn
    x = torch.randn(5, 3, 4, requires_grad=True)
    hx = states(torch, name, 2 * directions, 3, 3)
    packed = utils.pack_padded_sequence(x, torch.tensor([2, 5, 1]), enforce_sorted=False)
    output, hidden = layer(packed, hx)
    padded, lengths = utils.pad_packed_sequence(output)
    backward(torch, [padded, *flat(hidden)])
    grads = [x.grad, *(h.grad for h in flat(hx)), *(p.grad for p in layer.parameters())]
    return [padded, lengths, *flat(hidden), list(output.batch_sizes), *grads]


@pytest.mark.parametrize("given", ["x", "weights", "hx"])
@pytest.mark.parametrize(("name", "more"), LAYERS)
@same_on_both
def test_gradients_of_some_inputs_only(torch, name, more, given):
    layer = getattr(torch.nn, name)(4, 3, bidirectional=True, **more)
    layer.requires_grad_(given == "weights")
    x = torch.randn(5, 2, 4, requires_grad=given == "x")
    hx = states(torch, name, 2, 2, 3) if given == "hx" else None
    output, hidden = layer(x, hx)
    flat(hidden)[0].sum().backward()
    wanted = {"x": [x], "weights": list(layer.parameters()), "hx": flat(hx)[:1]}[given]
    return [output, *(one.grad for one in wanted)]


@same_on_both
def test_autograd_grad_of_one_weight(torch):
    layer = torch.nn.LSTM(4, 3)
    x = torch.randn(5, 2, 4, requires_grad=True)
    loss = layer(x)[0].sum()
    first = torch.autograd.grad(loss, layer.weight_hh_l0, retain_graph=True)
    return [first, torch.autograd.grad(loss, x), layer.weight_hh_l0.grad]


@pytest.mark.parametrize("packed", [True, False])
@same_on_both
def test_dropout_between_layers_draws_torchs_numbers(torch, packed):
    layer = torch.nn.GRU(4, 3, 3, dropout=0.4, bidirectional=True)
    x = torch.randn(5, 2, 4, requires_grad=True)
    torch.manual_seed(2)
    if packed:
        given = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 3]))
        output = layer(given)[0].data
    else:
        output = layer(x)[0]
    backward(torch, [output])
    return [output, x.grad, layer.eval()(x)[0]]


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("packed", [True, False])
@same_on_both
def test_projection(torch, packed, directions):
    layer = torch.nn.LSTM(4, 5, 2, proj_size=3, bidirectional=directions == 2)
    x = torch.randn(5, 2, 4, requires_grad=True)
    given = torch.nn.utils.rnn.pack_padded_sequence(x, [5, 3]) if packed else x
    with warnings.catch_warnings():
        # torch says that oneDNN does not have it.
        warnings.simplefilter("ignore")
        output, hidden = layer(given)
    output = output.data if packed else output
    backward(torch, [output, *hidden])
    return [output, *hidden, x.grad, *(p.grad for p in layer.parameters())]


@pytest.mark.parametrize("batch_first", [True, False])
@same_on_both
def test_unbatched_and_batch_first(torch, batch_first):
    layer = torch.nn.LSTM(4, 3, batch_first=batch_first)
    return [layer(torch.randn(5, 4)), layer(torch.randn(5, 2, 4))]


@same_on_both
def test_errors(torch):
    seen = []
    nn = torch.nn
    layer, cell = nn.LSTM(4, 3), nn.GRUCell(4, 3)
    for action in (
        lambda: layer(torch.randn(4)),
        lambda: layer(torch.randn(5, 2, 3)),
        lambda: layer(torch.randn(5, 2, 4).double()),
        lambda: layer(torch.randn(5, 2, 4), (torch.randn(1, 3, 3), torch.randn(1, 2, 3))),
        lambda: layer(torch.randn(5, 2, 4), (torch.randn(2, 3), torch.randn(1, 2, 3))),
        lambda: layer(torch.randn(0, 2, 4)),
        lambda: nn.GRU(4, 3)(torch.randn(5, 2, 4), torch.randn(2, 2, 3)),
        lambda: nn.GRU(4, 3, proj_size=2),
        lambda: nn.LSTM(4, 3, proj_size=3),
        lambda: nn.LSTM(4, 0),
        lambda: nn.LSTM(4.0, 3),
        lambda: nn.LSTM(4, 3, dropout=2),
        lambda: nn.RNN(4, 3, nonlinearity="gelu"),
        lambda: nn.LSTM(4, 3, dropout=0.5),
        lambda: cell(torch.randn(2, 2, 4)),
        lambda: cell(torch.randn(2, 3)),
        lambda: cell(torch.randn(2, 4), torch.randn(3, 3)),
    ):
        try:
            seen.append(action())
        except Exception as error:
            seen.append((type(error).__name__, str(error)))
    return seen


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell"])
@same_on_both
def test_cells_have_second_derivatives(torch, name):
    cell = getattr(torch.nn, name)(3, 2)
    x = torch.randn(2, 3, requires_grad=True)
    result = cell(x)
    result = result[0] if isinstance(result, tuple) else result
    (first,) = torch.autograd.grad(result.sum(), x, create_graph=True)
    return [first, *torch.autograd.grad((first**2).sum(), [x, cell.weight_hh], allow_unused=True)]


@same_on_both
def test_copies_and_conversions(torch):
    layer = torch.nn.LSTM(3, 2, 2, bidirectional=True)
    other = copy.deepcopy(layer).double()
    layer.flatten_parameters()
    names = [[name for name, p in layer.named_parameters() if p is q] for q in layer.all_weights[1]]
    return [repr(other), other(torch.ones(4, 1, 3).double())[0], names, len(layer.all_weights)]


@same_on_both
def test_packing(torch):
    utils = torch.nn.utils.rnn
    rows = [torch.arange(n * 2.0).reshape(n, 2) for n in (2, 4, 1)]
    packed = utils.pack_sequence(rows, enforce_sorted=False)
    padded = utils.pad_sequence(rows, padding_value=-1.0)
    seen = [tuple(packed), utils.unpack_sequence(packed), padded]
    seen.append(utils.unpad_sequence(padded, torch.tensor([2, 4, 1])))
    seen.append(utils.pad_packed_sequence(packed, True, -2.0, 5))
    seen.append(tuple(packed.double().to(torch.float16)))
    seen += [packed.is_cuda, packed.to(torch.float32) is packed, packed.cpu() is packed]
    for action in (
        lambda: utils.pack_padded_sequence(padded, [2, 4, 1]),
        lambda: utils.pack_padded_sequence(padded, [2, 1, 0]),
        lambda: utils.pad_packed_sequence(packed, total_length=2),
        lambda: utils.pad_sequence(3),
    ):
        try:
            seen.append(action())
        except Exception as error:
            seen.append(type(error).__name__)
    return seen


def halved(torch, name, how):
    """The layer's results in the lower precision, or in single precision where ``how`` is None."""
    torch.manual_seed(0)
    layer, x = getattr(torch.nn, name)(4, 5), torch.randn(3, 2, 4)
    x = x[0] if name.endswith("Cell") else x
    if how == "autocast":
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return flat(layer(x))
    if how is not None:
        layer, x = layer.to(getattr(torch, how)), x.to(getattr(torch, how))
    return flat(layer(x))


@pytest.mark.parametrize("how", ["autocast", "bfloat16", "float16"])
@pytest.mark.parametrize("name", ["RNN", "GRU", "RNNCell", "GRUCell", "LSTMCell"])
@same_on_both
def test_half_precision(torch, name, how):
    """Rounded after the same operations as torch's, so that nothing differs."""
    return halved(torch, name, how)


@pytest.mark.parametrize("how", ["autocast", "bfloat16", "float16"])
def test_an_lstm_in_half_precision(how):
    """torch's is oneDNN's, which rounds elsewhere: no further from single precision than twice it."""
    exact, theirs = (halved(torch, "LSTM", each)[0] for each in (None, how))
    ours = halved(oarlock.torch, "LSTM", how)[0]
    assert str(ours.dtype) == str(theirs.dtype)
    error, allowed = (
        (torch.tensor(each.tolist()) - exact).abs().max().item() for each in (ours, theirs)
    )
    assert 0 < error <= 2 * allowed + torch.finfo(theirs.dtype).eps / 2

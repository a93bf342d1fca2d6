"""Layers' own behaviour held against torch's: lazy ones, tables, running statistics, and the like."""

import copy

import pytest
from torch_and_oarlock import same_on_both


@pytest.mark.parametrize(
    ("name", "args", "shape"),
    [
        ("LazyLinear", (3,), (2, 4)),
        ("LazyConv1d", (3, 2), (2, 4, 5)),
        ("LazyConv2d", (3, 2), (2, 4, 5, 5)),
        ("LazyConv3d", (3, 2), (2, 4, 3, 3, 3)),
        ("LazyConvTranspose1d", (3, 2), (2, 4, 5)),
        ("LazyConvTranspose2d", (3, 2), (2, 4, 5, 5)),
        ("LazyConvTranspose3d", (3, 2), (2, 4, 3, 3, 3)),
        ("LazyBatchNorm1d", (), (2, 4, 5)),
        ("LazyBatchNorm2d", (), (2, 4, 5, 5)),
        ("LazyBatchNorm3d", (), (2, 4, 3, 3, 3)),
        ("LazyInstanceNorm1d", (1e-3, 0.2, True, True), (2, 4, 5)),
        ("LazyInstanceNorm2d", (1e-3, 0.2, True, True), (2, 4, 5, 5)),
        ("LazyInstanceNorm3d", (1e-3, 0.2, True, True), (2, 4, 3, 3, 3)),
    ],
)
@same_on_both
def test_lazy_modules(torch, name, args, shape):
    m = getattr(torch.nn, name)(*args)
    other = getattr(torch.nn, name)(*args)
    params = list(m.parameters())
    before = [repr(m), m.has_uninitialized_params(), [repr(p) for p in params], len(m.state_dict())]
    # torch can't copy the buffers of a lazy normalization.
    twin = m if "Norm" in name else copy.deepcopy(m)
    twin = repr(twin)
    torch.manual_seed(1)
    out = m(torch.randn(*shape))
    same = [one is two for one, two in zip(params, m.parameters(), strict=True)]
    other.load_state_dict(m.state_dict())
    loaded = [other.has_uninitialized_params(), dict(other.state_dict())]
    return [before, repr(m), type(m).__name__, out, same, loaded, twin, dict(m.state_dict())]


@same_on_both
def test_a_lazy_parameter_has_no_shape(torch):
    return torch.nn.LazyLinear(3).weight.shape


@same_on_both
def test_embedding_tables(torch):
    nn = torch.nn
    ids = torch.tensor([[0, 2, 2], [5, 1, 0]])
    m = nn.Embedding(6, 3, padding_idx=-1, scale_grad_by_freq=True)
    (m(ids) ** 2).sum().backward()
    table = torch.arange(12.0).reshape(4, 3)
    frozen = nn.Embedding.from_pretrained(table, padding_idx=1)
    table[0, 0] = 99
    limited = nn.Embedding(6, 3, max_norm=0.5)
    out = limited(ids)
    seen = [m.weight, m.weight.grad, frozen.weight, repr(frozen), out, limited.weight, repr(m)]
    seen += [repr(limited), nn.EmbeddingBag.from_pretrained(table, mode="max")(ids % 4)]
    for action in (
        lambda: nn.Embedding(3, 2, padding_idx=3),
        lambda: nn.Embedding(3, 2, padding_idx=-4),
        lambda: nn.Embedding(3, 2, _weight=torch.ones(2, 2)),
        lambda: nn.Embedding.from_pretrained(torch.ones(3)),
    ):
        try:
            seen.append(action())
        except AssertionError as error:
            seen.append(error)
    return seen


@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
@same_on_both
def test_running_statistics(torch, momentum):
    m = torch.nn.BatchNorm1d(3, momentum=momentum)
    outputs = [m(torch.randn(5, 3)) for _ in range(3)]
    seen = [*outputs, m.running_mean, m.running_var, m.num_batches_tracked]
    m.eval()
    seen += [m(torch.randn(5, 3)), m.num_batches_tracked]
    m.reset_running_stats()
    return [*seen, dict(m.state_dict())]


@same_on_both
def test_sync_batch_norm_in_one_process(torch):
    nn = torch.nn
    m = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.BatchNorm1d(4), nn.ReLU()))
    other = nn.SyncBatchNorm.convert_sync_batchnorm(m)
    return [repr(other), other[1][0].weight is m[1][0].weight, other.eval()(torch.ones(2, 3))]


@same_on_both
def test_transposed_convolution_with_an_output_size(torch):
    m = torch.nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1)
    x = torch.randn(1, 2, 4, 4)
    seen = [m(x, output_size=(8, 8)), m(x, output_size=(1, 3, 7, 8)), m(x[0], output_size=[8, 7])]
    for size in ((9, 9), (7,), (6, 7)):
        try:
            seen.append(m(x, output_size=size))
        except ValueError as error:
            seen.append(error)
    return seen


@same_on_both
def test_constructors_refuse_what_torchs_refuse(torch):
    nn = torch.nn
    seen = []
    for action in (
        lambda: nn.Conv2d(3, 4, 2, groups=2),
        lambda: nn.Conv2d(4, 3, 2, groups=2),
        lambda: nn.Conv2d(4, 4, 2, groups=0),
        lambda: nn.Conv2d(4, 4, 2, padding="same", stride=2),
        lambda: nn.ConvTranspose2d(4, 4, 2, padding_mode="circular"),
        lambda: nn.GroupNorm(3, 4),
        lambda: nn.Dropout(1.5),
        lambda: nn.Hardtanh(1.0, 0.0),
        lambda: nn.Unflatten(1, 3),
        lambda: nn.Unflatten(1, (2, "a")),
        lambda: nn.FractionalMaxPool2d(2),
        lambda: nn.FractionalMaxPool2d(2, output_ratio=2.0),
        lambda: nn.MultiMarginLoss(p=3),
        lambda: nn.TripletMarginLoss(margin=0),
        lambda: nn.HuberLoss(delta="1"),
        lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [12]),
        lambda: nn.MSELoss(size_average=False).reduction,
        lambda: nn.MSELoss(reduce=False).reduction,
        lambda: nn.NLLLoss2d(),
        lambda: nn.Softmax2d()(torch.ones(2)),
        lambda: nn.CircularPad1d(1)(torch.ones(2)),
        lambda: nn.BatchNorm2d(2)(torch.ones(2, 2)),
        lambda: nn.InstanceNorm1d(3, affine=True)(torch.ones(2, 2, 2)),
    ):
        try:
            seen.append(action())
        except Exception as error:
            seen.append((type(error).__name__, str(error)))
    return seen


@same_on_both
def test_adaptive_softmax(torch):
    m = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10], div_value=2.0, head_bias=True)
    x = torch.randn(6, 8, requires_grad=True)
    out, loss = m(x, torch.tensor([0, 5, 19, 3, 11, 9]))
    loss.backward()
    seen = [out, loss, x.grad, m.log_prob(x), m.predict(x), *(p.grad for p in m.parameters())]
    return [*seen, m(x[0], torch.tensor(5)), list(m.state_dict())]


@same_on_both
def test_vectors_of_parameters(torch):
    m = torch.nn.Linear(2, 3)
    utils = torch.nn.utils
    vector = utils.parameters_to_vector(m.parameters())
    kept = m.weight
    utils.vector_to_parameters(torch.arange(9.0), m.parameters())
    return [vector, m.weight, m.bias, kept is m.weight]

"""Paddle's own behaviour: the same results before, while and after Oarlock is activated."""

# Public calls of Paddle's on tensors, layers, optimizers and data; those that Oarlock's torch side
# has namesakes of with another meaning above all.
CALLS = """
x.max(axis=1)
x.min(0)
x.sum(axis=[0], keepdim=True)
x.mean()
x.std()
x.var(axis=1)
x.argmax(axis=1)
x.sort(descending=True)
x.argsort(1)
x.topk(2)
x.transpose([1, 0])
x.reshape([2, -1])
x.split(2, axis=0)
x.chunk(2)
x.expand([2, 4, 6])
x.squeeze()
x.unsqueeze([0, 2])
x.flatten()
x.cumsum(0)
x.clip(-0.5, 0.5)
x.abs().sqrt()
x.pow(2)
x.norm()
x.gather(paddle.to_tensor([0, 2]))
x.scatter(paddle.to_tensor([0, 1]), paddle.ones([2, 6]))
x.masked_select(x > 0)
(x > 0).where(x, paddle.zeros_like(x))
x.nonzero()
x.unique()
x.tile([2, 1])
x.astype("float64")
x[1:, ::2]
x[paddle.to_tensor([0, 1])]
x + 1
2 / x
x @ x.t()
x == x
x.numpy()
x.item(3)
x.tolist()
x.shape
repr(x)
str(x.dtype)
paddle.add(x, x)
paddle.concat([x, x], axis=1)
paddle.stack([x, x])
paddle.matmul(x, x, transpose_y=True)
paddle.einsum("ij,kj->ik", x, x)
paddle.where(x > 0)
paddle.linalg.svd(x)
paddle.linalg.norm(x, p=1, axis=1)
paddle.arange(5)
paddle.full([2], 3)
paddle.rand([3])
paddle.randn([3])
paddle.randint(0, 9, [4])
paddle.randperm(6)
paddle.get_default_dtype()
paddle.get_device()
paddle.is_grad_enabled()
F.softmax(x)
F.cross_entropy(x, paddle.to_tensor([0, 1, 2, 3]))
F.dropout(x, 0.5)
F.interpolate(x.reshape([1, 1, 4, 6]), scale_factor=2, mode="nearest")
F.pad(x, [1, 1])
F.linear(x, x.t())
nn.Linear(6, 3)(x)
nn.Conv2D(1, 2, 3)(x.reshape([1, 1, 4, 6]))
nn.BatchNorm1D(6)(x)
nn.LSTM(6, 3)(x.reshape([1, 4, 6]))[0]
nn.Linear(6, 3).state_dict()
trained()
[batch for batch in paddle.io.DataLoader([1.0, 2.0, 3.0], batch_size=2, shuffle=True)]
"""
PROGRAM = """
import numpy as np, paddle
import paddle.nn as nn, paddle.nn.functional as F

x = paddle.to_tensor(np.random.default_rng(0).standard_normal((4, 6)).astype("float32"))

def trained():
    layer = nn.Linear(6, 2)
    optimizer = paddle.optimizer.AdamW(0.1, parameters=layer.parameters())
    for _ in range(3):
        loss = layer(x).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
    return layer.weight, loss

def facts(value):
    if isinstance(value, paddle.Tensor):
        return type(value).__name__, str(value.dtype), value.stop_gradient, value.numpy().tobytes()
    if isinstance(value, dict):
        return [facts(part) for part in value.values()]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(facts, value)]
    return repr(value)

def results():
    found = {}
    for line in CALLS.strip().splitlines():
        paddle.seed(7)
        np.random.seed(7)
        found[line] = facts(eval(line))
    for kind in (paddle.Tensor, nn.Layer, paddle, nn, F):
        found[kind.__name__, "names"] = [name for name in dir(kind)]
    found["members"] = {name: id(value) for name, value in vars(paddle.Tensor).items()}
    flags = ["FLAGS_check_nan_inf", "FLAGS_use_stride_kernel"]
    found["flags"] = paddle.get_flags(flags)
    return found

before = results()
again = results()
assert before == again, [name for name in before if before[name] != again[name]]
import oarlock
with oarlock.activated():
    import torch, flash_attn
    import torch.nn, torch.nn.functional, torch.optim, torch.utils.data
    torch.Tensor, torch.nn.Module
    during = results()
after = results()
for name, result in before.items():
    assert during[name] == result, name
    assert after[name] == result, name
print(len(before))
"""


def test_results_names_and_settings_stay(passes):
    count = int(passes(f"CALLS = {CALLS!r}\n{PROGRAM}"))
    assert count > 70


def test_beside_a_real_torch_too(passes):
    passes(f"import torch as real\nCALLS = {CALLS!r}\n{PROGRAM}")

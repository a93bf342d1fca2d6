"""Containers of modules and parameters held against torch's."""

import re
from collections import OrderedDict

from torch_and_oarlock import same_on_both


def attempts(*actions):
    """What each action returns or raises."""
    seen = []
    for action in actions:
        try:
            seen.append(action())
        except Exception as error:
            # Classes have another home on each side.
            text = re.sub(r"(torch|oarlock)\.nn\.[a-z.]+\.", "", str(error))
            seen.append((type(error).__name__, text))
    return seen


@same_on_both
def test_sequential(torch):
    nn = torch.nn
    m = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    named = nn.Sequential(OrderedDict(first=nn.Identity(), second=nn.Tanh()))
    seen = [repr(m), repr(named), len(m), repr(m[-1]), repr(m[:2]), repr(named[1:])]
    seen += [m[0] is m[:1][0], repr(m + named), repr(named * 2), repr(2 * named)]
    m.append(nn.Sigmoid()).insert(1, nn.Tanh())
    seen.append(repr(m))
    m.extend([nn.Identity(), nn.Identity()])
    m += nn.Sequential(nn.Flatten())
    del m[0]
    del m[4:]
    seen += [repr(m), repr(m.pop(0)), list(m.state_dict())]
    m[0] = nn.SiLU()
    numbered = nn.Sequential(nn.Identity(), nn.Tanh())
    numbered *= 2
    seen += [repr(m), repr(numbered), [type(one).__name__ for one in m], "0" in dir(m)]
    return seen + attempts(
        lambda: m[9],
        lambda: m["0"],
        lambda: m + 3,
        lambda: m * 0,
        lambda: m * 1.5,
        lambda: m.insert(9, nn.Identity()),
        lambda: m.insert(0, 3),
        lambda: nn.Sequential(3),
        lambda: nn.Sequential()(5),
    )


@same_on_both
def test_module_list(torch):
    nn = torch.nn
    m = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1), nn.ReLU()])
    seen = [
        repr(m),
        len(m),
        repr(m[-1]),
        repr(m[1:]),
        repr(nn.ModuleList()),
        repr(m + nn.ModuleList([nn.Tanh()])),
    ]
    m.append(nn.Tanh())
    m.insert(1, nn.SiLU())
    m += [nn.Identity()]
    m[0] = nn.GELU()
    del m[2]
    seen += [repr(m), repr(m.pop(-1)), repr(m.pop(slice(0, 2))), repr(m), list(m.state_dict())]
    nested = nn.ModuleList([nn.Sequential(nn.Linear(1, 2)) for _ in range(3)])
    seen.append(repr(nn.Sequential(nested)))
    return seen + attempts(lambda: m[9], lambda: m.extend(3), lambda: m(1), lambda: m.append(3))


@same_on_both
def test_module_dict(torch):
    nn = torch.nn
    m = nn.ModuleDict({"b": nn.Linear(1, 1), "a": nn.ReLU()})
    m.update([("c", nn.Tanh())])
    m.update(nn.ModuleDict({"d": nn.Identity()}))
    m["e"] = nn.SiLU()
    seen = [repr(m), list(m), len(m), "a" in m, list(m.keys()), repr(m["c"]), repr(m.pop("a"))]
    del m["b"]
    seen += [[key for key, _ in m.items()], [repr(one) for one in m.values()]]
    seen += attempts(
        lambda: m["z"],
        lambda: m.update(3),
        lambda: m.update([3]),
        lambda: m.update([(1, 2, 3)]),
        lambda: m.update({"keys": nn.Identity()}),
    )
    m.clear()
    return [*seen, repr(m)]


@same_on_both
def test_parameter_list(torch):
    nn = torch.nn
    m = nn.ParameterList([torch.ones(2), nn.Parameter(torch.zeros(1, 3)), "text"])
    seen = [repr(m), len(m), m[0], m[-1], [type(one).__name__ for one in m], repr(m[:2])]
    m.append(torch.ones(1))
    m.extend([torch.zeros(2)])
    m += [torch.full((1,), 3.0)]
    m[0] = torch.full((2,), 5.0)
    seen += [dict(m.state_dict()), [name for name, _ in m.named_parameters()]]
    return seen + attempts(lambda: m[9], lambda: m.extend(3), lambda: m.extend(torch.ones(1)), m)


@same_on_both
def test_parameter_dict(torch):
    nn = torch.nn
    m = nn.ParameterDict({"b": torch.ones(2), "a": nn.Parameter(torch.zeros(1, 3))})
    m["c"] = "text"
    seen = [
        repr(m),
        list(m),
        len(m),
        list(reversed(m)),
        m["a"],
        m.get("z", 4),
        m.get("b"),
        "a" in m,
    ]
    m.update(OrderedDict(z=torch.ones(1), y=torch.ones(1)))
    m.update([("x", torch.ones(1))])
    seen += [list(m.keys()), [key for key, _ in m.items()], len(list(m.values())), m.pop("z")]
    seen += [
        m.setdefault("w", torch.ones(1)),
        m.popitem(),
        list(m.copy()),
        list(m.fromkeys("pq", 1)),
    ]
    other = nn.ParameterDict({"n": torch.ones(1)})
    seen += [list(m | other), list(other | m), dict(m.state_dict())]
    m |= other
    seen += [list(m), *attempts(lambda: m["none"], lambda: m.update(3), lambda: m.update([3]), m)]
    m.clear()
    return [*seen, len(m)]

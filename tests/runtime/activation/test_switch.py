"""What imports give before, while and after Oarlock is activated, with and without a real torch."""

import pytest

# What a script writes, and what must come of it in both situations.
IMPORTS = """
import torch
import torch.nn as nn
from torch import nn as same, optim
import torch.nn.functional as F
import torch.optim.lr_scheduler
import torch.utils.data as data
from torch.nn import Module
from torch.nn.modules.module import Module as by_its_module
from torch.nn.modules import linear
import flash_attn
from flash_attn import flash_attn_func
from flash_attn.flash_attn_interface import flash_attn_func as original
import oarlock.torch, oarlock.flash_attn

assert torch is oarlock.torch and flash_attn is oarlock.flash_attn
assert nn is same is torch.nn is oarlock.torch.nn
assert Module is by_its_module is nn.Module is linear.Module is torch.nn.modules.Module
assert F is nn.functional and data is torch.utils.data
assert flash_attn_func is original
"""
FAULTS = """
import oarlock, pytest
import torch
from oarlock import UnmappedError, UnmappedImportError, UnmappedModuleError

assert not hasattr(torch, "nothing") and not hasattr(torch.nn, "nothing")
with pytest.raises(UnmappedError, match=r"torch\\.nothing: .*https://oarlock\\.dev/api/"):
    torch.nothing
with pytest.raises(UnmappedImportError, match=r"torch\\.nn\\.nothing: .*https://"):
    from torch.nn import nothing
with pytest.raises(UnmappedImportError, match=r"torch\\.nn\\.modules\\.linear\\.nothing: .*https://"):
    from torch.nn.modules.linear import nothing
for statement in ("import torch.nothing", "from torch.nothing import x", "import flash_attn.nothing.at_all"):
    with pytest.raises(UnmappedModuleError, match="no such module yet.*https://") as caught:
        exec(statement)
    assert isinstance(caught.value, ModuleNotFoundError)
    assert caught.value.name.startswith(statement.split()[1].split(".")[0] + ".nothing")
"""


@pytest.mark.parametrize("before", ["", "import torch as real\n"], ids=["alone", "beside"])
def test_imports(passes, before):
    passes(f"{before}import oarlock\noarlock.activate()\n{IMPORTS}{FAULTS}")


def test_alone_it_is_what_sys_modules_has(passes):
    passes("""
import importlib, sys, oarlock
oarlock.activate()
import torch.nn
assert sys.modules["torch"] is oarlock.torch and sys.modules["torch.nn"] is oarlock.torch.nn
assert oarlock.torch.__spec__.name == oarlock.torch.__name__ == "oarlock.torch"
assert importlib.import_module("torch.nn") is torch.nn
oarlock.deactivate()
assert not [name for name in sys.modules if name.split(".")[0] in ("torch", "flash_attn")]
import torch as real
assert real.__name__ == "torch" and real is not oarlock.torch
import torch.nn as nn
assert nn.Linear(2, 3)(real.ones(1, 2)).shape == (1, 3)
""")


def test_a_blocked_import_is_blocked_again_afterwards(passes):
    passes("""
import sys
sys.modules["torch"] = None
import oarlock
with oarlock.activated():
    import torch
    assert torch is oarlock.torch
assert sys.modules["torch"] is None
""")


def test_beside_a_real_torch_nothing_of_it_is_touched(passes):
    passes("""
import builtins, importlib, sys
import torch as real
before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "torch"}
functions = builtins.__import__, importlib.import_module
import oarlock
oarlock.activate()
import torch
assert torch is oarlock.torch is importlib.import_module("torch")
assert importlib.import_module("torch.nn") is torch.nn
assert importlib.util.find_spec("torch").origin == real.__file__
assert {n: m for n, m in sys.modules.items() if n.split(".")[0] == "torch"}.items() >= before.items()
assert all(sys.modules[name] is module for name, module in before.items())
oarlock.deactivate()
assert (builtins.__import__, importlib.import_module) == functions
import torch
assert torch is real
""")


def test_a_real_torch_works_on_for_who_holds_it(passes):
    """Its optimizers, pickling, data loaders with workers, compiler and lazy imports."""
    passes("""
import io, pickle, copy
import torch as real
import oarlock
oarlock.activate()
import torch
assert torch is not real

model = real.nn.Sequential(real.nn.Linear(4, 8), real.nn.ReLU(), real.nn.Linear(8, 1))
optimizer = real.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
data = real.utils.data.TensorDataset(real.randn(8, 4), real.randn(8, 1))
for x, y in real.utils.data.DataLoader(data, batch_size=4, num_workers=1, shuffle=True):
    optimizer.zero_grad()
    real.nn.functional.mse_loss(model(x), y).backward()
    optimizer.step()
kept = io.BytesIO()
real.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, kept)
kept.seek(0)
assert type(real.load(kept)["model"]["0.weight"]) is real.Tensor
assert type(pickle.loads(pickle.dumps(model))) is real.nn.Sequential
assert type(copy.deepcopy(model)[0].weight) is real.nn.Parameter
assert real.jit.script(real.nn.Linear(2, 2))(real.ones(1, 2)).shape == (1, 2)
compiled = real.compile(lambda x: x.sin() + 1, backend="eager")
assert real.equal(compiled(real.ones(2)), real.ones(2).sin() + 1)
real.library.custom_op("test::twice", lambda x: x * 2, mutates_args=(), schema="(Tensor x) -> Tensor")
import torch as again
assert again is oarlock.torch
""")


def test_installed_packages_that_hold_a_real_torch_keep_it(passes):
    passes("""
import torch as real
import safetensors.torch as holder
import oarlock
tensors = {"x": real.arange(3)}
holder.save_file(tensors, "x.safetensors")
oarlock.activate()
loaded = holder.load_file("x.safetensors")
assert type(loaded["x"]) is real.Tensor and real.equal(loaded["x"], tensors["x"])
import torch
assert torch is oarlock.torch
""")


def test_it_nests_and_repeats(passes):
    passes("""
import oarlock, sys
def served():
    try:
        import flash_attn
    except ModuleNotFoundError:
        return False
    return flash_attn is oarlock.flash_attn
assert not served()
oarlock.activate(); oarlock.activate()
assert served()
with oarlock.activated():
    with oarlock.activated():
        assert served()
    assert served()
    oarlock.deactivate()
    assert not served()
assert served()
oarlock.deactivate()
assert not served()
oarlock.deactivate()
try:
    with oarlock.activated():
        assert served()
        raise KeyError
except KeyError:
    pass
assert not served()
finders = len(sys.meta_path)
with oarlock.activated():
    pass
assert len(sys.meta_path) == finders
""")


def test_others_may_wrap_the_import_function_too(passes):
    passes("""
import builtins, torch as real, oarlock
oarlock.activate()
ours = builtins.__import__
seen = []
def theirs(name, *rest, **named):
    seen.append(name)
    return ours(name, *rest, **named)
builtins.__import__ = theirs
import torch
assert torch is oarlock.torch and "torch" in seen
oarlock.deactivate()
assert builtins.__import__ is theirs
import torch
assert torch is real
oarlock.activate()
import torch
assert torch is oarlock.torch
oarlock.deactivate()
builtins.__import__ = ours
import torch
assert torch is real
""")


def test_what_the_import_system_answers(passes):
    passes("""
import importlib.metadata, importlib.util, os.path, oarlock
installed = importlib.metadata.version("torch")
oarlock.activate()
assert importlib.metadata.version("torch") == "2.13.0+oarlock"
assert importlib.metadata.version("flash-attn").endswith("+oarlock")
assert importlib.metadata.metadata("torch")["Name"] == "torch"
import sys
for loaded in (False, True):
    found = importlib.util.find_spec("torch")
    assert os.path.dirname(found.origin) == os.path.join(os.path.dirname(oarlock.__file__), "torch")
    assert importlib.util.find_spec("torch.nn.modules.conv") is not None
    assert importlib.util.find_spec("torch.nothing") is None
    import torch
assert "paddle" not in sys.modules
assert torch.__version__ == "2.13.0+oarlock" and isinstance(torch.__version__, str)
assert torch.version.hip is None and torch.version.__version__ == torch.__version__
oarlock.deactivate()
assert importlib.metadata.version("torch") == installed
""")


def test_children_of_multiprocessing_are_activated(passes):
    for method in ("fork", "spawn", "forkserver"):
        passes(f"""
import multiprocessing
if __name__ == "__main__":
    import oarlock
    oarlock.activate()
import flash_attn

def name(_):
    return flash_attn.__name__

if __name__ == "__main__":
    with multiprocessing.get_context({method!r}).Pool(1) as pool:
        assert pool.map(name, [0]) == ["oarlock.flash_attn"]
""")

"""The names that files know torch's classes and functions by, and Oarlock's objects for them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from oarlock.errors import OarlockError, UnsupportedError
from oarlock.serialization.lacking import DTYPES, QSCHEMES, Lacking
from oarlock.serialization.rebuilding import FUNCTIONS
from oarlock.serialization.storage import TYPED, UNTYPED, StorageType
from oarlock.tensor import Tensor, dtypes, layouts

# Where torch defines what its public namespaces give: pickle writes a class's own module.
_DEFINED = {
    "torch.nn": {
        "activation": (
            "CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid "
            "LogSoftmax Mish MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softmax "
            "Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink Threshold"
        ),
        "adaptive": "AdaptiveLogSoftmaxWithLoss",
        "batchnorm": (
            "BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d "
            "SyncBatchNorm"
        ),
        "channelshuffle": "ChannelShuffle",
        "container": "Container ModuleDict ModuleList ParameterDict ParameterList Sequential",
        "conv": (
            "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d LazyConv1d "
            "LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d"
        ),
        "distance": "CosineSimilarity PairwiseDistance",
        "dropout": ("AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout"),
        "flatten": "Flatten Unflatten",
        "fold": "Fold Unfold",
        "instancenorm": (
            "InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d LazyInstanceNorm2d "
            "LazyInstanceNorm3d"
        ),
        "linear": "Bilinear Identity LazyLinear Linear",
        "loss": (
            "BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss "
            "GaussianNLLLoss HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss MSELoss "
            "MarginRankingLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss "
            "NLLLoss NLLLoss2d PoissonNLLLoss SmoothL1Loss SoftMarginLoss TripletMarginLoss "
            "TripletMarginWithDistanceLoss"
        ),
        "module": "Module",
        "normalization": "CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm",
        "padding": (
            "CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d "
            "ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d "
            "ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d"
        ),
        "pixelshuffle": "PixelShuffle PixelUnshuffle",
        "pooling": (
            "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d "
            "AdaptiveMaxPool2d AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d "
            "FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d MaxPool1d "
            "MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d"
        ),
        "rnn": "GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase",
        "sparse": "Embedding EmbeddingBag",
        "transformer": (
            "Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder "
            "TransformerEncoderLayer"
        ),
        "upsampling": "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
    },
    "torch.optim": {
        "adadelta": "Adadelta",
        "adagrad": "Adagrad",
        "adam": "Adam",
        "adamax": "Adamax",
        "adamw": "AdamW",
        "asgd": "ASGD",
        "lbfgs": "LBFGS",
        "nadam": "NAdam",
        "optimizer": "Optimizer",
        "radam": "RAdam",
        "rmsprop": "RMSprop",
        "rprop": "Rprop",
        "sgd": "SGD",
        "sparse_adam": "SparseAdam",
    },
    "torch.utils.data": {
        "dataloader": "DataLoader",
        "dataset": (
            "ChainDataset ConcatDataset Dataset IterableDataset StackDataset Subset TensorDataset "
            "random_split"
        ),
        "distributed": "DistributedSampler",
        "sampler": (
            "BatchSampler RandomSampler Sampler SequentialSampler SubsetRandomSampler "
            "WeightedRandomSampler"
        ),
    },
}
_BELOW = {"torch.nn": "torch.nn.modules."}
_MODULE_OF = {
    (space, name): _BELOW.get(space, f"{space}.") + part
    for space, parts in _DEFINED.items()
    for part, names in parts.items()
    for name in names.split()
}
# What is no public name, or is the same on both sides only here.
_OBJECTS = {
    "torch.Size": "oarlock.tensor.size:Size",
    "torch.device": "oarlock.tensor.devices:device",
    "torch.Tensor": "oarlock.tensor.core:Tensor",
    "torch.dtype": "oarlock.tensor.dtypes:dtype",
    "torch.layout": "oarlock.tensor.layouts:layout",
    "torch.Generator": "oarlock.random.generator:Generator",
    "torch.nn.parameter.Parameter": "oarlock.nn.parameter:Parameter",
    "torch.nn.parameter.Buffer": "oarlock.nn.parameter:Buffer",
    "torch.nn.parameter.UninitializedParameter": "oarlock.nn.parameter:UninitializedParameter",
    "torch.nn.parameter.UninitializedBuffer": "oarlock.nn.parameter:UninitializedBuffer",
    "torch.nn.modules.linear.NonDynamicallyQuantizableLinear": (
        "oarlock.nn.linear:NonDynamicallyQuantizableLinear"
    ),
    "torch.utils.hooks.RemovableHandle": "oarlock.nn.hooks:RemovableHandle",
}
_PATHS = {home: path for path, home in _OBJECTS.items()}
_SPACES = (
    *("torch.nn", "torch.optim", "torch.nn.functional", "torch.optim.lr_scheduler", "torch"),
    *("torch.utils.data", "torch.nn.utils", "torch.nn.utils.rnn", "torch.nn.init", "torch.linalg"),
    *("torch.amp", "torch.autograd"),
)
# Functions written in C++, which torch's public namespaces only hand on.
_BUILT_IN = {"torch._C._nn": "torch.nn.functional", "torch._C._linalg": "torch.linalg"}


def layout_of(name: Any) -> Any:
    """The layout of a name such as ``"torch.strided"``; only dense tensors are served."""
    found = getattr(layouts, str(name).removeprefix("torch."), None)
    return found if isinstance(found, layouts.layout) else Lacking(f"the layout {name}")


def constant(path: str) -> Any:
    """The dtype, storage type or rebuilding function of a full name; None where it is none."""
    if path in FUNCTIONS:
        return FUNCTIONS[path]
    if path == "torch.serialization._get_layout":
        return layout_of
    if path == "torch.storage.UntypedStorage":
        return UNTYPED
    space, _, name = path.rpartition(".")
    if space in ("torch", "torch.cuda") and name in TYPED:
        return TYPED[name]
    if space == "torch":
        found = getattr(dtypes, name, None)
        if type(found) is dtypes.dtype:
            return found
        if name in DTYPES:
            return Lacking(f"the dtype torch.{name}")
        if name in QSCHEMES:
            return Lacking(f"the quantization scheme torch.{name}")
    return None


def find(module: str, name: str) -> Any:
    """Oarlock's object for a global of torch's that a file names.

    Raises:
        UnsupportedError: Oarlock has none.
    """
    path = f"{module}.{name}"
    found = constant(path)
    if found is not None:
        return found
    if path in _OBJECTS:
        home, _, attribute = _OBJECTS[path].partition(":")
        return getattr(import_module(home), attribute)
    try:
        found = import_module(f"oarlock.{_BUILT_IN.get(module, module)}")
        for part in name.split("."):
            found = getattr(found, part)
    except (OarlockError, ImportError, AttributeError):
        raise UnsupportedError(
            api="torch.load",
            given=f"a file that holds {path}",
            reason="Oarlock has no counterpart of it",
            advice="Save the state_dict of the object instead of the whole object",
        ) from None
    return found


def path_of(value: Any) -> tuple[str, str] | None:
    """The module and name that torch knows an object of Oarlock's by.

    None for what is not Oarlock's own.

    Raises:
        UnsupportedError: torch has no such object.
    """
    if isinstance(value, StorageType):
        return ("torch.storage" if value is UNTYPED else "torch"), value.name
    if type(value) is dtypes.dtype:
        return "torch", value.name
    if value is Tensor:
        return "torch", "Tensor"
    module = getattr(value, "__module__", None)
    if not isinstance(module, str) or module.partition(".")[0] != "oarlock":
        return None
    return _path_of(value, module, getattr(value, "__qualname__", ""))


@cache
def _path_of(value: Any, module: str, name: str) -> tuple[str, str]:
    for path, function in FUNCTIONS.items():
        if value is function:
            space, _, name = path.rpartition(".")
            return space, name
    if value is layout_of:
        return "torch.serialization", "_get_layout"
    if f"{module}:{name}" in _PATHS:
        space, _, name = _PATHS[f"{module}:{name}"].rpartition(".")
        return space, name
    for space in _SPACES:
        try:
            same = getattr(import_module(f"oarlock.{space}"), name) is value
        except (OarlockError, ImportError, AttributeError):
            continue
        if same:
            return _MODULE_OF.get((space, name), space), name
    raise UnsupportedError(
        api="torch.save",
        given=f"{module}.{name}",
        reason="torch has no such object, so it could not read the file",
        advice="Save a state_dict, or plain Python values",
    )

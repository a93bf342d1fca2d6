"""The name that torch prints for a Paddle gradient node: AddGradNode is ``AddBackward0``.

Paddle records other nodes than torch where one operation is made of others, and one node where
torch tells apart (``x * 2`` and ``x + 2`` are both a ScaleGradNode), so the name is torch's for most
single operations and a near one elsewhere. Nothing is computed from it.
"""

from __future__ import annotations

import re

# Paddle's stem to torch's name, where it is not the stem with "Backward0".
_NAMES = {
    "Argsort": "SortBackward0",
    "Assign": "CloneBackward0",
    "BatchNorm": "NativeBatchNormBackward0",
    "Bilinear": "UpsampleBilinear2DBackward0",
    "BilinearInterp": "UpsampleBilinear2DBackward0",
    "BicubicInterp": "UpsampleBicubic2DBackward0",
    "Cast": "ToCopyBackward0",
    "Clip": "ClampBackward1",
    "Concat": "CatBackward0",
    "Conv2d": "ConvolutionBackward0",
    "Conv2dTranspose": "ConvolutionBackward0",
    "Conv3d": "ConvolutionBackward0",
    "Conv3dTranspose": "ConvolutionBackward0",
    "DepthwiseConv2d": "ConvolutionBackward0",
    "DepthwiseConv2dTranspose": "ConvolutionBackward0",
    "DivScale": "DivBackward0",
    "Divide": "DivBackward0",
    "Dropout": "MulBackward0",
    "ElementwisePow": "PowBackward1",
    "Flatten": "ViewBackward0",
    "GroupNorm": "NativeGroupNormBackward0",
    "IndexElementwiseGet": "IndexBackward0",
    "LayerNorm": "NativeLayerNormBackward0",
    "Log1p": "Log1PBackward0",
    "Logsigmoid": "LogSigmoidBackward0",
    "MaskedSelect": "IndexBackward0",
    "Max": "MaxBackward1",
    "MeanAll": "MeanBackward0",
    "Min": "MinBackward1",
    "Multiply": "MulBackward0",
    "NearestInterp": "UpsampleNearest2DBackward0",
    "PNorm": "LinalgVectorNormBackward0",
    "Pad": "ConstantPadNdBackward0",
    "Pad3d": "ConstantPadNdBackward0",
    "PutAlongAxis": "ScatterBackward0",
    "Reshape": "ViewBackward0",
    "Scale": "MulBackward0",
    "SetValue": "CopySlices",
    "Slice": "SliceBackward0",
    "SplitWithNum": "SplitBackward0",
    "Square": "PowBackward0",
    "StridedSlice": "SliceBackward0",
    "Subtract": "SubBackward0",
    "TakeAlongAxis": "GatherBackward0",
    "Tile": "RepeatBackward0",
    "Transpose": "PermuteBackward0",
    "ViewShape": "ViewBackward0",
}
# Reductions whose torch name tells a whole reduction (0) from one along dimensions (1).
_REDUCTIONS = ("Sum", "Mean")
_STEM = re.compile(r"(\w+?)GradNode(?:Final)?")
_CUSTOM = "GradNodePyLayer_"


def torch_name(node: str, ndim: int) -> str | None:
    """Return torch's name for a gradient node, or None for a leaf's accumulation node.

    Args:
        node: Paddle's name of it.
        ndim: the number of dimensions of the tensor that it made.
    """
    if node == "GradNodeAccumulation":
        return None
    if node.startswith(_CUSTOM):
        return f"{node.removeprefix(_CUSTOM)}Backward"
    found = _STEM.fullmatch(node)
    stem = found[1] if found else node
    if stem in _REDUCTIONS:
        return f"{stem}Backward{int(ndim > 0)}"
    if stem == "Matmul":
        return {1: "MvBackward0", 2: "MmBackward0"}.get(ndim, "UnsafeViewBackward0")
    return _NAMES.get(stem, f"{stem}Backward0")

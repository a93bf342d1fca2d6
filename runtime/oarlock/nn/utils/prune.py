"""torch.nn.utils.prune: weights that a mask before each forward sets to zero."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from numbers import Integral, Real
from typing import Any

import oarlock.torch as torch
from oarlock.nn.tensors import Tensor


class BasePruningMethod(ABC):
    """A forward pre-hook that computes ``name`` as ``name_orig`` times the buffer ``name_mask``.

    A subclass has a ``PRUNING_TYPE``, "unstructured", "structured" or "global", and defines
    `compute_mask`.
    """

    _tensor_name: str
    PRUNING_TYPE: str

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask for scores ``t``, from the mask that holds already, of the same shape."""

    def apply_mask(self, module: Any) -> Tensor:
        """Return the original weight times its mask."""
        name = self._tensor_name
        assert name is not None, f"Module {module} has to be pruned"
        original = getattr(module, name + "_orig")
        return getattr(module, name + "_mask").to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Any, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune a weight, also one that is pruned already, and return the hook.

        Args:
            module: owns the weight.
            name: of the weight.
            args: passed to the class, as ``kwargs`` are.
            importance_scores: of the weight's shape; what the mask is computed from instead.
        """
        hooks = module._forward_pre_hooks
        before = [key for key, hook in hooks.items() if _prunes(hook, name)]
        assert len(before) <= 1, (
            f"Avoid adding multiple pruning hooks to the same tensor {name} of module {module}. "
            "Use a PruningContainer."
        )
        old = hooks.pop(before[0]) if before else None
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        if old is not None:
            container = old if isinstance(old, PruningContainer) else PruningContainer(old)
            container.add_pruning_method(method)
            method = container
        original = getattr(module, name)
        if importance_scores is None:
            importance_scores = original
        assert importance_scores.shape == original.shape, (
            f"importance_scores should have the same shape as parameter {name} of {module}, "
            f"got {importance_scores.shape} vs {original.shape}"
        )
        first = old is None
        if first:
            module.register_parameter(name + "_orig", original)
            del module._parameters[name]
            mask = torch.ones_like(original)
        else:
            mask = getattr(module, name + "_mask").detach().clone()
        try:
            mask = method.compute_mask(importance_scores, default_mask=mask)
            module.register_buffer(name + "_mask", mask)
            setattr(module, name, method.apply_mask(module))
            module.register_forward_pre_hook(method)
        except Exception:
            if first:
                module.register_parameter(name, getattr(module, name + "_orig"))
                del module._parameters[name + "_orig"]
            raise
        return method

    def prune(self, t: Tensor, default_mask: Any = None, importance_scores: Any = None) -> Tensor:
        """Return ``t`` pruned, by a mask computed from the scores or else from ``t`` itself."""
        scores = t if importance_scores is None else importance_scores
        assert scores.shape == t.shape, (
            "importance_scores should have the same shape as tensor t, "
            f"got {scores.shape} vs {t.shape}"
        )
        mask = torch.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=mask)

    def remove(self, module: Any) -> None:
        """Make the pruned weight an ordinary parameter, zeros included."""
        name = self._tensor_name
        assert name is not None, f"Module {module} has to be pruned before pruning can be removed"
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original = module._parameters.pop(name + "_orig")
        original.data = weight.data
        del module._buffers[name + "_mask"]
        setattr(module, name, original)


def _prunes(hook: Any, name: str) -> bool:
    return isinstance(hook, BasePruningMethod) and hook._tensor_name == name


class PruningContainer(BasePruningMethod):
    """Several methods on one weight, each of which prunes what the ones before it left.

    Args:
        args: the methods.
    """

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[Any, ...] = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Add a method that acts on the same weight.

        Raises:
            TypeError: it is no pruning method.
            ValueError: it acts on another weight.
        """
        if method is not None:
            if not isinstance(method, BasePruningMethod):
                raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
            if self._tensor_name != method._tensor_name:
                raise ValueError(
                    "Can only add pruning methods acting on the parameter named "
                    f"'{self._tensor_name}' to PruningContainer {self}. "
                    f"Found '{method._tensor_name}'"
                )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: Any) -> Any:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask after the last method, which sees what is not pruned yet."""
        method: Any = self._pruning_methods[-1]
        place = _unpruned(method, t, default_mask)
        partial = method.compute_mask(t[place], default_mask=default_mask[place])
        result = default_mask.to(dtype=t.dtype)
        result[place] = partial.to(dtype=result.dtype)
        return result


def _unpruned(method: Any, t: Tensor, mask: Tensor) -> Any:
    """Where a method looks: at the numbers, or the channels, that are not pruned yet."""
    if method.PRUNING_TYPE == "unstructured":
        return mask == 1
    dims = t.dim()
    place: list[Any] = [slice(None)] * dims
    if method.PRUNING_TYPE == "structured":
        if not hasattr(method, "dim"):
            raise AttributeError(
                'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` '
                "defined."
            )
        dim = method.dim + dims if method.dim < 0 else method.dim
        if dim < 0:
            raise IndexError(f"Index is out of bounds for tensor with dimensions {dims}")
        place[dim] = mask.sum(dim=[d for d in range(dims) if d != dim]) != 0
    elif method.PRUNING_TYPE != "global":
        raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
    return tuple(place)


class Identity(BasePruningMethod):
    """Prunes nothing, but names the weight as pruning does."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return ``default_mask``."""
        return default_mask

    @classmethod
    def apply(cls, module: Any, name: str) -> Any:  # type: ignore[override]
        """Put the mask of ones on a weight."""
        return super().apply(module, name)


class RandomUnstructured(BasePruningMethod):
    """Prunes numbers by chance.

    Args:
        amount: how many, or which part of them where it is a float.
    """

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: Any) -> None:
        self.amount = _checked(amount)

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask."""
        count = _count(self.amount, t.nelement())
        mask = default_mask.clone()
        if count:
            chosen = torch.topk(torch.rand_like(t).view(-1), k=count)
            mask.view(-1)[chosen.indices] = 0
        return mask

    @classmethod
    def apply(cls, module: Any, name: str, amount: Any) -> Any:  # type: ignore[override]
        """Prune a weight."""
        return super().apply(module, name, amount=amount)


class L1Unstructured(BasePruningMethod):
    """Prunes the numbers nearest to zero.

    Args:
        amount: how many, or which part of them where it is a float.
    """

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: Any) -> None:
        self.amount = _checked(amount)

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask."""
        count = _count(self.amount, t.nelement())
        mask = default_mask.clone()
        if count:
            chosen = torch.topk(torch.abs(t).view(-1), k=count, largest=False)
            mask.view(-1)[chosen.indices] = 0
        return mask

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Any, name: str, amount: Any, importance_scores: Any = None
    ) -> Any:
        """Prune a weight."""
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


class RandomStructured(BasePruningMethod):
    """Prunes channels by chance.

    Args:
        amount: how many, or which part of them where it is a float.
        dim: along which channels lie.
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        self.amount = _checked(amount)
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask."""
        channels = _channels(t, self.dim)
        count = _count(self.amount, channels)
        if not count:
            return default_mask
        drawn = torch.rand(channels)
        kept = drawn > torch.kthvalue(drawn, k=count).values
        return _of_channels(t, self.dim, kept, default_mask)

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Any, name: str, amount: Any, dim: int = -1
    ) -> Any:
        """Prune a weight."""
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(BasePruningMethod):
    """Prunes the channels of the smallest norm.

    Args:
        amount: how many, or which part of them where it is a float.
        n: the order of the norm, as `torch.norm` takes it.
        dim: along which channels lie.
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        self.amount = _checked(amount)
        self.n = n
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask."""
        channels = _channels(t, self.dim)
        count = _count(self.amount, channels)
        if not count:
            return default_mask
        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        norms = torch.norm(t, p=self.n, dim=others)
        kept = torch.topk(norms, k=channels - count, largest=True).indices
        return _of_channels(t, self.dim, kept, default_mask)

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
    ) -> Any:
        """Prune a weight."""
        return super().apply(
            module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores
        )


class CustomFromMask(BasePruningMethod):
    """Prunes what a given mask says.

    Args:
        mask: of the weight's shape.
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return both masks' product."""
        assert default_mask.shape == self.mask.shape, (
            f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
        )
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module: Any, name: str, mask: Tensor) -> Any:  # type: ignore[override]
        """Prune a weight."""
        return super().apply(module, name, mask=mask)


def identity(module: Any, name: str) -> Any:
    """Name a weight as pruning does, with a mask of ones, and return the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Any, name: str, amount: Any) -> Any:
    """Prune numbers of a weight by chance, and return the module.

    Args:
        module: owns the weight.
        name: of the weight.
        amount: how many numbers or channels, or which part of them where it is a float.

    Raises:
        ValueError, TypeError: the amount is negative, too large, or no number.
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Any, name: str, amount: Any, importance_scores: Any = None) -> Any:
    """Prune the numbers of a weight that are nearest to zero, and return the module.

    Args:
        module, name, amount: as for `random_unstructured`.
        importance_scores: of the weight's shape; the least of these are pruned instead.
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Any, name: str, amount: Any, dim: int) -> Any:
    """Prune channels of a weight by chance, and return the module.

    Args:
        module, name, amount: as for `random_unstructured`.
        dim: along which channels lie.
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
) -> Any:
    """Prune the channels of a weight that have the smallest norm, and return the module.

    Args:
        module, name, amount, importance_scores: as for `l1_unstructured`.
        n: the order of the norm.
        dim: along which channels lie.
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def global_unstructured(
    parameters: Any, pruning_method: Any, importance_scores: Any = None, **kwargs: Any
) -> None:
    """Prune numbers of several weights as if they were one.

    Args:
        parameters: pairs of a module and the name of its weight.
        pruning_method: an unstructured method's class.
        importance_scores: from such pairs to scores of the weight's shape.
        kwargs: for the class, ``amount`` above all.

    Raises:
        TypeError: the parameters are no sequence, the scores no dict, or the method not
            unstructured.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    pairs = list(parameters)
    as_vector = torch.nn.utils.parameters_to_vector
    weights = [getattr(module, name) for module, name in pairs]
    all_scores = as_vector([scores.get(pair, w) for pair, w in zip(pairs, weights, strict=True)])
    masks = as_vector(
        [
            getattr(module, name + "_mask", torch.ones_like(weight))
            for (module, name), weight in zip(pairs, weights, strict=True)
        ]
    )
    container = PruningContainer()
    method = pruning_method(**kwargs)
    container._tensor_name = method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. '
            f"Found method {pruning_method} of type {method.PRUNING_TYPE}"
        )
    container.add_pruning_method(method)
    mask = container.compute_mask(all_scores, masks)
    begin = 0
    for (module, name), weight in zip(pairs, weights, strict=True):
        end = begin + weight.numel()
        custom_from_mask(module, name, mask=mask[begin:end].view_as(weight))
        begin = end


def custom_from_mask(module: Any, name: str, mask: Tensor) -> Any:
    """Prune a weight by a mask of its shape, and return the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def remove(module: Any, name: str) -> Any:
    """Make a pruned weight an ordinary parameter, zeros included, and return the module.

    Raises:
        ValueError: it is not pruned.
    """
    for key, hook in module._forward_pre_hooks.items():
        if _prunes(hook, name):
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Any) -> bool:
    """Whether a weight of the module, or of one below it, is pruned."""
    return any(
        isinstance(hook, BasePruningMethod)
        for _, one in module.named_modules()
        for hook in one._forward_pre_hooks.values()
    )


def _checked(amount: Any) -> Any:
    if not isinstance(amount, Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    whole = isinstance(amount, Integral)
    if float(amount) < 0 or (not whole and float(amount) > 1):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer"
        )
    return amount


def _count(amount: Any, size: int) -> int:
    """Return how many of ``size`` are pruned."""
    count = amount if isinstance(amount, Integral) else round(amount * size)
    if int(count) > size:
        raise ValueError(
            f"amount={count} should be smaller than the number of parameters to prune={size}"
        )
    return int(count)


def _channels(t: Tensor, dim: int) -> int:
    """Return how many channels there are."""
    if t.dim() <= 1:
        raise ValueError(
            "Structured pruning can only be applied to multidimensional tensors. Found tensor of "
            f"shape {t.shape} with {t.dim()} dims"
        )
    if dim >= t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")
    return t.shape[dim]


def _of_channels(t: Tensor, dim: int, kept: Tensor, mask: Tensor) -> Tensor:
    """Return a mask of the channels that are kept, times the mask before."""
    place: list[Any] = [slice(None)] * t.dim()
    place[dim] = kept
    result = torch.zeros_like(t)
    result[tuple(place)] = 1
    result *= mask.to(dtype=result.dtype)
    return result

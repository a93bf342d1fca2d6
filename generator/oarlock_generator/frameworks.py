"""torch and Paddle as the doctests see them: make a tensor, read it, differentiate."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from oarlock_generator.examples import Drawn


class Framework(Protocol):
    """One framework's tensors, in the same few words for both sides."""

    def tensor(self, drawn: Drawn) -> Any:
        """Make a tensor of its own storage with these values; it wants a gradient if drawn so."""
        ...

    def is_tensor(self, value: Any) -> bool:
        """Whether it is one of this framework's tensors."""
        ...

    def strangeness(self, tensor: Any) -> str:
        """What is wrong with a tensor's type, in words; empty where nothing is."""
        ...

    def read(self, tensor: Any) -> np.ndarray:
        """Copy the values exactly; bfloat16 comes as float32."""
        ...

    def dtype(self, name: str) -> Any:
        """The dtype called ``name``."""
        ...

    def dtype_name(self, value: Any) -> str | None:
        """The name of a tensor's dtype or of a dtype; None for anything else."""
        ...

    def wants_grad(self, tensor: Any) -> bool:
        """Whether gradients flow through it."""
        ...

    def clone(self, tensor: Any) -> Any:
        """Copy it, so that gradients flow back to it."""
        ...

    def grad(
        self, outputs: Sequence[Any], inputs: Sequence[Any], along: Sequence[Any]
    ) -> list[Any]:
        """Gradients of ``outputs`` in the directions ``along``; None where there is no path."""
        ...

    def seed(self, seed: int) -> None:
        """Start the streams of random numbers anew."""
        ...


class Torch:
    """PyTorch on one thread of the CPU."""

    def __init__(self) -> None:
        self.torch = import_module("torch")
        # The order of sums, and so the evidence, must not depend on how many cores there are.
        self.torch.set_num_threads(1)

    def tensor(self, drawn: Drawn) -> Any:
        """Make a torch.Tensor."""
        tensor = self.torch.tensor(drawn.values).to(self.dtype(drawn.dtype))
        return tensor.requires_grad_(drawn.grad)

    def is_tensor(self, value: Any) -> bool:
        """Whether it is a torch.Tensor."""
        return isinstance(value, self.torch.Tensor)

    def strangeness(self, tensor: Any) -> str:
        """None."""
        return ""

    def read(self, tensor: Any) -> np.ndarray:
        """Copy its values to numpy."""
        tensor = tensor.detach().resolve_conj().resolve_neg()
        return (tensor.float() if tensor.dtype is self.torch.bfloat16 else tensor).numpy().copy()

    def dtype(self, name: str) -> Any:
        """``torch.<name>``."""
        return getattr(self.torch, name)

    def dtype_name(self, value: Any) -> str | None:
        """The name without ``torch.``."""
        dtype = getattr(value, "dtype", value)
        return str(dtype).removeprefix("torch.") if isinstance(dtype, self.torch.dtype) else None

    def wants_grad(self, tensor: Any) -> bool:
        """Whether ``requires_grad`` is set."""
        return tensor.requires_grad

    def clone(self, tensor: Any) -> Any:
        """Copy it by ``torch.Tensor.clone``."""
        return tensor.clone()

    def grad(
        self, outputs: Sequence[Any], inputs: Sequence[Any], along: Sequence[Any]
    ) -> list[Any]:
        """Call ``torch.autograd.grad``."""
        return list(self.torch.autograd.grad(outputs, inputs, along, allow_unused=True))

    def seed(self, seed: int) -> None:
        """Call ``torch.manual_seed``."""
        self.torch.manual_seed(seed)


class Paddle:
    """Paddle on the current device."""

    def __init__(self) -> None:
        self.paddle = import_module("paddle")

    def tensor(self, drawn: Drawn) -> Any:
        """Make a paddle.Tensor."""
        dtype = getattr(self.paddle, drawn.dtype)
        tensor = self.paddle.to_tensor(drawn.values).astype(dtype)
        tensor.stop_gradient = not drawn.grad
        return tensor

    def is_tensor(self, value: Any) -> bool:
        """Whether it is a paddle.Tensor."""
        return isinstance(value, self.paddle.Tensor)

    def strangeness(self, tensor: Any) -> str:
        """None."""
        return ""

    def read(self, tensor: Any) -> np.ndarray:
        """Copy its values to numpy."""
        tensor = tensor.detach()
        narrow = tensor.dtype == self.paddle.bfloat16
        return (tensor.astype("float32") if narrow else tensor).numpy().copy()

    def dtype(self, name: str) -> Any:
        """``paddle.<name>``."""
        return getattr(self.paddle, name)

    def dtype_name(self, value: Any) -> str | None:
        """The name without ``paddle.``."""
        dtype = getattr(value, "dtype", value)
        return str(dtype).removeprefix("paddle.") if isinstance(dtype, self.paddle.dtype) else None

    def wants_grad(self, tensor: Any) -> bool:
        """The opposite of Paddle's ``stop_gradient``."""
        return not tensor.stop_gradient

    def clone(self, tensor: Any) -> Any:
        """Copy it by ``paddle.Tensor.clone``."""
        return tensor.clone()

    def grad(
        self, outputs: Sequence[Any], inputs: Sequence[Any], along: Sequence[Any]
    ) -> list[Any]:
        """Call ``paddle.grad``."""
        return self.paddle.grad(
            list(outputs), list(inputs), grad_outputs=list(along), allow_unused=True
        )

    def seed(self, seed: int) -> None:
        """Call ``paddle.seed``."""
        self.paddle.seed(seed)


class Oarlock(Paddle):
    """Oarlock's torch side: Tensors on the current device, and torch's dtypes."""

    def __init__(self) -> None:
        super().__init__()
        self.tensors = import_module("oarlock.tensor")
        self.dtypes = import_module("oarlock.tensor.dtypes")

    def tensor(self, drawn: Drawn) -> Any:
        """Make an oarlock.torch.Tensor."""
        return self.tensors.wrap(super().tensor(drawn))

    def strangeness(self, tensor: Any) -> str:
        """A tensor that did not cross over."""
        return "" if isinstance(tensor, self.tensors.Tensor) else " of Paddle's own"

    def read(self, tensor: Any) -> np.ndarray:
        """Copy its values to numpy."""
        return super().read(self.tensors.plain(tensor))

    def dtype(self, name: str) -> Any:
        """``oarlock.torch.<name>``."""
        return getattr(self.dtypes, name)

    def dtype_name(self, value: Any) -> str | None:
        """The name without ``torch.``."""
        dtype = getattr(value, "dtype", value)
        is_ours = isinstance(dtype, self.dtypes.dtype)
        return dtype.name if is_ours else super().dtype_name(value)

    def wants_grad(self, tensor: Any) -> bool:
        """Whether ``requires_grad`` is set."""
        is_ours = isinstance(tensor, self.tensors.Tensor)
        return tensor.requires_grad if is_ours else super().wants_grad(tensor)

    def clone(self, tensor: Any) -> Any:
        """Copy it by ``paddle.Tensor.clone``."""
        return self.tensors.wrap(self.tensors.plain(tensor).clone())

    def grad(
        self, outputs: Sequence[Any], inputs: Sequence[Any], along: Sequence[Any]
    ) -> list[Any]:
        """Call ``torch.autograd.grad`` of Oarlock."""
        grad = import_module("oarlock.autograd.backward").grad
        return list(grad(outputs, inputs, along, allow_unused=True))

    def seed(self, seed: int) -> None:
        """Call ``torch.manual_seed`` of Oarlock."""
        super().seed(seed)
        import_module("oarlock.random.generator").manual_seed(seed)


def ours(api: str) -> Paddle:
    """The framework that examples of an API run on: torch's side has its own Tensor."""
    return Oarlock() if api.partition(".")[0] == "torch" else Paddle()

"""Recurrent layers: RNN, LSTM and GRU."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any, ClassVar

import oarlock.torch as torch
from oarlock.nn import init
from oarlock.nn.module import Module
from oarlock.nn.parameter import Parameter
from oarlock.nn.recurrence import Weights, run
from oarlock.nn.tensors import Tensor
from oarlock.nn.utils.rnn import PackedSequence, Places
from oarlock.tensor import plain, wrap
from oarlock.torch.nn import functional as F  # noqa: N812

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """Parameters and forward of all recurrent layers.

    Args:
        mode: ``"RNN_TANH"``, ``"RNN_RELU"``, ``"LSTM"`` or ``"GRU"``.
        input_size: size of an input step.
        hidden_size: H.
        num_layers: number of layers, each on the outputs of the one before.
        bias: whether there are biases.
        batch_first: inputs and outputs are (N, T, *), not (T, N, *).
        dropout: between the layers, while training.
        bidirectional: run through the sequence backwards too.
        proj_size: size that an LSTM's h is projected to; 0 for none.
        device, dtype: of the parameters.
    """

    _state_names: ClassVar[tuple[str, ...]] = ("hx",)

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        is_number = isinstance(dropout, numbers.Number) and not isinstance(dropout, bool)
        if not is_number or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an "
                "element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={num_layers}",
                stacklevel=3,
            )
        for name, value, kind in (
            ("bias", bias, bool),
            ("batch_first", batch_first, bool),
            ("input_size", input_size, int),
            ("hidden_size", hidden_size, int),
        ):
            if not isinstance(value, kind):
                raise TypeError(
                    f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
                )
        for name, value in (
            ("input_size", input_size),
            ("hidden_size", hidden_size),
            ("num_layers", num_layers),
        ):
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if proj_size < 0:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections"
            )
        if proj_size >= hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        gates = _GATES[mode] * hidden_size
        out_size = proj_size or hidden_size
        for layer in range(num_layers):
            size = input_size if layer == 0 else out_size * self._directions
            shapes: dict[str, tuple[int, ...]] = {
                "weight_ih": (gates, size),
                "weight_hh": (gates, out_size),
            }
            if bias:
                shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
            if proj_size:
                shapes["weight_hr"] = (proj_size, hidden_size)
            for suffix in ("", "_reverse")[: self._directions]:
                names = {f"{name}_l{layer}{suffix}": shape for name, shape in shapes.items()}
                for name, shape in names.items():
                    setattr(self, name, Parameter(torch.empty(shape, device=device, dtype=dtype)))
                self._all_weights.append(list(names))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name, None) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Do nothing: Paddle takes the parameters as they lie."""

    def reset_parameters(self) -> None:
        """Draw all parameters from U(-k, k), k = 1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _state_sizes(self) -> tuple[int, ...]:
        return (self.proj_size or self.hidden_size,)

    def _weights(self) -> list[list[Weights]]:
        found = []
        for names in self._all_weights:
            kinds = {
                name.rpartition("_l")[0].removeprefix("weight_"): plain(getattr(self, name))
                for name in names
            }
            found.append(Weights(**kinds))
        n = self._directions
        return [found[i : i + n] for i in range(0, len(found), n)]

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the last layer's outputs, and the last states.

        Args:
            input: (T, N, input_size), (N, T, input_size) with ``batch_first``, (T, input_size), or
                a PackedSequence, which makes the output one.
            hx: the first states, (num_layers · directions, N, H) without the N for unbatched
                input; zeros where left out.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        name = type(self).__name__
        if input.dim() not in (2, 3):
            raise ValueError(
                f"{name}: Expected input to be 2D or 3D, got {input.dim()}D"
                f"{' tensor' if self.mode.startswith('RNN') else ''} instead"
            )
        batched = input.dim() == 3
        states = self._given_states(hx)
        if states is not None:
            self._check_state_dimensions(states, batched)
        x = input if batched else input.unsqueeze(0 if self.batch_first else 1)
        if states is not None and not batched:
            states = [state.unsqueeze(1) for state in states]
        self._check_input(x, 3)
        batch = x.shape[0 if self.batch_first else 1]
        states = self._full_states(states, x, batch)
        if self.batch_first:
            x = x.transpose(0, 1)
        if x.shape[0] == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        output, last = self._run(x, states, None)
        if self.batch_first:
            output = output.transpose(0, 1)
        if not batched:
            output = output.squeeze(0 if self.batch_first else 1)
            last = [state.squeeze(1) for state in last]
        return output, self._returned(last)

    def _forward_packed(self, packed: PackedSequence, hx: Any) -> Any:
        self._check_input(packed.data, 2)
        states = self._given_states(hx)
        if states is not None and packed.sorted_indices is not None:
            states = [state.index_select(1, packed.sorted_indices) for state in states]
        places = Places.of(packed.batch_sizes)
        states = self._full_states(states, packed.data, len(places.lengths))
        lengths = torch.as_tensor(places.lengths, dtype=torch.int32, device=packed.data.device)
        whole = bool((places.lengths == places.shape[0]).all())
        x = places.pad(packed.data)
        output, last = self._run(x, states, None if whole else lengths, places)
        if packed.unsorted_indices is not None:
            last = [state.index_select(1, packed.unsorted_indices) for state in last]
        result = PackedSequence(
            places.pack(output),
            packed.batch_sizes,
            packed.sorted_indices,
            packed.unsorted_indices,
        )
        return result, self._returned(last)

    def _run(
        self, x: Tensor, states: list[Any], lengths: Any, places: Places | None = None
    ) -> tuple[Tensor, list[Any]]:
        def dropout(y: Any) -> Any:
            # On the packed steps, which are what torch draws for.
            y = wrap(y) if places is None else places.pack(wrap(y))
            y = F.dropout(y, self.dropout, True)
            return plain(y if places is None else places.pad(y))

        drops = self.dropout > 0 and self.training and self.num_layers > 1
        output, last = run(
            self.mode,
            plain(x),
            [plain(state) for state in states],
            self._weights(),
            plain(lengths),
            dropout if drops else None,
        )
        return wrap(output), [wrap(state) for state in last]

    def _given_states(self, hx: Any) -> list[Any] | None:
        return None if hx is None else [hx]

    def _returned(self, last: list[Any]) -> Any:
        return last[0]

    def _full_states(self, states: list[Any] | None, x: Tensor, batch: int) -> list[Any]:
        shapes = [(self.num_layers * self._directions, batch, size) for size in self._state_sizes()]
        if states is None:
            return [torch.zeros(shape, dtype=x.dtype, device=x.device) for shape in shapes]
        for i, (state, shape) in enumerate(zip(states, shapes, strict=True)):
            if tuple(state.shape) != shape:
                which = f"hidden[{i}]" if len(states) > 1 else "hidden"
                raise RuntimeError(f"Expected {which} size {shape}, got {list(state.shape)}")
        return states

    def _check_input(self, x: Tensor, dimensions: int) -> None:
        dtype = getattr(self, self._all_weights[0][0]).dtype
        if x.dtype != dtype and not torch.is_autocast_enabled():
            raise ValueError(
                f"RNN input dtype ({x.dtype}) does not match weight dtype ({dtype}). "
                f"Convert input: input.to({dtype}), or convert model: model.to({x.dtype})"
            )
        if x.dim() != dimensions:
            raise RuntimeError(f"input must have {dimensions} dimensions, got {x.dim()}")
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. "
                f"Expected {self.input_size}, got {x.shape[-1]}"
            )

    def _check_state_dimensions(self, states: list[Any], batched: bool) -> None:
        wanted = 3 if batched else 2
        if all(state.dim() == wanted for state in states):
            return
        kind = f"For {'batched' if batched else 'unbatched'} {wanted}-D input"
        if len(states) == 1:
            raise RuntimeError(
                f"{kind}, hx should also be {wanted}-D but got {states[0].dim()}-D tensor"
            )
        found = ", ".join(f"{state.dim()}-D" for state in states)
        raise RuntimeError(f"{kind}, hx and cx should also be {wanted}-D but got ({found}) tensors")

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.proj_size != 0:
            parts.append(f"proj_size={self.proj_size}")
        if self.num_layers != 1:
            parts.append(f"num_layers={self.num_layers}")
        if self.bias is not True:
            parts.append(f"bias={self.bias}")
        if self.batch_first is not False:
            parts.append(f"batch_first={self.batch_first}")
        if self.dropout != 0:
            parts.append(f"dropout={self.dropout}")
        if self.bidirectional is not False:
            parts.append(f"bidirectional={self.bidirectional}")
        return ", ".join(parts)

    def __getstate__(self) -> dict[str, Any]:
        # torch's own modules take their weights from this list when they are unpickled.
        flat = {
            "_flat_weights_names": self._flat_weights_names,
            "_flat_weights": self._flat_weights,
        }
        return {**super().__getstate__(), **flat}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # torch pickles the weights a second time, in a list that is a property here.
        given = dict(state)
        for name in ("_flat_weights", "_flat_weights_names", "_flat_weight_refs"):
            given.pop(name, None)
        given.setdefault("proj_size", 0)
        super().__setstate__(given)


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or with relu; arguments as RNNBase's.

    ``nonlinearity`` is ``"tanh"`` or ``"relu"``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **refused: Any,
    ) -> None:
        _refuse_projection(refused)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
        )
        self.nonlinearity = nonlinearity


class GRU(RNNBase):
    """Gated recurrent units (arXiv:1406.1078), reset applied after W_hh; arguments as RNNBase's."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
        **refused: Any,
    ) -> None:
        _refuse_projection(refused)
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
        )


class LSTM(RNNBase):
    """Long short-term memory, gates in the order i, f, g, o; arguments as RNNBase's.

    States are pairs (h, c); with ``proj_size`` h is projected to that size (arXiv:1402.1128).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )

    def _state_sizes(self) -> tuple[int, ...]:
        return (self.proj_size or self.hidden_size, self.hidden_size)

    def _given_states(self, hx: Any) -> list[Any] | None:
        return None if hx is None else list(hx)

    def _returned(self, last: list[Any]) -> Any:
        return tuple(last)


def _refuse_projection(given: dict[str, Any]) -> None:
    if "proj_size" in given:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
    if given:
        raise TypeError(f"__init__() got an unexpected keyword argument {next(iter(given))!r}")

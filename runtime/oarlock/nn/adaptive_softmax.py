"""Softmax over many classes, the rare ones in clusters (arXiv:1609.04309)."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

import oarlock.torch as torch
from oarlock.nn.containers import ModuleList, Sequential
from oarlock.nn.linear import Linear
from oarlock.nn.module import Module
from oarlock.nn.tensors import Tensor
from oarlock.torch.nn import functional as F  # noqa: N812

_ASMoutput = namedtuple("_ASMoutput", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(Module):
    """The log-probability of each target class, and their mean negated.

    Args:
        in_features: size of an input.
        n_classes: number of classes, the frequent ones first.
        cutoffs: where the clusters begin, increasing.
        div_value: each cluster's projection is this much smaller than the one before.
        head_bias: whether the first linear map has a bias.
        device, dtype: of the parameters.
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(set(cutoffs))
            or cutoffs[0] <= 0
            or cutoffs[-1] > n_classes - 1
            or any(int(cut) != cut for cut in cutoffs)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an "
                "increasing order, where each value is between 1 and n_classes-1"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // div_value ** (i + 1))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, False, device, dtype),
                    Linear(hidden, size, False, device, dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        self.head.reset_parameters()
        for inner, outer in self.tail:  # type: ignore[misc]
            inner.reset_parameters()
            outer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        """Return ``output`` (N,) and ``loss``, a scalar.

        Args:
            input_: (N, in_features) or (in_features,).
            target_: (N,) or a scalar, classes.
        """
        batched = target_.dim() == 1
        if target_.dim() > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if batched and input_.size(0) != target_.size(0):
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if input_.dim() != target_.dim() + 1:
            raise RuntimeError(
                f"{target_.dim()}D target tensor expects {target_.dim() + 1}D input tensors, but "
                f"found inputs with size {input_.size()}"
            )
        input = input_ if batched else input_.unsqueeze(0)
        target = target_ if batched else target_.unsqueeze(0)
        low, high = int(target.min()), int(target.max())
        if low < 0 or high >= self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{low}, {high}] were found. "
            )
        # What the head predicts: the class itself, or the cluster it lies in.
        predicted = target
        rows, parts = [], []
        for i in range(self.n_clusters):
            begin, end = self.cutoffs[i], self.cutoffs[i + 1]
            inside = (target >= begin) & (target < end)
            row = inside.nonzero().squeeze(1)
            if row.numel() == 0:
                continue
            predicted = predicted.masked_fill(inside, self.shortlist_size + i)
            logprob = F.log_softmax(self.tail[i](input.index_select(0, row)), dim=1)
            within = (target.index_select(0, row) - begin).unsqueeze(1)
            rows.append(row)
            parts.append(logprob.gather(1, within).squeeze(1))
        head = F.log_softmax(self.head(input), dim=1)
        output = head.gather(1, predicted.unsqueeze(1)).squeeze(1)
        if rows:
            output = output.index_add(0, torch.cat(rows), torch.cat(parts))
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def _all_log_probs(self, input: Tensor, head_output: Tensor) -> Tensor:
        head = F.log_softmax(head_output, dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            cluster = F.log_softmax(tail(input), dim=1)
            parts.append(cluster + head[:, self.shortlist_size + i].unsqueeze(1))
        return torch.cat(parts, dim=1)

    def log_prob(self, input: Tensor) -> Tensor:
        """Return the log-probabilities (N, n_classes) of all classes."""
        return self._all_log_probs(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """Return the likeliest classes (N,); clusters are looked into only where they win."""
        head_output = self.head(input)
        output = torch.argmax(head_output, dim=1)
        rows = (output >= self.shortlist_size).nonzero().squeeze(1)
        if rows.numel() == 0:
            return output
        inside = self._all_log_probs(input.index_select(0, rows), head_output.index_select(0, rows))
        return output.index_copy(0, rows, torch.argmax(inside, dim=1))

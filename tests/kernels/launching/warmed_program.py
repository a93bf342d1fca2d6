"""Calls attention once, forward and backward, and says whether it had to be compiled."""

from __future__ import annotations

import json
import warnings

import paddle

from oarlock.errors import CompilationWarning
from oarlock.flash_attn import flash_attn_func
from oarlock.kernels.launch import launching_on

q, k, v = (paddle.ones([3, 77, heads, 48], "float16") for heads in (6, 2, 2))
q.stop_gradient = k.stop_gradient = v.stop_gradient = False
with launching_on(0, 1), warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    flash_attn_func(q, k, v, causal=True, window_size=(20, 0)).sum().backward()
print(json.dumps([str(each.message) for each in caught if each.category is CompilationWarning]))

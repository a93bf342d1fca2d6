"""Each of these mistakes in the kernels' text is caught by a case of the grid."""

from __future__ import annotations

import pytest
from checks import CASES

pytestmark = pytest.mark.xdist_group("triton's interpreter")

_CASES = {case.name: case for case in CASES}
_TOP_LEFT = {"offset = seqlen_k - seqlen_q": "offset = 0 * seqlen_k"}
# What is changed, {file: {from: to}}, and the case that notices.
MUTATIONS = {
    "causal aligned to the top left, forward": (
        {"forward.py": _TOP_LEFT},
        "causal, more keys than rows",
    ),
    "causal aligned to the top left, backward": (
        {"backward.py": _TOP_LEFT},
        "causal, more keys than rows",
    ),
    "a window off by one to the left": (
        {"visibility.py": {"keys >= places - left": "keys > places - left"}},
        "window on both sides",
    ),
    "a window off by one to the right": (
        {"visibility.py": {"keys <= places + right": "keys < places + right"}},
        "window on both sides",
    ),
    "blocks taken for whole that are not": (
        {"visibility.py": {"all_to // BLOCK * BLOCK": "tl.cdiv(all_to, BLOCK) * BLOCK"}},
        "causal, more keys than rows",
    ),
    "no derivative of softcap": (
        {"backward.py": {"ds = ds * derivative": "ds = ds * 1.0"}},
        "softcap",
    ),
    "output without dropout's scale": (
        {"forward.py": {"total * (1.0 - dropout_p)": "total"}},
        "dropout",
    ),
    "gradients of values without dropout's scale": (
        {"backward.py": {"share = 1.0 / (1.0 - dropout_p)": "share = 1.0"}},
        "dropout",
    ),
    "gradients of weights without dropout's scale": (
        {"backward.py": {"dp * (1.0 / (1.0 - dropout_p))": "dp"}},
        "dropout",
    ),
    "another dropout backward than forward": (
        {"backward.py": {"kept(seed, sequence_head": "kept(seed + 1, sequence_head"}},
        "dropout",
    ),
    "the sign of slopes": (
        {"scores.py": {"scores - (slope": "scores + (slope"}},
        "ALiBi on both sides",
    ),
    "ALiBi without the absolute value": (
        {"scores.py": {"tl.abs(distance)": "distance"}},
        "ALiBi on both sides",
    ),
    "query heads that read the wrong kv head": (
        {"forward.py": {"head // (heads // kv_heads)": "head % kv_heads"}},
        "GQA",
    ),
    "packed sequences that are read from the start": (
        {"tensors.py": {"+ start.to(tl.int64) * stride_row": ""}},
        "packed",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_mistake_is_caught(interpreted, tmp_path_factory, name):
    replacements, case = MUTATIONS[name]
    folder = tmp_path_factory.mktemp("mutant")
    module = f"mutant_{list(MUTATIONS).index(name)}"
    assert interpreted("check_mutant", str(folder), module, replacements, _CASES[case]) != []

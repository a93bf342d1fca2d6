"""Routes: what a call takes, what explain says, and what a forced route does."""

import subprocess
import sys

import paddle
import pytest

import oarlock
from oarlock import routing
from oarlock.flash_attn import flash_attn_func
from oarlock.flash_attn.flash_attn_interface import flash_attn_func as alias


@pytest.fixture
def q():
    paddle.seed(7)
    return paddle.randn([1, 8, 2, 16])


def test_explain_names_route_reason_and_page(q):
    explanation = oarlock.explain(flash_attn_func, q, q, q, window_size=(4, 0))
    assert explanation.route == "fallback"
    assert any("window_size" in reason for reason in explanation.reasons)
    assert any("CPU" in reason for reason in explanation.reasons)
    assert explanation.page.endswith("/api/flash_attn/flash_attn_func/")
    assert "window_size" in str(explanation)


def test_explain_takes_names_and_aliases(q):
    by_name = oarlock.explain("flash_attn.flash_attn_interface.flash_attn_func", q, q, q)
    assert by_name.reasons == oarlock.explain(alias, q, q, q).reasons
    assert len(by_name.reasons) == 1


def test_explain_refuses_what_it_does_not_know(q):
    with pytest.raises(oarlock.UnmappedError):
        oarlock.explain(paddle.add, q, q)
    with pytest.raises(TypeError, match="window"):
        oarlock.explain(flash_attn_func, q, q, q, window=3)


def test_forced_native_raises_with_the_reasons(q):
    with routing.forcing("native"):
        with pytest.raises(oarlock.UnsupportedError, match="softcap is not at its default"):
            flash_attn_func(q, q, q, softcap=3.0)
        with pytest.raises(oarlock.UnsupportedError, match="CPU build"):
            flash_attn_func(q, q, q)
    assert routing.forced is None


@pytest.mark.parametrize("route", ["fallback", "reference"])
def test_other_forced_routes_serve(q, route):
    free = flash_attn_func(q, q, q, causal=True)
    with routing.forcing(route):
        assert bool((flash_attn_func(q, q, q, causal=True) == free).all())
        assert oarlock.explain(flash_attn_func, q, q, q).route == route


def test_the_environment_forces_a_route():
    code = (
        "import paddle\nfrom oarlock.flash_attn import flash_attn_func\n"
        "q = paddle.randn([1, 4, 1, 8])\n"
        "try: flash_attn_func(q, q, q)\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    environment = {"OARLOCK_ROUTE": "native", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "UnsupportedError" in done.stdout
    environment["OARLOCK_ROUTE"] = "fast"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "one of native, fallback, reference" in done.stdout + done.stderr


def test_explain_stays_a_function_after_a_refusal(q):
    with routing.forcing("native"), pytest.raises(oarlock.UnsupportedError):
        flash_attn_func(q, q, q)
    assert callable(oarlock.explain)

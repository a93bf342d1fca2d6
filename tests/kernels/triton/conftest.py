"""A process beside the tests' that interprets kernels: one for all tests of a worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from calling import call_interpreted


@pytest.fixture(scope="session")
def interpreted() -> Iterator[Callable[..., Any]]:
    """Return a function that calls another, of module `interpreted`, where kernels are so."""
    pytest.importorskip("triton.language")
    pytest.importorskip("paddle")
    variables = {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        # The process starts with the first call, and takes the environment over.
        pool.submit(os.getpid).result()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

        def call(function: str, *arguments: Any) -> Any:
            return pool.submit(call_interpreted, function, *arguments).result()

        yield call

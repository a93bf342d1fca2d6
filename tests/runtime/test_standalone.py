"""The runtime stands alone: what it imports, and what importing it costs."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import oarlock

PACKAGE = Path(oarlock.__file__).parent
ALLOWED = set(sys.stdlib_module_names) | {"oarlock", "paddle", "numpy", "triton"}


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Executed(ast.NodeTransformer):
    """What is left of a module when it runs: nothing of ``if TYPE_CHECKING:``."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else node


def test_runtime_imports_only_paddle_numpy_triton_and_the_standard_library():
    foreign = []
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(Executed().visit(ast.parse(file.read_text("utf-8")))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            foreign += [(file.name, n) for n in names if n.partition(".")[0] not in ALLOWED]
    assert foreign == []


def test_importing_oarlock_imports_nothing_heavy():
    loaded = json.loads(python("import json, sys, oarlock; print(json.dumps(list(sys.modules)))"))
    heavy = {"paddle", "torch", "yaml", "pydantic", "jinja2", "triton", "numpy"}
    assert heavy.isdisjoint(loaded)


def test_a_call_needs_no_torch():
    blocked = (
        "import sys; sys.modules['torch'] = None; sys.modules['yaml'] = None\n"
        "import paddle\n"
        "from oarlock.flash_attn import flash_attn_func\n"
        "q = paddle.randn([1, 8, 2, 16])\n"
        "print(list(flash_attn_func(q, q, q, causal=True).shape))"
    )
    assert python(blocked).strip() == "[1, 8, 2, 16]"


def test_without_paddle_the_message_says_how_to_install_it():
    code = (
        "import sys; sys.modules['paddle'] = None\n"
        "try:\n    from oarlock.flash_attn import flash_attn_func\n"
        "except ImportError as error: print(error)"
    )
    assert "pip install paddlepaddle" in python(code)

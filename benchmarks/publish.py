"""The figures of benchmarks/results as tables in README.md and on the site, in both languages."""

from __future__ import annotations

import json
import re
import statistics
import sys
from typing import Any

from report import RESULTS, ROOT

# What stands between the two comments is renewed.
BLOCK = re.compile(
    r"(<!-- (figures|compiled kernels): benchmarks/publish\.py -->).*?(<!-- /\2 -->)", re.DOTALL
)
TARGETS = {
    "README.md": "en",
    **{
        f"docs/{each}/{page}.md": each
        for each in ("en", "zh")
        for page in ("benchmarks", "kernels")
    },
}
SOURCES = ("generator", "site", "runtime", "activation", "torch_side", "attention_cpu")
# The words in figures, in Chinese.
WORDS = {
    "Paddle's composed": "Paddle 组合实现",
    "torch's": "torch 的",
    "median": "中位数",
    "largest": "最大",
    "; ": "；",
}


def load(name: str) -> Any:
    """One result file."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def rows() -> list[tuple[str, str, str, str]]:
    """What was measured (English, Chinese), the figure, and what it should be."""
    generator = load("generator")["results"]["seconds"]
    site, runtime = load("site")["results"], load("runtime")["results"]
    attention = load("attention_cpu")["results"]
    times, peak = attention["milliseconds"], attention["peak"]["mebibytes"]
    pages = site["api_pages_per_language"]
    routing = max(row["routing_us"] for row in runtime["routing"].values())
    found = [
        ("2,000 records: load, validate, derive", "2,000 条记录：读取、校验、推导",
         f"{generator['load, validate and derive']:.1f} s", "≤ 3 s"),
        ("2,000 records: generate everything", "2,000 条记录：全部生成",
         f"{generator['generate everything']:.1f} s", "≤ 5 s"),
        ("2,000 records: run again, unchanged", "2,000 条记录：无改动时重新运行",
         f"{generator['generate again, nothing touched']:.1f} s", "≤ 2 s"),
        (f"site of {pages:,} API pages: English, Chinese", f"{pages:,} 个 API 页面的站点：英文、中文",
         ", ".join(f"{s:.0f} s" for step, s in site["seconds"].items() if "mkdocs" in step), "≤ 30 s"),
        ("routing, beyond the direct Paddle call", "路由开销，相对直接调用 Paddle",
         f"{routing:.2f} µs", "≤ 1 µs"),
        ("`import oarlock`, beyond `import paddle`", "`import oarlock` 在 `import paddle` 之外的耗时",
         f"{runtime['import']['import_oarlock_ms']:.1f} ms", "≤ 30 ms"),
        ("importing the first function, beyond that", "再导入第一个函数的耗时",
         f"{runtime['import']['first_function_ms']:.0f} ms", "–"),
        *torch_side(),
    ]  # fmt: skip
    wanted = {"dense": "≤ 1.5 ×", "causal": "< 1 ×", "window (256, 0)": "< 1 ×"}
    names = {"dense": "无掩码", "causal": "因果", "window (256, 0)": "窗口 (256, 0)"}
    for pattern, target in wanted.items():
        own = times[pattern]
        ratio = own["Oarlock"] / own["Paddle composed"]
        found.append((
            f"attention on the CPU, 2k tokens, forward and backward, {pattern}",
            f"CPU 注意力，2k token，前向与反向，{names[pattern]}",
            f"{own['Oarlock']:.0f} ms, {ratio:.2f} × Paddle's composed {own['Paddle composed']:.0f} ms; torch's SDPA {own['torch sdpa']:.0f} ms",
            target,
        ))  # fmt: skip
    found.append((
        "the same at 16k tokens, one head: peak memory", "16k token、单头时的内存峰值",
        f"{peak['Oarlock']:.0f} MiB; Paddle's composed {peak['Paddle composed']:,.0f} MiB", "≤ 1/10",
    ))  # fmt: skip
    return found


def torch_side() -> list[tuple[str, str, str, str]]:
    """The rows of activation, of single calls and of training steps."""
    starting = load("activation")["results"]["starting"]
    measured = load("torch_side")["results"]
    added = {name: call["added_us"] for name, call in measured["calls"].items()}
    slowest = max(added, key=added.__getitem__)
    found = [
        ("`oarlock.activate()` and a script's usual imports from torch, beyond `import paddle`",
         "`oarlock.activate()` 与脚本中常见的 torch 导入语句，在 `import paddle` 之外的耗时",
         f"{starting['total_ms']:.0f} ms", "≤ 300 ms"),
        (f"{len(added)} common calls of torch's on small tensors, beyond the direct Paddle call",
         f"{len(added)} 个常用的 torch 调用，作用于小 Tensor，相对直接调用 Paddle",
         f"largest {added[slowest]:.1f} µs, `{slowest}`; median {statistics.median(added.values()):.1f} µs",
         "≤ 1 µs"),
        ("reading `x.shape`", "读取 `x.shape`", f"{measured['shape_us']:.2f} µs", "≤ 0.3 µs"),
    ]  # fmt: skip
    models = {
        "perceptron": ("perceptron of three layers, 64 × 784", "三层感知机，64 × 784"),
        "convolutional": ("two convolutions, 32 × 1 × 28 × 28", "两层卷积，32 × 1 × 28 × 28"),
    }
    for name, (english, chinese) in models.items():
        step = measured["training"][name]
        found.append((
            f"training step on the CPU with Adam, {english}: time beside plain Paddle's",
            f"CPU 上使用 Adam 训练一步，{chinese}：与直接使用 Paddle 的耗时之比",
            f"{step['ratio']:.2f} ×", "≤ 1.05 ×",
        ))  # fmt: skip
    return found


def table(language: str) -> str:
    """The Markdown table in one language."""
    zh = language == "zh"
    head = ("测量项", "结果", "目标") if zh else ("measured", "figure", "target")
    lines = [f"| {' | '.join(head)} |", "| --- | --- | --- |"]
    for english, chinese, figure, target in rows():
        if zh:
            for word, translated in WORDS.items():
                figure = figure.replace(word, translated)
        lines.append(f"| {chinese if zh else english} | {figure} | {target} |")
    where = "; ".join(dict.fromkeys(machine(load(name)["environment"]) for name in SOURCES))
    lines += ["", f"测量环境：{where}。" if zh else f"Measured on {where}."]
    return "\n".join(lines)


def compiled_kernels(language: str) -> str:
    """What each attention kernel compiles to, the most over head_dims, features and Tritons."""
    zh = language == "zh"
    results = load("attention_kernels")["results"]
    rows = [row for each in results.values() for row in each]
    names = {
        "forward": ("forward", "前向"),
        "query_gradient": ("dq", "dq"),
        "key_value_gradients": ("dk, dv", "dk、dv"),
    }
    head = (
        ("架构", "内核", "编译的变体", "寄存器", "栈", "共享内存", "矩阵指令")
        if zh
        else ("architecture", "kernel", "variants", "registers", "stack", "shared memory", "matrix instructions")
    )  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "| --- | --- | --: | --: | --: | --: | --- |"]
    for architecture in sorted({row["architecture"] for row in rows}):
        for kernel, words in names.items():
            own = [r for r in rows if (r["architecture"], r["kernel"]) == (architecture, kernel)]
            matrix = sorted({i for row in own for i in row["instructions"] if "MMA" in i})
            figures = (
                f"sm_{architecture}", words[zh], len(own), max(row["registers"] for row in own),
                max(row["stack"] for row in own),
                f"{max(row['shared'] for row in own) / 1024:.0f} KiB", ", ".join(matrix),
            )  # fmt: skip
            lines.append(f"| {' | '.join(map(str, figures))} |")
    problems = sum(bool(row["problems"]) for row in rows)
    tritons = (" 与 " if zh else " and ").join(f"Triton {version}" for version in results)
    count = len(rows) // len(results)
    said = (
        f"由 {tritons} 各编译 {count} 个变体，其中 {problems} 个有溢出、共享内存超限或缺少矩阵指令。"
        if zh
        else f"{count} variants each by {tritons}; {problems} of them spill, exceed the shared memory or "
        "lack matrix instructions."
    )
    return "\n".join([*lines, "", said])


def machine(where: dict[str, Any]) -> str:
    """Processor and versions of one result file, in words."""
    packages = "".join(
        f", {name} {where[name]}" for name in ("paddlepaddle", "torch") if name in where
    )
    return f"{where['processor']}, {where['cores']} cores, Python {where['python']}{packages}"


def published(text: str, language: str) -> str:
    """A file's text with its blocks of figures renewed."""
    tables = {"figures": table, "compiled kernels": compiled_kernels}
    return BLOCK.sub(lambda m: f"{m[1]}\n\n{tables[m[2]](language)}\n\n{m[3]}", text)


def main() -> None:
    stale = []
    for name, language in TARGETS.items():
        file = ROOT / name
        text = file.read_text("utf-8")
        if (renewed := published(text, language)) != text:
            stale.append(name)
            if "--check" not in sys.argv:
                file.write_text(renewed, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(
            f"figures differ from benchmarks/results in {', '.join(stale)}: python benchmarks/publish.py"
        )


if __name__ == "__main__":
    main()

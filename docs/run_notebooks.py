"""Execute notebooks and store their outputs, with nothing but the packages of this project.

    python docs/run_notebooks.py docs/notebooks/*.ipynb                 # in place
    python docs/run_notebooks.py docs/notebooks/train.ipynb --output build/notebooks

Each notebook runs in a process of its own. Outputs are the printed text, the value of a cell's last expression, and
the figures that matplotlib has open at the end of a cell, as PNG.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

#: Resolution of stored figures, so that a notebook stays well below 1 MB.
DPI = 80


def run(path: Path, output: Path) -> None:
    """Execute one notebook in this process."""
    os.environ.setdefault("MPLBACKEND", "agg")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate((c for c in notebook["cells"] if c["cell_type"] == "code"), 1):
        cell["execution_count"], cell["outputs"] = number, execute("".join(cell["source"]), names, number)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def execute(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Run a cell; its outputs in the notebook format."""
    tree, outputs = ast.parse(source), []
    shown = tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";")
    last = ast.Expression(tree.body.pop().value) if shown else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(tree, f"<cell {number}>", "exec"), names)
        value = eval(compile(last, f"<cell {number}>", "eval"), names) if last else None
    if printed.getvalue():
        outputs.append(
            {"output_type": "stream", "name": "stdout", "text": printed.getvalue().splitlines(keepends=True)}
        )
    outputs += [_data(number, "image/png", picture) for picture in _figures()]
    if value is not None:
        outputs.append(_data(number, "text/plain", repr(value)))
    return outputs


def _data(number: int, kind: str, text: str) -> dict[str, Any]:
    if kind == "image/png":
        return {"output_type": "display_data", "data": {kind: text}, "metadata": {}}
    data = {kind: text.splitlines(keepends=True)}
    return {"output_type": "execute_result", "execution_count": number, "data": data, "metadata": {}}


def _figures() -> list[str]:
    """All open figures as base64 PNG; closes them."""
    if "matplotlib.pyplot" not in sys.modules:
        return []
    import matplotlib.pyplot as plt

    pictures = []
    for number in plt.get_fignums():
        file = io.BytesIO()
        plt.figure(number).savefig(file, format="png", dpi=DPI, metadata={"Software": None})
        pictures.append(base64.b64encode(file.getvalue()).decode())
    plt.close("all")
    return pictures


def main() -> None:
    parser = argparse.ArgumentParser(description="Execute notebooks and store their outputs.")
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder to write, default: in place")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for path in arguments.notebooks:
        target = arguments.output / path.name if arguments.output else path
        if arguments.here:
            run(path, target)
            continue
        place = ["--output", str(arguments.output)] if arguments.output else []
        subprocess.run([sys.executable, __file__, "--here", str(path), *place], check=True)
        print(f"wrote {target}", file=sys.stderr)


if __name__ == "__main__":
    main()

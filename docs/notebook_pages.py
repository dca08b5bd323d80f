"""Notebooks as pages of the site: their Markdown, code and stored outputs."""

from __future__ import annotations

import json
from typing import Any

from myst_parser.sphinx_ import Parser


def markdown(notebook: dict[str, Any]) -> str:
    """The notebook as one Markdown text; pictures are data URIs."""
    blocks = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            blocks.append(source)
        elif source:
            blocks.append(f"```python\n{source}\n```")
            blocks += [block for output in cell["outputs"] if (block := _output(output))]
    return "\n\n".join(blocks) + "\n"


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "image/png" in data:
        return f"![output of the cell above](data:image/png;base64,{''.join(data['image/png']).strip()})"
    text = "".join(output.get("text") or data.get("text/plain") or [])
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""


class NotebookParser(Parser):
    supported = ("notebook",)

    def parse(self, inputstring: str, document: Any) -> None:
        super().parse(markdown(json.loads(inputstring)), document)


def setup(app):
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}

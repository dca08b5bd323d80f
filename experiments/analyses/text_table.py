"""A table of text with its notes, and how it is written: Markdown and LaTeX.

pandas writes neither in fewer lines: `to_markdown` needs tabulate, which is no dependency, and `to_latex` leaves the
caption, the notes, and signs such as ± to its caller.
"""

from __future__ import annotations

from dataclasses import dataclass, field

#: Stands where there is nothing to print, so that no cell is blank.
NONE = "–"
LATEX = {"±": r"$\pm$", "^2": "$^2$", "_": r"\_", "%": r"\%", "&": r"\&", NONE: "--"}


@dataclass
class TextTable:
    """Title, header, rows and notes. Without rows the notes say why."""

    title: str
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def not_run(cls, title: str) -> TextTable:
        return cls(title, notes=["Open, not run yet."])

    def markdown(self) -> str:
        lines = [f"**{self.title}**"]
        if self.rows:
            lines += ["", *pipe_table(self.head, self.rows)]
        return "\n".join([*lines, *bullets(self.notes)])

    def latex(self) -> str:
        caption = rf"\multicolumn{{{max(1, len(self.head))}}}{{l}}{{{_escaped(self.title)}}} \\"
        return "\n".join(
            [
                rf"\begin{{tabular}}{{l{'r' * (len(self.head) - 1)}}}",
                caption,
                r"\toprule",
                _latex_row(self.head),
                r"\midrule",
                *map(_latex_row, self.rows),
                r"\bottomrule",
                r"\end{tabular}",
                *(f"% {note}" for note in self.notes),
                "",
            ]
        )


def pipe_table(head: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a Markdown table with aligned columns."""
    lines = [head, *([cell or NONE for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]
    return [text[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *text[1:]]


def bullets(notes: list[str]) -> list[str]:
    return ["", *(f"* {note}" for note in notes)] if notes else []


def _latex_row(cells: list[str]) -> str:
    return " & ".join(_escaped(cell or NONE) for cell in cells) + r" \\"


def _escaped(text: str) -> str:
    return "".join(LATEX.get(c, c) for c in text.replace("^2", "\0")).replace("\0", LATEX["^2"])

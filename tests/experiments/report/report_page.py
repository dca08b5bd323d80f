"""Reads the report's HTML back: tables as text, and what is wrong with its structure."""

from html.parser import HTMLParser

#: Elements without an end tag.
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """`tables`: caption, head and rows of every table. `wrong`: tags that do not match, and what lacks a label."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.wrong, self.ids, self.links, self.labels = [], [], [], [], []
        self.loads, self.headings, self.words = [], [], []
        self._open, self._cell = [], None
        self.feed(text)
        self.wrong += [f"{tag} is not closed" for tag in self._open]

    def handle_starttag(self, tag, attributes):
        facts = dict(attributes)
        if tag not in VOID:
            self._open.append(tag)
        if "id" in facts:
            self.ids.append(facts["id"])
        self.labels += [facts[name] for name in ("aria-labelledby",) if name in facts]
        self.links += [facts["href"]] if tag == "a" else []
        self.loads += [facts[name] for name in ("src", "data", "srcset") if name in facts]
        self.loads += [facts["href"]] if tag == "link" else []
        if tag == "table":
            self.tables.append({"caption": "", "rows": []})
        elif tag == "tr":
            self.tables[-1]["rows"].append([])
        elif tag in ("td", "th", "caption"):
            self._cell = []
            if tag == "th" and facts.get("scope") not in ("col", "row", "rowgroup"):
                self.wrong.append("a heading without scope")
        elif tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        elif (
            tag == "svg"
            and "svg" not in self._open[:-1]
            and not (facts.get("aria-hidden") == "true" or (facts.get("role") == "img" and facts.get("aria-label")))
        ):
            self.wrong.append("a picture that says nothing in words")
        elif tag == "script":
            self.wrong.append("a script")

    def handle_startendtag(self, tag, attributes):
        if "svg" not in self._open:
            self.wrong.append(f"{tag} closes itself")

    def handle_endtag(self, tag):
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"{tag} closes something else")
        if tag in ("td", "th", "caption"):
            text = " ".join("".join(self._cell).split())
            if tag == "caption":
                self.tables[-1]["caption"] = text
            else:
                self.tables[-1]["rows"][-1].append(text)
            self._cell = None

    def handle_data(self, data):
        if "style" not in self._open:
            self.words.append(data)
        if self._cell is not None:
            self._cell.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).split())

    def table(self, caption):
        """Head -> cell, for every row of the table whose caption starts so."""
        found = [table for table in self.tables if table["caption"].startswith(caption)]
        assert len(found) == 1, [table["caption"] for table in found]
        head, *rows = found[0]["rows"]
        return [dict(zip(head, row, strict=True)) for row in rows]

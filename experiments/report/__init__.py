"""The report: every declared table with all that is stored of it, as one HTML page and as plain text.

`sheets.py` gathers the `facts.py`, `summary.py` counts, `runs.py` says what computed how long, `pictures.py` draws on
`canvas.py`, `page.py` fills the templates beside it, `text.py` prints the same facts.
"""

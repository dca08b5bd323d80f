"""The report: every declared table with all that is stored of it, as web page, Markdown, LaTeX, CSV and plain text.

`sections.py` gathers the results into the tables of `document.py`, with `claims.py`, `coverage.py`, `summary.py` and
`costs.py`; `page.py`, `tables.py` and `text.py` write them. `figures.py` draws files, `pictures.py` and `canvas.py` the
plots of the page. `check.py` and `bands.py` recompute what is committed.
"""

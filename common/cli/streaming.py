"""Predictions for lists of formulas that are longer than memory, a piece at a time from CSV to CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import replacing
from common.io.messages import LISTED, note
from common.io.progress import progress
from common.sources.columns import ID_NAMES, heading

PIECE = 8192


def is_list_of_formulas(data: Sequence[str]) -> bool:
    """Whether DATA is one CSV with a formula column and no structures."""
    if len(data) != 1 or Path(data[0]).suffix.lower() not in (".csv", ".tsv") or not Path(data[0]).is_file():
        return False
    with open(data[0], newline="", encoding="utf-8-sig", errors="replace") as file:
        names = [heading(cell).name.lower() for cell in next(_reader(file), [])]
    return "formula" in names and "cif" not in names


def _reader(file):
    first = file.readline()
    file.seek(0)
    return csv.reader(file, delimiter=max(",;\t", key=first.count))


def pieces(path: str | Path, size: int = PIECE) -> Iterator[MaterialsDataset]:
    """Tables of at most `size` formulas. Without an id column the row number is the id."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = _reader(file)
        names = [heading(cell).name.lower() for cell in next(rows)]
        formula = names.index("formula")
        named = next((names.index(name) for name in ID_NAMES if name in names), None)
        number = 0
        try:
            while piece := [row for row in islice(rows, size) if row]:
                ids = [row[named].strip() if named is not None else str(number + k) for k, row in enumerate(piece, 1)]
                number += len(piece)
                texts = [row[formula].strip() if len(row) > formula else "" for row in piece]
                yield MaterialsDataset(ids, texts, origin=str(path))
        except (csv.Error, UnicodeDecodeError, IndexError) as error:
            raise UserError(f"{path}: after row {number}: {error}; check commas, quotes and UTF-8") from None


def predict_stream(model, path: str, output: str, *, strict: bool = False) -> None:
    """Write id, formula, value, standard deviations and unit of every formula; what fails goes to a file beside."""
    if not output.endswith(".csv"):
        raise UserError(f"--output {output}: a list of formulas is written as CSV; the name must end in .csv")
    if model.axis is not None:
        raise UserError(f"{model.target} is a curve; lists of formulas are streamed for single numbers only")
    failed, done, wrong = Path(output).with_suffix(".failed.csv"), 0, 0
    with (
        replacing(Path(output)) as good_path,
        replacing(failed) as bad_path,
        open(good_path, "w", newline="") as good_file,
        open(bad_path, "w", newline="") as bad_file,
        progress(desc="predicting", unit="formula") as bar,
    ):
        good, bad = csv.writer(good_file, lineterminator="\n"), csv.writer(bad_file, lineterminator="\n")
        bad.writerow(["id", "reason"])
        for table in pieces(path):
            predicted = model.predict(table, strict=strict, bar=False)
            columns = [predicted.prediction, *predicted.uncertainties().values()]
            if not done and not wrong:
                good.writerow(["id", "formula", "value", *predicted.uncertainties(), "unit"])
            formulas = dict(zip(table.ids.tolist(), table.formulas.tolist(), strict=True))
            for name, *values in zip(predicted.ids.tolist(), *columns, strict=True):
                good.writerow([name, formulas[name], *(f"{v:.9g}" for v in values), predicted.unit])
            for name, reason in model.left_out.items():
                if wrong < LISTED:
                    note(f"left out: {name}: {reason}")
                bad.writerow([name, reason])
                wrong += 1
            done += len(predicted)
            bar.update(len(table))
    if not wrong:
        failed.unlink()
    if not done:
        raise UserError(f"{path}: none of its {wrong} formulas can be used; {failed} says why")
    note(f"wrote {output}, predictions: {done}" + (f"; {failed} lists the {wrong} that are left out" if wrong else ""))

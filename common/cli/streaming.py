"""Predictions for lists of formulas that do not fit into memory, in chunks from CSV to CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from common.cli.checks import refuse_input
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import replacing
from common.io.messages import LISTED, note
from common.io.progress import progress
from common.sources.columns import ID_NAMES, heading

CHUNK = 8192


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


def chunks(path: str | Path, size: int = CHUNK) -> Iterator[MaterialsDataset]:
    """Tables of at most `size` formulas. Without an id column the row number is the id."""
    number = 0
    with open(path, newline="", encoding="utf-8-sig") as file:
        try:
            rows = _reader(file)
            names = [heading(cell).name.lower() for cell in next(rows, [])]
            if "formula" not in names:
                raise UserError(f"{path} has no formula column; its header is: {', '.join(names)}; rename one")
            formula = names.index("formula")
            named = next((names.index(name) for name in ID_NAMES if name in names), None)
            rows = filter(None, rows)  # blank lines
            while chunk := list(islice(rows, size)):
                ids = [row[named].strip() if named is not None else str(number + k) for k, row in enumerate(chunk, 1)]
                number += len(chunk)
                texts = [row[formula].strip() if len(row) > formula else "" for row in chunk]
                yield MaterialsDataset(ids, texts, origin=str(path))
        except (csv.Error, UnicodeDecodeError, IndexError) as error:
            raise UserError(f"{path}: after row {number}: {error}; check commas, quotes and UTF-8") from None


def predict_stream(
    model: Any, path: str, output: str, *, strict: bool = False, interval: float | None = None, domain: bool = False
) -> None:
    """Write id, formula, value, standard deviations and unit of every formula, and the failures to `*.failed.csv`."""
    if model.axis is not None:
        raise UserError(f"{model.target} is a curve; lists of formulas are streamed for single numbers only")
    failed, done, wrong, strange = Path(output).with_suffix(".failed.csv"), 0, 0, 0
    refuse_input(f"{failed}, which this command writes,", failed, path)
    with (
        replacing(Path(output)) as good_path,
        replacing(failed) as bad_path,
        open(good_path, "w", newline="") as good_file,
        open(bad_path, "w", newline="") as bad_file,
        progress(desc="predicting", unit="formula") as bar,
    ):
        good, bad = csv.writer(good_file, lineterminator="\n"), csv.writer(bad_file, lineterminator="\n")
        bad.writerow(["id", "reason"])
        for table in chunks(path):
            predicted = model.predict(table, strict=strict, bar=False, interval=interval, domain=domain)
            formulas = table.select(predicted.ids).formulas.tolist()
            unseen = model.unseen_elements(formulas)
            more: dict[str, Sequence[str]] = {} if predicted.domain is None else {"domain": predicted.domain.tolist()}
            more |= {} if unseen is None else {"unseen_elements": unseen}
            columns = [predicted.prediction, *predicted.uncertainties().values()]
            if not done and not wrong:
                good.writerow(["id", "formula", "value", *predicted.uncertainties(), "unit", *more])
            texts = [[f"{value:.9g}" for value in column] for column in columns]
            units = [predicted.unit] * len(predicted)
            good.writerows(zip(predicted.ids.tolist(), formulas, *texts, units, *more.values(), strict=True))
            for name, reason in model.left_out.items():
                if wrong < LISTED:
                    note(f"left out: {name}: {reason}")
                bad.writerow([name, reason])
                wrong += 1
            done += len(predicted)
            strange += sum(map(bool, unseen or ()))
            bar.update(len(table))
    if not wrong:
        failed.unlink()
    if not done:
        raise UserError(f"{path}: none of its {wrong} formulas can be used; {failed} lists the reasons")
    if strange:
        note(f"warning: {strange} of {done} formulas contain elements that are absent from training (unseen_elements)")
    note(f"wrote {output}, predictions: {done}" + (f"; {failed} lists the {wrong} that are left out" if wrong else ""))

"""The schema of `tables.yaml`: which keys stand where, and the type of each. experiments/README.md explains them.

Typed dictionaries rather than dataclasses, since a table is merged from several levels (file, table, scale) and a key
that is absent means another thing than one with a default.
"""

from __future__ import annotations

from typing import Any, Literal, Required, TypedDict

Scale = Literal["mini", "real", "paper"]
Metric = Literal["MAE", "MSE", "RMSE", "ME", "R2", "R2 swapped", "MAD:MAE", "Pearson"]
Need = Literal["formula", "structure", "dos", "image"]


class Split(TypedDict, total=False):
    """What each kind needs: fractions, formula: shares; folds, given: validation; k-folds: k and validation."""

    kind: Literal["fractions", "formula", "folds", "k-folds", "given"]
    shares: list[float]
    validation: float
    k: int
    grouped: bool | Literal["elements"]
    train: int


class Row(TypedDict, total=False):
    """A model with its settings, or the reason why it has no runs (`open`)."""

    model: str
    variant: str
    #: Fields of `common.train.recipes.recipe.Recipe` and `preset`, the name of a recipe of the model.
    recipe: dict[str, Any]
    #: Fields of the model's configuration, or hyperparameters of a classical model.
    config: dict[str, Any]
    reported: str
    open: str
    note: str
    parameters: int


class ReportedIn(TypedDict, total=False):
    """Where a table of `reported.yaml` has the numbers of a column: see `plan.printed`."""

    table: Required[str]
    column: str
    prefix: str


class TakenFrom(TypedDict):
    """A column of another table whose runs are shown; `rows`: row here -> row there."""

    paper: str
    table: str
    column: str
    rows: dict[str, str]


class Column(TypedDict, total=False):
    """A dataset: source, target and seeds; or predictions that models of another column make (`trained_in`)."""

    source: str
    target: str
    seeds: list[int]
    split: Split
    recipe: dict[str, Any]
    #: Further sources that the trained models predict: name of the predictions -> source.
    also_predicts: dict[str, str]
    trained_in: str
    shows: str
    taken_from: TakenFrom | list[TakenFrom]
    excluded: dict[str, list[str]]
    open: str
    reported: str | ReportedIn
    reported_tables: dict[str, str]
    not_comparable: str
    notes: list[str]
    bands: dict[str, list[float]]


class Layout(TypedDict, total=False):
    """What a table declares, for all scales or for one; the scale goes before the table, the table before the file."""

    title: str
    metrics: list[Metric]
    note: str
    own_row: str
    not_comparable: str
    costs: bool
    rows: dict[str, Row]
    columns: dict[str, Column]
    split: Split
    recipe: dict[str, Any]
    config: dict[str, Any]
    seeds: dict[str, list[int]]
    # A derived table, made of the predictions of another one. Functions are named as "module:function".
    derived_from: str
    rows_used: list[str]
    derived: str
    picture: str
    material_data: str
    report: str
    recompute: bool
    # Options of the functions of derived tables.
    formulas: list[str]
    screened: str
    eps: str
    gap: str
    missing_data: str


class Table(Layout, total=False):
    scales: Required[dict[Scale, Layout]]


class ContentsEntry(TypedDict, total=False):
    """A table or figure of the paper: what it shows and what makes it, or why it is `open`."""

    what: Required[str]
    tables: list[str]
    command: str
    open: str


Model = TypedDict("Model", {"class": Required[str], "needs": Required[list[Need]], "network": bool}, total=False)


class Declaration(TypedDict, total=False):
    paper: Required[str]
    title: str
    own_row: str
    #: Models of a paper outside of the suite; those of the suite stand in experiments/declare/models.py.
    models: dict[str, Model]
    rows: Required[dict[str, Row]]
    contents: dict[str, ContentsEntry]
    tables: Required[dict[str, Table]]

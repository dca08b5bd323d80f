"""The options of `train`, `predict` and `evaluate`, which all packages share."""

from __future__ import annotations

import argparse
from typing import Any

from common.cli.options import (
    add_common,
    add_model,
    add_output,
    add_split,
    add_target,
    folds,
    fraction,
    log_place,
    positive,
    positive_number,
)
from common.cli.package_spec import FILES_HELP, PackageSpec
from common.cli.parser import add_command
from common.train.devices import PRECISIONS


def add_train(commands: Any, spec: PackageSpec) -> argparse.ArgumentParser:
    parser = add_command(
        commands,
        "train",
        "common.cli.train:train",
        "train a model on materials with known values",
        f"""{spec.name} train mini --target band_gap --epochs 20 --model gap_model
        {spec.name} train {spec.folder[0]} --target "gap (eV)" --model my_model   # {spec.folder[1]}
        {spec.name} train {spec.folder[0]} --target "gap (eV)" --from gap_model --model fine_tuned
        {spec.name} train mini --target band_gap --folds 5 --model five_gap_models --log csv:log.csv""",
        "Train a model. The folder of --model receives the model, its split, its history and its predictions for the "
        "validation and test sets. The same command resumes an interrupted training.",
    )
    parser.add_argument("data", metavar="DATA", help=spec.tables)
    add_target(parser, help="property to learn; needed if DATA has several")
    parser.add_argument("--model", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--network", choices=list(spec.networks), help=f"default {spec.default}")
    parser.add_argument("--variant", choices=spec.variants, help="default corrected")
    parser.add_argument(
        "--recipe",
        metavar="NAME",
        help="training settings: fast (default, for networks that have it), paper, or a file such as best.json of "
        "matrepro tune",
    )
    parser.add_argument("--epochs", type=positive, metavar="N", help="default: from the recipe")
    parser.add_argument(
        "--learning-rate",
        type=positive_number,
        metavar="F",
        help="default: from the recipe; with --from a tenth of it, with --head-only all of it",
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="MODEL",
        help="fine-tune: start from the weights of this trained model, a folder or a preset, with its network",
    )
    parser.add_argument(
        "--head-only", action="store_true", help="with --from: train the output layer only, freeze all other layers"
    )
    parser.add_argument("--batch", type=positive, metavar="N", help="batch size, default: from the recipe")
    parser.add_argument(
        "--deterministic", action="store_true", help="bitwise reproducible for a given seed and number of cores; slower"
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="of the arithmetic, default: from the recipe; float16 suits GPUs, bfloat16 CPUs with instructions for it",
    )
    parser.add_argument(
        "--devices",
        metavar="N",
        help="number of accelerators to train on together, or all; default: MATREPRO_DEVICES or 1",
    )
    parser.add_argument(
        "--ensemble", type=positive, default=1, metavar="N", help="train N members with consecutive seeds, default 1"
    )
    parser.add_argument(
        "--folds",
        type=folds,
        metavar="K",
        help="cross-validation: train K models, each tested on another fold, which then predict together; given = the "
        "folds in the column fold of DATA; with --group-by-formula all polymorphs of a formula are in one fold",
    )
    parser.add_argument(
        "--log",
        action="append",
        type=log_place,
        default=[],
        metavar="WHERE",
        help="log each epoch: csv:FILE, tensorboard:DIR, mlflow or mlflow:URI; may be repeated",
    )
    parser.add_argument(
        "--calibration",
        type=fraction,
        metavar="F",
        help="hold out this fraction of all materials, taken from the training set, to calibrate prediction intervals, "
        "such as 0.1; default: calibrate on the validation set, whose intervals may cover slightly too little",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace another model in DIR")
    add_split(parser)
    add_common(parser)
    return parser


def add_predict(
    commands: Any,
    spec: PackageSpec,
    *,
    handler: str = "common.cli.predict:predict",
    nargs: str = "+",
    files: str = FILES_HELP,
    example: str = "",
) -> argparse.ArgumentParser:
    """`nargs` of FILES: "*" where other options can replace them; `files`: their help text."""
    parser = add_command(
        commands,
        "predict",
        handler,
        "predict a property of new materials",
        example
        or f"""{spec.name} predict --model gap_model NaCl.cif POSCAR
        {spec.name} predict --model gap_model crystals/ --output predicted.csv""",
    )
    parser.add_argument("data", nargs=nargs, metavar="FILES", help=files)
    add_model(parser)
    parser.add_argument(
        "--interval",
        type=fraction,
        metavar="P",
        help="add columns lower and upper, between which the true value lies with probability P, such as 0.9",
    )
    parser.add_argument(
        "--domain", action="store_true", help="add a column that says inside, edge or outside the training set's domain"
    )
    add_output(parser, (".csv", ".json"), "write a .csv or .json file instead of printing")
    add_common(parser)
    return parser


def add_evaluate(
    commands: Any, spec: PackageSpec, *, handler: str = "common.cli.predict:evaluate"
) -> argparse.ArgumentParser:
    parser = add_command(
        commands,
        "evaluate",
        handler,
        "compute the errors of a model on materials with known values",
        f"""{spec.name} evaluate --model gap_model mini --split gap_model/split.json
        {spec.name} evaluate --model gap_model {spec.folder[0]} --target "gap (eV)" --json
        {spec.name} evaluate --model gap_model mini --split gap_model/split.json --plots pictures/""",
    )
    parser.add_argument("data", metavar="DATA", help=spec.tables)
    add_model(parser)
    add_target(parser, help="name of the property in DATA, if it differs from the model's")
    parser.add_argument(
        "--split", metavar="FILE", help="evaluate the sets of this split one by one, instead of all of DATA"
    )
    parser.add_argument("--set", choices=("train", "validation", "test"), help="with --split: this set alone")
    parser.add_argument(
        "--plots",
        metavar="DIR",
        help="draw parity, residuals, calibration and learning curve into this folder; with --split of its test set",
    )
    add_output(parser, (".csv", ".csv.gz"), "write id, target and prediction to a .csv or .csv.gz file")
    add_common(parser)
    return parser

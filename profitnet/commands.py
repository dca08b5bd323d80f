"""The `featurize`, `explain` and `screen` commands."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np

from common.cli.checks import model_names
from common.data.loading import load_data
from common.data.materials import MaterialsDataset
from common.data.splits import Split
from common.errors import UserError
from common.features import cache
from common.io.messages import note, report_left_out
from common.presets.load import read_card
from common.train.recipes.variants import chosen
from profitnet import explain as shap_values
from profitnet import screening
from profitnet.config import VARIANTS
from profitnet.export import write_features
from profitnet.features import FEATURE_VERSION, weights_row


def featurize(arguments: Namespace) -> None:
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs)
    if not len(table):
        report_left_out(left_out, 0, strict=arguments.strict)
    made = cache.featurize(table, FEATURE_VERSION, weights_row, jobs=arguments.jobs)
    report_left_out({**left_out, **made.errors}, len(made.rows), strict=arguments.strict)
    config = chosen(VARIANTS, arguments.variant, matrix=arguments.matrix)
    write_features(arguments.output, table.take(made.rows), made.features, config, factorised=arguments.factorized)
    note(f"wrote {arguments.output}, materials: {len(made.rows)}")


def explain(arguments: Namespace) -> None:
    table, background = _with_background(arguments)
    rows = np.random.default_rng(arguments.seed).permutation(len(background))[: arguments.background]
    importance = shap_values.explain(
        arguments.spec.load(arguments.model),
        table,
        background=background.take(np.sort(rows)),
        samples=arguments.samples,
        seed=arguments.seed,
    )
    importance.save(arguments.output)
    note(f"wrote importance.csv, pairs.csv, matrix.png and top5.png to {arguments.output}")


def _with_background(arguments: Namespace) -> tuple[MaterialsDataset, MaterialsDataset]:
    """DATA, and the materials in it on which the model was trained, or all if there are none."""
    read_card(arguments.model)
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs)
    report_left_out(left_out, len(table), strict=arguments.strict)
    stored = Path(arguments.model) / "split.json"
    training = [name for name in Split.load(stored).train if name in table] if stored.exists() else []
    return table, (table.select(training) if training else table)


def screen(arguments: Namespace) -> None:
    folders = [*filter(None, (arguments.eps_model, arguments.gap_model)), *arguments.model]
    if not folders:
        raise UserError("screen needs a model: --model DIR, or --eps-model DIR and --gap-model DIR")
    names = model_names(folders)
    table, left_out = load_data(arguments.data, strict=arguments.strict, jobs=arguments.jobs)
    report_left_out(left_out, len(table), strict=arguments.strict)
    models = {name: arguments.spec.load(folder) for name, folder in zip(names, folders, strict=True)}
    eps = names[0] if arguments.eps_model else ""
    gap = names[1 if arguments.eps_model else 0] if arguments.gap_model else ""
    summary = screening.screen(models, table, arguments.output, eps=eps, gap=gap, jobs=arguments.jobs)
    for name, facts in summary["models"].items():
        print(f"{name}: {facts['target']}, {facts['negative']:,} of {summary['predicted']:,} are negative")
    for pair, value in summary["pearson"].items():
        print(f"{pair}: Pearson r = {value:.3f}")
    if summary.get("penn_energy_eV"):
        print(f"Penn relation: E_p = {summary['penn_energy_eV']:.2f} eV")
    note(f"predicted {summary['predicted']:,}, failed {summary['failed']:,} (failed.csv); wrote {arguments.output}")

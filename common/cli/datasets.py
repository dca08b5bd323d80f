"""The dataset and the split that the options of a command describe."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Container

from common.data.loading import Labeled, load_labeled, make_split
from common.data.materials import MaterialsDataset
from common.data.splits import Split
from common.sources.files import Loaded


def labeled_data(
    arguments: Namespace, reader: Callable[..., Loaded], target: str = "", *, default: str = ""
) -> Labeled:
    """The materials of DATA that have a value of --target, or else of `target`; without both, of `default` if it is
    there."""
    return load_labeled(
        arguments.data,
        arguments.target or target,
        unit=arguments.unit,
        strict=arguments.strict,
        jobs=arguments.jobs,
        reader=reader,
        default=default,
    )


def split_data(arguments: Namespace, dataset: MaterialsDataset, left_out: Container[str] = ()) -> Split:
    """The split of --split, or the random one of --split-ratio, --group-by-formula and --seed."""
    return make_split(
        dataset,
        split_file=arguments.split,
        ratio=arguments.split_ratio,
        grouped=arguments.group_by_formula,
        seed=arguments.seed,
        left_out=left_out,
    )

"""Bayesian search with Ax: the next point is where the error promises to be lowest, judged by those that are known."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

from common.errors import UserError
from common.tuning.space import Axis, sobol


def check() -> None:
    """Whether Ax is there."""
    if find_spec("ax") is None:
        raise UserError(
            "a Bayesian search needs Ax: pip install -e '.[tune]', or choose --method random or --method grid"
        )


def first(axes: Sequence[Axis]) -> int:
    """Number of initial trials, which fill the space evenly."""
    return max(5, 2 * len(axes))


def propose(
    axes: Sequence[Axis], known: Sequence[tuple[dict, float]], waiting: Sequence[dict], number: int, seed: int
) -> dict:
    """The settings of trial `number`, from settings with known errors and those of running trials.

    It depends on nothing else, so that an interrupted search resumes to the same result.
    """
    if len(known) < first(axes):
        return sobol(axes, number, seed)
    import torch
    from ax.api.client import Client
    from ax.exceptions.core import SearchSpaceExhausted

    searched = [axis for axis in axes if len(axis.values) != 1]
    with _quiet(), torch.random.fork_rng(), _one_thread(torch):
        torch.manual_seed(1000 * seed + number)
        client = Client(random_seed=1000 * seed + number)
        client.configure_experiment([_parameter(axis) for axis in searched])
        client.configure_optimization("-error")
        # The first points are ours and count as such.
        client.configure_generation_strategy(initialization_budget=0, initialize_with_center=False)
        for settings, error in known:
            trial = client.attach_trial({axis.name: settings[axis.name] for axis in searched})
            client.complete_trial(trial, {"error": error})
        for settings in waiting:
            client.attach_trial({axis.name: settings[axis.name] for axis in searched})
        try:
            (found,) = client.get_next_trials(1).values()
        except SearchSpaceExhausted:  # of the few settings that there are it knows all, or finds no other
            return sobol(axes, number, seed)
    fixed = {axis.name: axis.values[0] for axis in axes if len(axis.values) == 1}
    return fixed | {axis.name: _plain(found[axis.name], axis) for axis in searched}


@contextmanager
def _quiet() -> Iterator[None]:
    """Ax tells of every trial, which the journal does already."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _one_thread(torch) -> Iterator[None]:
    """The matrices are small, and the trials have the other cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _parameter(axis: Axis):
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    if axis.values:
        ordered = axis.kind in ("int", "float")
        return ChoiceParameterConfig(axis.name, list(axis.values), axis.kind, is_ordered=ordered)
    return RangeParameterConfig(axis.name, (axis.low, axis.high), axis.kind, scaling="log" if axis.log else "linear")


def _plain(value, axis: Axis):
    return float(f"{value:.6g}") if axis.kind == "float" and not axis.values else value

"""What a search may choose from: ranges and lists of values, as a grid or as points that fill them evenly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from common.errors import UserError
from common.io.text import choices

#: Trials of a search and points of a range in a grid, unless others are asked for.
TRIALS, POINTS = 20, 4
KINDS = {"int": int, "float": float, "str": str, "bool": lambda text: {"true": True, "false": False}[text.lower()]}


@dataclass(frozen=True)
class Axis:
    """One setting: whole or real numbers from `low` to `high`, both included, or `values`; `kind` as in its class."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    values: tuple = ()

    def at(self, share: float):
        """The value at a share, 0 to 1, of the way."""
        if self.values:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        if self.kind == "int":
            return int(self.low + min(math.floor(share * (self.high - self.low + 1)), self.high - self.low))
        if self.log:
            return _short(self.low * (self.high / self.low) ** share)
        return _short(self.low + share * (self.high - self.low))

    def points(self, n: int) -> list:
        """The values, or `n` of a range at equal distances, its ends among them."""
        if self.values:
            return list(self.values)
        shares = [i / (n - 1) for i in range(n)] if n > 1 else [0.5]
        if self.kind == "int":
            return list(dict.fromkeys(round(self.low + share * (self.high - self.low)) for share in shares))
        return [self.at(share) for share in shares]

    def plain(self) -> str:
        """As `parse` reads it."""
        if self.values:
            return f"{self.name}={','.join(str(value) for value in self.values)}"
        return f"{self.name}={self.low:g}:{self.high:g}{':log' if self.log else ''}"


def _short(value: float) -> float:
    """Six digits: enough for a setting, and short enough to be copied by hand."""
    return float(f"{value:.6g}")


def parse(text: str, kinds: Mapping[str, str]) -> Axis:
    """`batch=16:65`, `learning_rate=0.0001:0.01:log`, `optimizer=adam,sgd` or a fixed `epochs=50`.

    kinds: the settings that there are, and the type of each.
    """
    name, _, rest = (part.strip() for part in text.partition("="))
    if name not in kinds:
        raise UserError(f"there is no such setting: {name!r}{choices(name, kinds)}")
    kind = kinds[name]
    try:
        if ":" in rest:
            low, high, *scale = rest.split(":")
            axis = Axis(name, kind, KINDS[kind](low), KINDS[kind](high), scale == ["log"])
            if kind not in ("int", "float") or scale not in ([], ["log"]) or not axis.low < axis.high:
                raise ValueError
            if axis.log and (axis.low <= 0 or kind == "int"):
                raise ValueError
            return axis
        if not rest:
            raise ValueError
        return Axis(name, kind, values=tuple(dict.fromkeys(KINDS[kind](value.strip()) for value in rest.split(","))))
    except (KeyError, ValueError):
        raise UserError(
            f"--search {text}: {name} is {_like(kind)}; write a range, {name}=LOW:HIGH (:log for real numbers above "
            f"zero), or values, {name}=A,B,C"
        ) from None


def _like(kind: str) -> str:
    return {"int": "a whole number", "float": "a number", "str": "a word", "bool": "true or false"}[kind]


def grid(axes: Sequence[Axis], points: int) -> list[dict]:
    """Every combination, with so many points of each range."""
    names = [axis.name for axis in axes]
    return [dict(zip(names, values, strict=True)) for values in product(*(axis.points(points) for axis in axes))]


def size(axes: Sequence[Axis]) -> float:
    """How many different settings there are; infinite with a range of real numbers."""
    return math.prod(
        len(axis.values) or (axis.high - axis.low + 1 if axis.kind == "int" else math.inf) for axis in axes
    )


def untried(axes: Sequence[Axis], tried: Sequence[dict]) -> dict:
    """The first settings of a space of `size` that are none of `tried`."""
    names = [axis.name for axis in axes]
    every = (axis.values or range(int(axis.low), int(axis.high) + 1) for axis in axes)
    return next(found for values in product(*every) if (found := dict(zip(names, values, strict=True))) not in tried)


def sobol(axes: Sequence[Axis], number: int, seed: int) -> dict:
    """Point `number` of a Sobol sequence, scrambled with `seed`: it fills the space evenly at any length."""
    import numpy as np
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(axes), rng=np.random.default_rng(seed))
    point = sequence.random_base2(number.bit_length())[number]  # scipy wants a power of two
    return {axis.name: axis.at(float(share)) for axis, share in zip(axes, point, strict=True)}

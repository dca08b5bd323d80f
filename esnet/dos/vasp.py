"""Densities of states of VASP: `vasprun.xml`, and the `CompleteDos` in which the Materials Project gives them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.io.files import reason_of
from esnet.dos.projected import ProjectedDOS, check_orbitals, collect


def from_complete_dos(found, *, engine: str = "VASP") -> ProjectedDOS:
    """From a pymatgen `CompleteDos`, which the Materials Project gives, or the dictionary of its JSON file."""
    if isinstance(found, dict):
        found = complete_dos_of(found)
    with _in_one_line():
        return _projected(found, engine)


def complete_dos_of(found: dict):
    """The `CompleteDos` of a dictionary. Orbitals that are not resolved would be no more than lost keys to pymatgen."""
    from pymatgen.electronic_structure.dos import CompleteDos

    with _in_one_line():
        check_orbitals({name for site in found["pdos"] for name in site})
        return CompleteDos.from_dict(found)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        # pymatgen also finds no band edges in some densities.
        raise UserError(f"this is no CompleteDos of pymatgen ({type(error).__name__}: {error})") from None


def _projected(found, engine: str) -> ProjectedDOS:
    from pymatgen.electronic_structure.core import Spin

    if not getattr(found, "pdos", None):
        raise UserError("the density of states is not projected on atoms; ask for the projected one")
    if found.efermi is None:
        raise UserError("the density of states names no Fermi level (efermi); fetch it again")
    points = len(found.energies)
    channels: dict[tuple[str, int], np.ndarray] = defaultdict(lambda: np.zeros(points))
    polarized = False
    for orbitals in found.pdos.values():
        for orbital, spins in orbitals.items():
            name = getattr(orbital, "name", str(orbital))
            polarized = polarized or Spin.down in spins
            for spin, values in spins.items():
                if len(values) != points:
                    raise UserError(f"a projection on {name} has {len(values)} values for {points} energies")
                channels[name, 0 if spin == Spin.up else 1] += np.asarray(values, dtype=float)
    densities, f_there = collect(channels, points)
    if not polarized:
        densities = np.stack([densities[0] / 2, densities[0] / 2])
    structure = found.structure
    return ProjectedDOS(
        np.asarray(found.energies, dtype=float),
        densities,
        float(found.efermi),
        _valence_top(found),
        "absolute",
        polarized,
        engine,
        len(structure),
        tuple(sorted({site.specie.symbol for site in structure})),
        f_there,
    )


def _valence_top(found) -> float:
    """Top of the valence band, the Fermi level in a metal."""
    conduction, valence = found.get_cbm_vbm()
    return float(valence) if conduction > valence else float(found.efermi)


def complete_dos(path, *, unconverged: bool = False):
    """The `CompleteDos` of a `vasprun.xml`, compressed or not; one that did not converge only if told to."""
    import warnings

    from pymatgen.io.vasp.outputs import Vasprun

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = Vasprun(str(path), parse_potcar_file=False, parse_eigen=False)
            found, converged = run.complete_dos, run.converged_electronic
    except FileNotFoundError:
        raise UserError("does not exist; check the name") from None
    except Exception as error:  # the parser fails in as many ways as there are ways to cut a file
        place = f" ({Path(path).name}, line {getattr(error, 'lineno', '')})"  # lxml says it twice
        reason = reason_of(error).removesuffix(place)
        raise UserError(f"cannot be read as a vasprun.xml with a density of states ({reason})") from None
    if not (converged or unconverged):
        raise UserError(
            "the electronic steps used up NELM and did not converge; continue the calculation, or read it as it is "
            "with esnet dos read --unconverged"
        )
    return found


def from_vasprun(path, *, unconverged: bool = False) -> ProjectedDOS:
    """From a `vasprun.xml`, compressed or not; one that did not converge only if told to."""
    try:
        return from_complete_dos(complete_dos(path, unconverged=unconverged))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None

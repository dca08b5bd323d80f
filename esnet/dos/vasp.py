"""Read densities of states from VASP's `vasprun.xml` and from the `CompleteDos` of pymatgen (Materials Project)."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.errors import UserError
from common.io.compressed import check_size
from common.io.files import reason_of
from esnet.dos.projected import ProjectedDOS, check_orbitals, collect

#: Opening and closing tags of a vasprun.xml.
MAX_TAGS = 10_000_000

if TYPE_CHECKING:
    from pymatgen.electronic_structure.dos import CompleteDos


def from_complete_dos(found: CompleteDos | dict, *, program: str = "VASP") -> ProjectedDOS:
    """From a pymatgen `CompleteDos` or its dictionary."""
    if isinstance(found, dict):
        found = complete_dos_of(found)
    with _in_one_line():
        return _projected(found, program)


def complete_dos_of(found: dict) -> CompleteDos:
    """The `CompleteDos` of a dictionary. pymatgen silently drops unknown orbitals, so they are checked first."""
    from pymatgen.electronic_structure.dos import CompleteDos

    with _in_one_line():
        check_orbitals({name for site in found["pdos"] for name in site})
        return CompleteDos.from_dict(found)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        # pymatgen raises these also where it finds no band edges.
        raise UserError(f"this is not a CompleteDos of pymatgen ({type(error).__name__}: {error})") from None


def _projected(found: CompleteDos, program: str) -> ProjectedDOS:
    from pymatgen.electronic_structure.core import Spin

    if not getattr(found, "pdos", None):
        raise UserError("the density of states is not projected on atoms; use the projected one")
    if found.efermi is None:
        raise UserError("the density of states has no Fermi level (efermi); download it again")
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
        program,
        len(structure),
        tuple(sorted({site.specie.symbol for site in structure})),
        f_there,
    )


def _valence_top(found: CompleteDos) -> float:
    """Valence band maximum; the Fermi level of a metal."""
    conduction, valence = found.get_cbm_vbm()
    return float(valence) if conduction > valence else float(found.efermi)


def _count_tags() -> Callable[[bytes], None]:
    """Counts the tags of an XML file, whose elements take up to 200 bytes of memory each."""
    count = 0

    def check(data: bytes) -> None:
        nonlocal count
        count += data.count(b"<")
        if count > MAX_TAGS:
            raise UserError(f"has more than {MAX_TAGS:,} tags; give a run with fewer energies, bands or ionic steps")

    return check


def complete_dos(path: str | Path, *, unconverged: bool = False) -> CompleteDos:
    """The `CompleteDos` of a `vasprun.xml`, possibly compressed. `unconverged` accepts a run that did not converge."""
    from pymatgen.io.vasp.outputs import Vasprun

    try:
        check_size(path, _count_tags())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = Vasprun(str(path), parse_potcar_file=False, parse_eigen=False)
            found, converged = run.complete_dos, run.converged_electronic
    except FileNotFoundError:
        raise UserError("does not exist; check the name") from None
    except UserError:
        raise
    except Exception as error:  # a damaged file makes the parser raise anything
        place = f" ({Path(path).name}, line {getattr(error, 'lineno', '')})"  # lxml repeats the position
        reason = reason_of(error).removesuffix(place)
        raise UserError(f"cannot be read as a vasprun.xml with a density of states ({reason})") from None
    if not (converged or unconverged):
        raise UserError(
            "the electronic steps reached NELM without convergence; continue the calculation or read it with "
            "esnet dos read --unconverged"
        )
    return found


def from_vasprun(path: str | Path, *, unconverged: bool = False) -> ProjectedDOS:
    """From a `vasprun.xml`, possibly compressed. `unconverged` accepts a run that did not converge."""
    try:
        return from_complete_dos(complete_dos(path, unconverged=unconverged))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None

"""Frequency-dependent dielectric functions of JARVIS-DFT (OptB88vdW), through jarvis-tools (extra `jarvis`).

The list of materials comes as one file, the dielectric function of each from a page of its own: 12,353 of them in the
Finder paper. Each is stored as it comes, and so is what a page lacks, so a stopped download resumes; a page without
optics is listed, not dropped in silence.
"""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from xml.parsers.expat import ExpatError

import numpy as np

from common.chem.crystal import Crystal
from common.chem.elements import NUMBERS
from common.data.materials import MaterialsDataset, Target
from common.errors import UserError
from common.io.files import cache_root, replacing, write_text
from common.io.messages import report_left_out
from common.io.progress import progress
from common.sources.filter_log import Traced

#: Energies of the common axis, eV; the article shows 0 to 30 and does not state its spacing.
AXIS = np.linspace(0.0, 30.0, 301)
ATTEMPTS = 4
#: Seconds before the second attempt; each further one waits twice as long.
PAUSE = 1.0
WITHOUT = "its page has no OptB88vdW dielectric function"
LATER = "fetched pages are stored; run the same command again to resume"


def jarvis_dielectric(ids: Sequence[str] | None = None, component: str = "xx") -> MaterialsDataset:
    """JARVIS-DFT dielectric functions, 0 to 30 eV: targets eps_re, eps_im (curves) and hull_distance (eV/atom)."""
    list_of_materials, page = _client()
    try:
        entries = {entry["jid"]: entry for entry in list_of_materials("dft_3d")}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"JARVIS' list dft_3d cannot be fetched ({_short(error)}); {LATER}") from None
    wanted = ids or _limit(list(entries))
    spectra, left_out = {}, {}
    for jid in progress(wanted, desc="JARVIS", unit="material"):
        if jid not in entries:
            left_out[jid] = "is not in the list dft_3d"
            continue
        try:
            spectra[jid] = _spectrum(jid, component, page)
        except NoAnswer:
            raise
        except UserError as error:
            left_out[jid] = str(error)
    report_left_out(left_out, len(spectra))
    crystals = [crystal_of(entries[jid]["atoms"]) for jid in spectra]
    hull = np.array([number_of(entries[jid].get("ehull")) for jid in spectra])
    curves = np.array(list(spectra.values()))
    targets = {
        "eps_re": Target(curves[:, 0], "1", AXIS, "eV"),
        "eps_im": Target(curves[:, 1], "1", AXIS, "eV"),
        "hull_distance": Target(hull, "eV/atom"),
    }
    return MaterialsDataset.from_structures(list(spectra), crystals, targets, origin="jarvis-dielectric")


def traced() -> Traced:
    """From the pages that were asked for to the dielectric functions that are used."""
    folder = cache_root() / "jarvis"
    count, lacking = len(list(folder.glob("*-xx.npy"))), [path.read_text() for path in folder.glob("*-xx.txt")]
    if not count:
        raise UserError("no dielectric function is fetched yet; run matrepro data get jarvis-dielectric (extra jarvis)")
    without = lacking.count(WITHOUT)
    asked = Traced("pages of JARVIS-DFT that were asked for", count + len(lacking))
    asked.count("with an OptB88vdW dielectric function", count + len(lacking) - without)
    return asked.count("from 0 to 30 eV, without gaps", count)


def _client():
    try:
        from jarvis.db.figshare import data
        from jarvis.db.webpages import Webpage
    except ImportError:
        raise UserError("jarvis-tools is not installed; install the extra: pip install -e '.[jarvis]'") from None
    return data, Webpage


def _limit(ids: list[str]) -> list[str]:
    """All of them, or the first MATREPRO_JARVIS_LIMIT for a try."""
    limit = os.environ.get("MATREPRO_JARVIS_LIMIT", "")
    return ids[: int(limit)] if limit.isdigit() else ids


def _spectrum(jid: str, component: str, page) -> np.ndarray:
    """Real and imaginary part (2, 301) on the common axis, from the cache where it is there."""
    path = cache_root() / "jarvis" / f"{jid}-{component}.npy"
    lacking = path.with_suffix(".txt")
    if lacking.exists():
        raise UserError(lacking.read_text())
    with suppress(OSError, ValueError, EOFError):  # not there, or damaged: then it is asked for
        return np.load(path, allow_pickle=False)
    try:
        found = _page(jid, page)
        energy, real, imaginary = (np.asarray(found[n]) for n in ("energies", f"real_{component}", f"imag_{component}"))
        reason = _reason(energy, real, imaginary)
    except (KeyError, TypeError, ValueError, IndexError):
        reason = WITHOUT
    if reason:
        write_text(lacking, reason)
        raise UserError(reason)
    spectrum = np.array([np.interp(AXIS, energy, part) for part in (real, imaginary)])
    _keep(path, spectrum)
    return spectrum


def _page(jid: str, page) -> dict:
    """Without a network nothing is left out: the download stops and says so."""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            return page(jid=jid).get_dft_semilocal_dielectric_function()
        except OSError as error:
            reason = _short(error)
        except ExpatError:
            reason = "its answer is damaged"
    raise NoAnswer(f"the page of {jid} cannot be fetched ({reason}); {LATER}")


class NoAnswer(UserError):
    """What ends a download, as against a page without optics."""


def _short(error: Exception) -> str:
    """What happened, without the addresses and library names of a connection error."""
    text = " ".join(str(error).split())
    return "it cannot be reached" if "Max retries" in text or "resolve" in text else text[:80]


def _reason(energy: np.ndarray, real: np.ndarray, imaginary: np.ndarray) -> str:
    """Why a dielectric function cannot be used, "" if it can."""
    if energy[0] > AXIS[0] + 1e-6 or energy[-1] < AXIS[-1] - 0.5 or not np.isfinite([real, imaginary]).all():
        return f"its dielectric function runs from {energy[0]:g} to {energy[-1]:g} eV only, or has gaps"
    return ""


def _keep(path: Path, spectrum: np.ndarray) -> None:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.save(file, spectrum, allow_pickle=False)


def crystal_of(atoms: dict) -> Crystal:
    """JARVIS' own form of a structure."""
    lattice = np.array(atoms["lattice_mat"], dtype=float)
    places = np.array(atoms["coords"], dtype=float)
    frac = places @ np.linalg.inv(lattice) if atoms.get("cartesian") else places
    return Crystal(np.array([NUMBERS[symbol.strip()] for symbol in atoms["elements"]]), lattice, frac)


def number_of(value) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")  # JARVIS writes "na"


SOURCES = {"jarvis-dielectric": jarvis_dielectric}

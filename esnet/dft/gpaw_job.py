"""One GPAW calculation as a script: `python gpaw_job.py job.json result.npz`.

It imports nothing of this project, so its Python needs only GPAW, ASE and numpy. An error is one line on stderr and
exit status 1. If standard input closes, the parent process is gone: the script deletes job and result and exits.
"""

import json
import os
import re
import sys
import threading
import time

#: GPAW's real spherical harmonics, in its order.
HARMONICS = (("s",), ("py", "pz", "px"), ("dxy", "dyz", "dz2", "dxz", "dx2-y2"))


def main(job_path, result_path):
    threading.Thread(target=_exit_with_parent, args=(job_path, result_path), daemon=True).start()
    # Modules beside this file must not shadow packages of the same name.
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.realpath(path or ".") != here]
    with open(job_path) as file:
        job = json.load(file)
    try:
        result = calculate(job)
    except Exception as error:
        sys.exit(_reason(error, job))
    import numpy as np

    np.savez(result_path, **result)


def _exit_with_parent(*paths):
    os.read(0, 1)  # not sys.stdin: its lock would block the shutdown of the interpreter
    try:
        for path in paths:
            if os.path.exists(path):
                os.remove(path)
        os.rmdir(os.path.dirname(paths[0]))
    finally:
        os._exit(1)


def _reason(error, job):
    name, text = type(error).__name__, " ".join(str(error).split())
    if name == "KohnShamConvergenceError":
        return f"the SCF did not converge in {job['iterations']} iterations"
    if name == "NotRelaxed":
        return f"not relaxed in {job['relaxation_steps']} steps"
    missing = re.search(r'dataset file "(\w+?)\.', text)
    if missing:
        return (
            f"GPAW finds no PAW dataset for {missing.group(1)}; "
            "its datasets (gpaw-data, GPAW_SETUP_PATH) lack the element or are not installed"
        )
    return f"GPAW stopped with {name}: {text}"


def calculate(job):
    start, cpu = time.time(), time.process_time()
    import ase
    import gpaw
    import numpy as np
    from ase import Atoms

    atoms = Atoms(numbers=job["numbers"], cell=job["cell"], scaled_positions=job["positions"], pbc=True)
    spin = job["moments"] is not None
    if spin:
        atoms.set_initial_magnetic_moments(job["moments"])
    steps = _relax(atoms, job) if job["relax"] else 0
    # After a relaxation start again with the plane waves of the final cell.
    atoms.calc = calculator = _calculator(job)
    scf = time.time()
    energy = atoms.get_potential_energy()
    scf = time.time() - scf
    found = _bands(calculator)
    facts = {
        "program": f"GPAW {gpaw.__version__}, ASE {ase.__version__}",
        "energy": float(energy),
        "fermi": float(calculator.get_fermi_level()),
        "moment": float(calculator.get_magnetic_moment()) if spin else 0.0,
        "valence_electrons": float(calculator.wfs.nvalence),
        "f_there": any(ell > 2 for setup in calculator.wfs.setups for ell in setup.l_j),
        "channels": [name for names in HARMONICS for name in names],
        "cell": np.asarray(atoms.cell).tolist(),
        "positions": atoms.get_scaled_positions().tolist(),
        "steps": steps,
        "scf_s": scf,
        "wall_s": time.time() - start,
        "cpu_s": time.process_time() - cpu,
    }
    return {**found, "facts": json.dumps(facts)}


def _calculator(job, **plane_waves):
    from gpaw import GPAW, PW, FermiDirac
    from gpaw.mixer import MixerDif

    spin = {}
    if job["moments"] is not None:
        # The default mixer loses the magnetic moment of PtFe; mixing the spin difference preserves it.
        spin = {"spinpol": True, "mixer": MixerDif(beta=0.1, nmaxold=8, weight=10.0)}
    return GPAW(
        mode=PW(job["cutoff"], **plane_waves),
        xc=job["xc"],
        kpts={"size": job["mesh"], "gamma": True},
        occupations=FermiDirac(job["smearing"]),
        convergence={"energy": job["convergence"]},
        maxiter=job["iterations"],
        nbands=-job["empty_bands"],
        # Starting from atomic orbitals costs more than it saves with plane waves.
        random=True,
        txt=None,
        **spin,
    )


def _relax(atoms, job):
    """Relax cell and atoms until no force exceeds `job["relax"]` (eV/angstrom); returns the number of steps."""
    from ase.optimize import BFGS

    try:
        from ase.filters import FrechetCellFilter as Cell
    except ImportError:  # before ASE 3.23
        from ase.constraints import ExpCellFilter as Cell

    # With a fixed number of plane waves the stress compresses the cell too much; GPAW estimates the correction.
    atoms.calc = _calculator(job, dedecut="estimate")
    search = BFGS(Cell(atoms), logfile=None)
    if not search.run(fmax=job["relax"], steps=job["relaxation_steps"]):
        raise NotRelaxed
    return search.get_number_of_steps()


class NotRelaxed(Exception):
    pass


def _bands(calculator):
    """Eigenvalues (spins, k, bands) in eV, projections (spins, k, bands, 9), irreducible index of each k-point."""
    import numpy as np

    wfs, points = calculator.wfs, calculator.wfs.kd
    overlaps = [_overlaps(setup) for setup in wfs.setups]
    averages = _averages(points.symmetry, np.asarray(calculator.atoms.cell))
    shape = points.nspins, points.nibzkpts, wfs.bd.nbands
    eigenvalues, weights = np.zeros(shape), np.zeros((*shape, 9))
    for wave in wfs.kpt_u:
        eigenvalues[wave.s, wave.k] = calculator.get_eigenvalues(kpt=wave.k, spin=wave.s)
        for a, projections in wave.projections.items():
            for ell, (columns, overlap) in overlaps[a].items():
                p = projections[:, columns]  # (bands, partial waves, m)
                density = np.einsum("nik,ij,njl->nkl", p.conj(), overlap, p).real
                found = np.einsum("mkl,nkl->nm", averages[ell], density)
                weights[wave.s, wave.k, :, ell * ell : (ell + 1) ** 2] += found
    return {"eigenvalues": eigenvalues, "weights": weights, "irreducible": np.asarray(points.bz2ibz_k)}


def _overlaps(setup):
    """For s, p, d: columns (partial waves, m) of the projections and overlaps of the waves inside the PAW sphere."""
    import numpy as np

    inside = setup.rgd.ceil(max(setup.rcut_j))
    measure = (setup.rgd.r_g**2 * setup.rgd.dr_g)[:inside]
    firsts = np.cumsum([0, *(2 * ell + 1 for ell in setup.l_j)])
    found = {}
    for ell in sorted({ell for ell in setup.l_j if ell <= 2}):
        which = [j for j, other in enumerate(setup.l_j) if other == ell]
        waves = np.array([setup.data.phi_jg[j][:inside] for j in which])
        found[ell] = firsts[which][:, None] + np.arange(2 * ell + 1), (waves * measure) @ waves.T
    return found


def _averages(symmetry, cell):
    """For s, p, d: (m, k, l), the mean over the point group of R[m, k] R[m, l].

    A k-point of the irreducible wedge represents its star, whose members have rotated m components.
    """
    import numpy as np
    from gpaw.rotation import rotation

    turns = [np.linalg.inv(cell) @ operation @ cell for operation in symmetry.op_scc]
    averages = []
    for ell in range(3):
        matrices = np.array([rotation(ell, turn) for turn in turns])
        averages.append(np.einsum("smk,sml->mkl", matrices, matrices) / len(turns))
    return averages


if __name__ == "__main__":
    main(*sys.argv[1:])

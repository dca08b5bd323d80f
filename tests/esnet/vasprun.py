"""A small `vasprun.xml` for tests: two silicon atoms, one k-point, nine orbitals."""

from __future__ import annotations

from pathlib import Path

import numpy as np

ORBITALS = ("s", "py", "pz", "px", "dxy", "dyz", "dz2", "dxz", "x2-y2")
HEAD = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
<generator><i name="program" type="string">vasp</i><i name="version" type="string">6.3.0</i></generator>
<incar><i type="int" name="NELM">60</i></incar>
<kpoints><generation param="Gamma"><v type="int" name="divisions">1 1 1</v><v name="usershift">0 0 0</v></generation>
<varray name="kpointlist"><v>0 0 0</v></varray><varray name="weights"><v>1</v></varray></kpoints>
<parameters><separator name="electronic"><i type="int" name="NELM">60</i><i type="int" name="ISPIN">1</i></separator>
<i type="int" name="NSW">0</i><i type="int" name="IBRION">-1</i><i type="logical" name="LORBIT">T</i></parameters>
<atominfo><atoms>2</atoms><types>1</types>
<array name="atoms"><set><rc><c>Si</c><c>1</c></rc><rc><c>Si</c><c>1</c></rc></set></array>
<array name="atomtypes"><set><rc><c>2</c><c>Si</c><c>28.085</c><c>4</c><c>PAW_PBE Si 05Jan2001</c></rc></set></array>
</atominfo>
"""
STRUCTURE = """<structure{name}><crystal><varray name="basis"><v>4 0 0</v><v>0 4 0</v><v>0 0 4</v></varray>
<i name="volume">64</i><varray name="rec_basis"><v>0.25 0 0</v><v>0 0.25 0</v><v>0 0 0.25</v></varray></crystal>
<varray name="positions"><v>0 0 0</v><v>0.5 0.5 0.5</v></varray></structure>
"""


def vasprun(path: Path, points: int = 40) -> Path:
    """Write the file; densities on `points` energies from -15 to 15 eV."""
    energies = np.linspace(-15, 15, points)
    density = np.exp(-0.5 * (energies + 3) ** 2)
    total = "".join(f"<r>{e:.4f} {d:.4f} 0</r>" for e, d in zip(energies, density, strict=True))
    rows = "".join(f"<r>{e:.4f}{f' {d:.4f}' * 9}</r>" for e, d in zip(energies, density, strict=True))
    fields = "<field>energy</field>" + "".join(f"<field>{name}</field>" for name in ORBITALS)
    ions = "".join(f'<set comment="ion {k}"><set comment="spin 1">{rows}</set></set>' for k in (1, 2))
    energy = '<energy><i name="e_fr_energy">-10</i><i name="e_wo_entrp">-10</i><i name="e_0_energy">-10</i></energy>'
    path.write_text(
        HEAD
        + STRUCTURE.format(name=' name="initialpos"')
        + f"<calculation><scstep>{energy}</scstep>"
        + STRUCTURE.format(name="")
        + f"{energy}<dos><i name='efermi'>1.0</i><total><array><set><set comment='spin 1'>{total}</set></set></array>"
        + f"</total><partial><array>{fields}<set>{ions}</set></array></partial></dos></calculation>\n"
        + STRUCTURE.format(name=' name="finalpos"')
        + "</modeling>\n"
    )
    return path

"""Structure files as users have them, sound and broken, written by the tests that read them."""

#: Rock salt in its primitive cell, without symmetry: pymatgen takes seconds to work out the operations of Fm-3m.
CIF = """data_NaCl
_cell_length_a 3.988082
_cell_length_b 3.988082
_cell_length_c 3.988082
_cell_angle_alpha 60
_cell_angle_beta 60
_cell_angle_gamma 60
loop_
_symmetry_equiv_pos_as_xyz
'x, y, z'
loop_
_atom_site_type_symbol
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na Na1 0 0 0 1
Cl Cl1 0.5 0.5 0.5 1
"""
POSCAR = """rock salt
1.0
0.00 2.82 2.82
2.82 0.00 2.82
2.82 2.82 0.00
Na Cl
1 1
Direct
0.0 0.0 0.0
0.5 0.5 0.5
"""

#: file name -> content, and words of the reason for which it is refused
BROKEN = {
    "empty.cif": ("", "the file is empty"),
    "blank.cif": (" \n\n", "the file is empty"),
    "text.cif": ("hello\n", "cannot be read as a structure"),
    "binary.cif": ("\x00\x01\x02" * 50, "cannot be read as a structure"),
    "cut.cif": (CIF[: CIF.index("_atom")], "cannot be read as a structure"),
    "unknown_position.cif": (CIF.replace("0.5 0.5 0.5", "? ? ?"), "cannot be read as a structure"),
    "partial.cif": (CIF.replace("0 0 0 1", "0 0 0 0.5"), "partial occupancy"),
    "deuterium.cif": (CIF.replace("Na Na1", "D D1"), "holds deuterium"),
    "dummy.cif": (CIF.replace("Na Na1", "Xx Xx1"), "Xx is not a chemical element"),
    "unknown_element.cif": (CIF.replace("Na Na1", "Qq Qq1"), "Qq is not a chemical element"),
    "no_hydrogen.cif": (CIF + "\n_chemical_formula_sum 'Na Cl H2'\n", "elements that have no position"),
    "other_formula.cif": (CIF + "\n_chemical_formula_sum 'Na Cl3'\n", "disagree"),
    "two.cif": (CIF + CIF.replace("data_NaCl", "data_other"), "holds 2 structures"),
    "POSCAR_cut": (POSCAR[:30], "cannot be read as a structure"),
    "POSCAR_short": (POSCAR.replace("1 1\n", "1 2\n"), "cannot be read as a structure"),
    "POSCAR_nameless": (POSCAR.replace("Na Cl\n", ""), "element names are missing"),
    "POSCAR_tritium": (POSCAR.replace("Na Cl\n", "T Cl\n"), "holds tritium"),
    "POSCAR_flat": (POSCAR.replace("2.82 2.82 0.00", "2.82 0.00 2.82"), "no volume"),
    "POSCAR_nan": (POSCAR.replace("0.5 0.5 0.5", "0.5 nan 0.5"), "not a number"),
}

"""Materials of a made-up Materials Project, and how the tests ask for them."""

from pathlib import Path

import numpy as np

from common.sources.remote.mp_client import Client


def record(k: int, symbols: list[str], **facts) -> dict:
    """What the summary endpoint has of a cubic cell of these atoms."""
    sites = [
        {"species": [{"element": symbol, "occu": 1}], "abc": [0.1 * i, 0.0, 0.5], "label": symbol}
        for i, symbol in enumerate(symbols)
    ]
    elements = list(dict.fromkeys(symbols))
    return {
        "material_id": f"mp-{k}",
        "formula_pretty": "".join(elements),
        "structure": {"lattice": {"matrix": (np.eye(3) * (4 + k / 100)).tolist()}, "sites": sites},
        "formation_energy_per_atom": -0.01 * k,
        "energy_per_atom": -3.0 - 0.01 * k,
        "band_gap": 0.5 * (k % 3),
        "energy_above_hull": 0.0,
        "n": 2.0,
        "bulk_modulus": {"voigt": 101.0, "reuss": 99.0, "vrh": 100.0},
        "shear_modulus": {"vrh": 50.0},
        "elements": elements,
        "nelements": len(elements),
        "nsites": len(symbols),
        "has_props": ["dielectric", "elasticity", "dos"],
        **facts,
    }


def client(world, **options) -> Client:
    return Client(endpoint=world.address, **options)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

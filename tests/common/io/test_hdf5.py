"""Whatever is wrong in an HDF5 file ends in one line that names it."""

import numpy as np
import pytest

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.hdf5 import guarded, reading_hdf5, writing_hdf5
from common.sources import densities, mini


@pytest.mark.parametrize(
    "error", [KeyError("x"), OSError("bad chunk"), ValueError("a\nb"), RuntimeError("no"), TypeError()]
)
def test_the_guard_names_the_file(error):
    with pytest.raises(UserError, match=r"^some\.h5 is damaged or has another layout \(") as caught, guarded("some.h5"):
        raise error
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"^as it is$"), guarded("some.h5"):
        raise UserError("as it is")


def test_a_block_of_reading(tmp_path):
    with writing_hdf5(tmp_path / "a.h5") as file:
        file["x"] = [1, 2]
    with reading_hdf5(tmp_path / "a.h5") as file:
        assert file["x"][1] == 2
    with (
        pytest.raises(UserError, match=r"a\.h5 is damaged or has another layout"),
        reading_hdf5(tmp_path / "a.h5") as file,
    ):
        file["y"][:]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offset", np.array([0, 5])),
        ("offset", "text"),
        ("lattice", np.zeros((2, 3))),
        ("z", np.zeros(1, np.uint8)),
        ("frac", np.zeros((3, 2))),
        ("formula", [b"Si"]),
        ("formula", 3.0),
    ],
)
def test_arrays_that_do_not_fit_each_other(tmp_path, mini, name, value):
    path = tmp_path / "a.h5"
    mini.take(np.arange(4)).to_hdf5(path)
    assert len(MaterialsDataset.from_hdf5(path)) == 4
    image = path.read_bytes()
    with writing_hdf5(path, onto=image) as file:
        del file[name]
        file[name] = value
    with pytest.raises(UserError, match=r"a\.h5") as caught:
        MaterialsDataset.from_hdf5(path)
    assert "\n" not in str(caught.value)


def _read_all(path) -> None:
    dataset = densities.load(path) if densities.is_densities_file(path) else MaterialsDataset.from_hdf5(path)
    for row in range(len(dataset)):
        if dataset.has_structures:
            dataset.structure(row)
        if dataset.has_densities:
            dataset.dos(row)


@pytest.mark.parametrize("kind", ["table", "densities"])
def test_flipped_bytes_end_in_one_line_or_in_a_dataset(tmp_path, kind):
    """Sixty damaged copies of each kind of file; what is read without an error is a dataset of the same form."""
    path, random = tmp_path / "a.h5", np.random.default_rng(0)
    if kind == "table":
        mini.load().take(np.arange(6)).to_hdf5(path)
    else:
        with reading_hdf5(mini.PATH) as whole, writing_hdf5(path) as file:
            for name, value in whole.attrs.items():
                file.attrs[name] = value
            for name in list(whole["materials"])[:3]:
                whole.copy(whole["materials"][name], file.require_group("materials"), name)
    image = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(image)
        for place in random.integers(0, len(image), 20):
            damaged[place] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        try:
            _read_all(path)
        except UserError as error:
            assert "\n" not in str(error)

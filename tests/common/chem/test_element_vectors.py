"""Element vectors: their sizes, and equality with their sources."""

import hashlib
import json

import numpy as np
import pytest

from common.chem.element_vectors import NAMES, element_vectors
from common.chem.elements import NUMBERS
from common.errors import UserError

SIZES = {
    "matscholar": (200, 103),
    "mat2vec": (200, 118),
    "megnet16": (16, 94),
    "magpie": (22, 97),
    "onehot": (112, 112),
    "cgcnn": (92, 100),
}
#: SHA-256 of the float32 tables read from ElementEmbeddings 0.8.0 and matminer 0.10.1 themselves.
DIGESTS = {
    "matscholar": "1df2c72f4e336cbc",
    "mat2vec": "c02ea3e9e62a92be",
    "megnet16": "995465a8bec78b32",
    "magpie": "70128e54c573c4b2",
    "cgcnn": "013ac04a6fd12413",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_equal_to_their_sources_to_the_last_bit(name):
    table = np.ascontiguousarray(element_vectors(name).table, dtype="<f4")
    assert hashlib.sha256(table.tobytes()).hexdigest()[:16] == DIGESTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_sizes(name):
    vectors = element_vectors(name)
    assert (len(vectors), int(vectors.available.sum())) == SIZES[name]
    assert vectors.table.shape == (119, len(vectors)) and np.isfinite(vectors.table).all()
    known = vectors.table[vectors.available]
    # The vectors tell elements apart, but for those of CGCNN some lanthanides and actinides.
    assert len(np.unique(known, axis=0)) >= len(known) - (8 if name == "cgcnn" else 2)


def test_the_two_word_embeddings_differ():
    assert np.abs(element_vectors("matscholar").table - element_vectors("mat2vec").table)[:104].max() > 0.1


def test_missing_elements_are_named():
    element_vectors("megnet16").check(np.array([1, 94]))
    with pytest.raises(UserError, match="'megnet16' do not cover Am, Cf"):
        element_vectors("megnet16").check(np.array([8, 98, 95]))
    with pytest.raises(UserError, match="unknown element vectors 'word2vec'"):
        element_vectors("word2vec")


@pytest.mark.real
@pytest.mark.parametrize(("file", "name"), [("mat2vec", "matscholar"), ("megnet16", "megnet16"), ("onehot", "onehot")])
def test_equal_to_the_files_of_the_release(real_data, file, name):
    """What the release calls mat2vec is the package's matscholar."""
    released = json.loads((real_data / "embeddings" / f"{file}-embedding.json").read_text())
    rows = {NUMBERS[symbol]: vector for symbol, vector in released.items() if symbol in NUMBERS}
    ours = element_vectors(name).table[list(rows)]
    assert np.abs(ours - np.array(list(rows.values()))).max() < 1e-7


def test_the_vectors_of_cgcnn_are_those_that_profitnet_rebuilds():
    """Two ways to one table: the file of CGCNN's authors, and bins of elemental properties."""
    from profitnet.atoms import atom_vectors

    ours = element_vectors("cgcnn").table
    assert np.array_equal(ours[1:100], atom_vectors()[1:, 32:124]) and set(np.unique(ours)) == {0, 1}

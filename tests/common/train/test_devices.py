"""Seeds, threads and precision; and that nothing heavy is loaded before it is needed."""

import json
import random
import subprocess
import sys

import numpy as np
import pytest

from common.train import devices

HEAVY = ("tensorflow", "keras", "pymatgen", "matminer", "pandas", "matplotlib", "sklearn", "joblib", "shap", "torch")


def in_a_fresh_process(code: str) -> dict:
    """What `code` leaves in `result`, and what it wrote to standard error."""
    code += f"\nimport json, sys\nprint(json.dumps([result, [name for name in {HEAVY} if name in sys.modules]]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    result, heavy = json.loads(done.stdout.splitlines()[-1])
    return {"result": result, "heavy": heavy, "stderr": done.stderr}


def test_importing_the_shared_modules_loads_nothing_heavy():
    found = in_a_fresh_process(
        "import common.features.cache, common.chem.crystal, common.train.devices, common.io.hdf5\n"
        "import common.chem.lattice, common.data.materials\n"
        "import common.data.metrics, common.data.predictions, common.features.ragged, common.train.regressor\n"
        "import common.sources, common.data.splits\n"
        "import common.train.loop, common.chem.voronoi, common.baselines.classical\n"
        "result = len(common.sources.load_source('mini'))"
    )
    assert found == {"result": 336, "heavy": [], "stderr": ""}


def test_a_fresh_process_starts_without_a_word_keeps_to_its_threads_and_may_be_set_up_again():
    found = in_a_fresh_process(
        "import os\n"
        "from common.train import devices\n"
        "devices.setup(1, threads=1)\n"
        "import keras\n"
        "keras.ops.convert_to_numpy(keras.ops.ones((9, 9)) @ keras.ops.ones((9, 9)))\n"
        "threads = 1\n"
        "if keras.backend.backend() == 'tensorflow':\n"
        "    import tensorflow as tf\n"
        "    threads = tf.config.threading.get_intra_op_parallelism_threads()\n"
        "first = os.environ['OMP_NUM_THREADS']\n"
        "devices.setup(2, threads=2, deterministic=True)\n"
        "result = [threads, first, keras.random.uniform((2,)).shape[0]]\n"
    )
    assert found["result"] == [1, "1", 2]
    assert found["stderr"] == ""


def test_one_seed_fixes_every_generator():
    def draw(seed):
        devices.setup(seed)
        import keras

        layer = keras.layers.Dense(4)
        layer.build((None, 3))
        dropped = keras.layers.Dropout(0.5)(np.ones((4, 8), dtype=np.float32), training=True)
        return [
            random.random(),
            np.random.rand(),
            *np.ravel(layer.get_weights()[0]).tolist(),
            *np.ravel(keras.ops.convert_to_numpy(dropped)).tolist(),
        ]

    assert draw(5) == draw(5) != draw(6)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_is_set_and_taken_back(precision):
    devices.setup(0, precision=precision)
    import keras

    try:
        assert keras.mixed_precision.global_policy().name == f"mixed_{precision}"
    finally:
        devices.setup(0)
    assert keras.mixed_precision.global_policy().name == "float32"


def test_the_description_that_is_stored_beside_results():
    found = devices.describe()
    assert set(found) == {"backend", "accelerator", "processor", "cores"}
    assert all(isinstance(value, str) and value for value in found.values())
    assert found["backend"] in ("tensorflow", "jax", "torch") and int(found["cores"]) >= 1


def test_standard_error_works_again_after_the_quiet_start(capfd):
    devices.quiet_backend()
    print("heard", file=sys.stderr, flush=True)
    assert "heard" in capfd.readouterr().err


def test_commands_start_keras_without_what_they_do_not_need():
    code = (
        "import sys\nfrom common.train import devices\ndevices.start_fast()\ndevices.quiet_backend()\n"
        "print(sorted(set(devices.EXTRAS) & set(sys.modules)))\n"
        "import pandas, sklearn.base, matplotlib\nprint(pandas.DataFrame({'a': [1]}).a.sum())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["[]", "1"], done.stderr

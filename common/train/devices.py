"""Devices, precision, seeds and determinism, for whichever Keras backend is in use."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from importlib.util import find_spec
from typing import Any

from common.errors import UserError

#: Values of KERAS_BACKEND, which are the names of packages too.
BACKENDS = ("tensorflow", "jax", "torch")
#: Half precision: float16 is fast on GPUs, bfloat16 on processors that have instructions for it.
PRECISIONS = ("float32", "float16", "bfloat16")
#: What keras imports for wrappers and plots where it is installed, a third of its start; commands need none of them.
EXTRAS = ("sklearn", "matplotlib", "pandas")


def check_backend() -> None:
    """Refuse a KERAS_BACKEND that does not exist or is not installed; nothing is imported."""
    name = os.environ.get("KERAS_BACKEND", "")
    if not name:
        return
    if name not in BACKENDS:
        raise UserError(f"KERAS_BACKEND is {name!r}; choose one of {', '.join(BACKENDS)}")
    if name not in sys.modules and find_spec(name) is None:
        raise UserError(f"KERAS_BACKEND is {name}, which is not installed; pip install {name}, or unset KERAS_BACKEND")


_without: tuple[str, ...] = ()


def start_fast() -> None:
    """Let keras start without `EXTRAS`, in a process that is one of our commands; all can be imported after it."""
    global _without
    _without = EXTRAS


def quiet_backend() -> None:
    """Import keras and its backend without TensorFlow's start-up notes, which go straight to file descriptor 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow chooses oneDNN by itself only on processors with AVX-512; its convolutions are faster on all of them.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "keras" in sys.modules or "TF_CPP_VMODULE" in os.environ:
        return
    sys.stderr.flush()
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    absent: dict[str, Any] = dict.fromkeys(name for name in _without if name not in sys.modules)
    try:
        os.dup2(nowhere, 2)
        sys.modules.update(absent)  # None: Python then says that there is no such module
        import keras  # noqa: F401
    finally:
        for name in absent:
            del sys.modules[name]
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def setup(seed: int = 0, *, deterministic: bool = False, precision: str = "float32", threads: int = 0) -> None:
    """Seed every generator, let GPUs take memory as they need it, and set precision and threads.

    `deterministic=True` makes runs with the same seed bitwise identical, at some cost in speed.
    precision: of products and sums within layers, one of PRECISIONS; weights are float32 with all of them.
    """
    quiet_backend()
    if threads:
        _limit_threads(threads)
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # A new batch shape is traced again; TensorFlow would print a paragraph about it.
        tf.get_logger().setLevel("ERROR")
        for gpu in tf.config.list_physical_devices("GPU"):
            with contextlib.suppress(RuntimeError):  # the GPU is already in use by this process
                tf.config.experimental.set_memory_growth(gpu, True)
        if deterministic:
            tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch" and deterministic:
        import torch

        torch.use_deterministic_algorithms(True)
    keras.mixed_precision.set_global_policy(precision if precision == "float32" else f"mixed_{precision}")
    keras.utils.set_random_seed(seed)


def _limit_threads(threads: int) -> None:
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError:  # TensorFlow has started already and keeps its threads
            pass
    elif keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(threads)


def describe(*, backend: bool = True) -> dict[str, str]:
    """Processor, cores, backend and accelerators, as stored beside every result.

    `backend=False` leaves out the last two and so starts no backend.
    """
    machine = {"processor": processor(), "cores": str(os.cpu_count())}
    return machine | _accelerators() if backend else machine


def _accelerators() -> dict[str, str]:
    quiet_backend()
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        details = tf.config.experimental.get_device_details
        gpus = [details(gpu).get("device_name", gpu.name) for gpu in tf.config.list_physical_devices("GPU")]
    elif backend == "jax":
        import jax

        gpus = [d.device_kind for d in jax.devices() if d.platform != "cpu"]
    else:
        import torch

        gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"backend": backend, "accelerator": ", ".join(gpus) or "none"}


def processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()

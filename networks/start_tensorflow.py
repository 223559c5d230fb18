"""Imports TensorFlow without the developer messages that it prints on start-up."""

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def silenced_stderr() -> Iterator[None]:
    """Discards what libraries write to the error stream, also below Python."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
with silenced_stderr():
    import tensorflow as tf

    # A product that TensorFlow shares among threads depends on their number in its last digits. The LSTM layer and
    # predictions have threads of their own, whose number makes no difference.
    tf.config.threading.set_intra_op_parallelism_threads(int(os.environ.get("TF_NUM_INTRAOP_THREADS", 1)))
    tf.get_logger().setLevel("ERROR")  # hints for developers, mainly about retracing
    tf.config.list_physical_devices("GPU")  # looks for CUDA now, while its messages are discarded

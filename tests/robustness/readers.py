"""Every reader of files from others, with a small file that it accepts."""

from tests.robustness.data_readers import DATA_READERS
from tests.robustness.declared_readers import DECLARED_READERS
from tests.robustness.model_readers import MODEL_READERS

READERS = (*DATA_READERS, *MODEL_READERS, *DECLARED_READERS)

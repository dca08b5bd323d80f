"""What all four papers share: tables of materials, splits, training, predictions, metrics.

Importing this package loads neither a deep-learning backend nor pymatgen; modules that need one
import it inside the function that uses it.
"""

__version__ = "0.1.0"

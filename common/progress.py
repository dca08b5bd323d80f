"""One progress bar for everything; silent where no terminal watches."""

import sys


def progress(iterable=None, *, total: int | None = None, desc: str = "", unit: str = "it", initial: int = 0):
    from tqdm import tqdm

    return tqdm(
        iterable,
        total=total,
        desc=desc,
        unit=unit,
        initial=initial,
        disable=not sys.stderr.isatty(),
        delay=1.0,
        leave=False,
    )

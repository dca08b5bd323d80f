"""One progress bar for everything; silent where no terminal watches, or where tqdm is not installed."""

import sys


def progress(iterable=None, *, total: int | None = None, desc: str = "", unit: str = "it", initial: int = 0):
    try:
        from tqdm import tqdm
    except ImportError:  # a machine that only trains
        return _Silent(iterable)
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


class _Silent:
    """As much of a bar as is used here."""

    def __init__(self, iterable):
        self.iterable = iterable

    def __iter__(self):
        return iter(self.iterable)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def update(self, n: int = 1) -> None:
        """Show nothing."""

    def set_postfix(self, *facts, **more) -> None:
        """Show nothing."""

    def close(self) -> None:
        """There is nothing to close."""

"""`python -m tests.robustness.run [--mutants N] [--output FILE] [READER ...]`: a table of what damaged files do.

Each reader works in a process of its own, whose peak memory is measured; a read that takes over 20 s of processor time,
or 200 s on a busy machine, is a hang.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

LONGEST, LONGEST_WAIT, LARGEST_MB = 20, 200, 1000
HEADER = ("reader", "mutants", "read", "refused in one line", "exceptions", "hangs", "longest (s)", "memory (MB)")


class Hang(BaseException):
    """Not an Exception, so that no reader can swallow it."""


def _alarm(number: int, frame: object) -> None:
    raise Hang


def _timers(processor: float, wait: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, processor)
    signal.setitimer(signal.ITIMER_REAL, wait)


def fuzz(name: str, count: int, seed: int = 0) -> dict:
    """Read `count` mutants of one reader's file in this process."""
    from common.errors import UserError
    from tests.robustness.mutants import mutant
    from tests.robustness.readers import READERS

    reader = next(one for one in READERS if one.name == name)
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, _alarm)
    random, found, longest, faults = Random(f"{name}-{seed}"), Counter(), 0.0, []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / name
        reader.make(path)
        whole = path.read_bytes()
        reader.read(path)  # the file itself is accepted
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for k in range(count):
            path.unlink()  # an open HDF5 file must not be written over
            path.write_bytes(mutant(whole, random, text=reader.text))
            started = time.process_time()
            try:
                _timers(LONGEST, LONGEST_WAIT)
                reader.read(path)
                found["read"] += 1
            except UserError as error:
                found["refused" if "\n" not in str(error) else "exceptions"] += 1
                if "\n" in str(error):
                    faults.append(f"mutant {k}: a message of several lines: {error!s:.200}")
            except Hang:
                found["hangs"] += 1
                faults.append(f"mutant {k}: over {LONGEST} s")
            except Exception as error:
                found["exceptions"] += 1
                where = traceback.extract_tb(error.__traceback__)[-1]
                faults.append(f"mutant {k}: {type(error).__name__}: {error!s:.150} ({where.filename}:{where.lineno})")
            finally:
                _timers(0, 0)
            longest = max(longest, time.process_time() - started)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    states = {state: found[state] for state in ("read", "refused", "exceptions", "hangs")}
    return {"reader": name, "mutants": count, **states, "longest": longest, "memory": memory, "faults": faults}


def apart(name: str, count: int) -> dict:
    """The same in a new process; one that dies counts as an exception."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.robustness.readers"])  # imported once
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, name, count))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        process.join()
        fault = f"the process ended with {process.exitcode}"
        states = {"read": 0, "refused": 0, "exceptions": 1, "hangs": 0}
        return {"reader": name, "mutants": count, **states, "longest": 0.0, "memory": 0.0, "faults": [fault]}


def _send(sender: Any, name: str, count: int) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the readers' notes of what they leave out
    sender.send(fuzz(name, count))


def as_table(results: list[dict]) -> str:
    lines = [HEADER, ["---"] + ["---:"] * (len(HEADER) - 1)]
    for one in results:
        counts = [str(one[name]) for name in ("reader", "mutants", "read", "refused", "exceptions", "hangs")]
        lines.append([*counts, f"{one['longest']:.2f}", f"{one['memory']:.0f}"])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def renew(page: Path, results: list[dict]) -> None:
    """Replace the rows of these readers in the table at the end of a page; those of others stay."""
    from tests.robustness.readers import READERS

    before, _, table = page.read_text().partition("| reader |")
    rows = {line.split("|")[1].strip(): line for line in table.splitlines()[2:]}
    head, rule, *new = as_table(results).splitlines()
    rows |= {line.split("|")[1].strip(): line for line in new}
    lines = [head, rule, *(rows[one.name] for one in READERS if one.name in rows)]
    page.write_text(before + "\n".join(lines) + "\n")


def main() -> int:
    from tests.robustness.readers import READERS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER")
    parser.add_argument("--mutants", type=int, default=300)
    parser.add_argument("--output", type=Path, help="renew these rows of the table in this page")
    arguments = parser.parse_args()
    results = []
    for name in arguments.readers or [one.name for one in READERS]:
        results.append(found := apart(name, arguments.mutants))
        print(as_table(results) if len(results) == 1 else as_table([found]).splitlines()[-1] + "\n", end="", flush=True)
        print("".join(f"{name}: {fault}\n" for fault in found["faults"][:5]), end="", file=sys.stderr, flush=True)
    if arguments.output:
        renew(arguments.output, results)
    return int(any(one["faults"] or one["memory"] > LARGEST_MB for one in results))


if __name__ == "__main__":
    raise SystemExit(main())

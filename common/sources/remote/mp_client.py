"""The Materials Project through mp-api (extra `mp`) with the user's key: ids of a query, and records page by page.

mp-api itself waits where the service asks it to (status 429). What is left, a server that fails or an answer that
breaks off, is asked again here; what the user can fix is reported in one line.
"""

from __future__ import annotations

import logging
import os
import re
import time
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property

from common.errors import UserError

ATTEMPTS = 5
#: Seconds before the second attempt; each further one waits twice as long.
PAUSE = 1.0
#: Seconds between two requests, well below what the service allows.
APART = 0.1
#: Ids a request asks for; their address stays below 3,000 characters.
PAGE = 200
KEY_PAGE = "next-gen.materialsproject.org/api"
#: What mp-api says of a material without densities of states.
ABSENT = ("No density of states", "No DOS data", "No electronic structure data", "No object found")
OFFLINE = (
    "what is fetched already stays; without a network use a copy of its .h5 under mp_api/ of the data directory, "
    "or the embedded set (mini)"
)


class Client:
    """`with Client() as client: client.ids({"band_gap": (0, 1)})`. `version` is that of the database."""

    def __init__(self, key: str = "", endpoint: str = "", *, apart: float = APART):
        key = key or _key()
        self.apart, self._last = apart, 0.0
        try:
            from mp_api.client import MPRester
        except ImportError:
            raise UserError("mp-api is not installed; install the extra: pip install -e '.[mp]'") from None
        logging.getLogger("mp_api").setLevel(logging.ERROR)
        options = {"endpoint": endpoint} if endpoint else {}
        self.rester = self._asked(
            lambda: MPRester(key, mute_progress_bars=True, use_document_model=False, **options), "the database version"
        )
        self.version = self.rester.db_version or "unknown"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_) -> None:
        self.rester.session.close()

    @cached_property
    def _summary(self):
        return self.rester.materials.summary

    @cached_property
    def _dos(self):
        """Reused, since a new one reads the description of the store's tables again: seconds for each material."""
        return self.rester.materials.electronic_structure_dos

    def ids(self, criteria: dict) -> dict[str, str]:
        """Material id -> formula for everything that meets the criteria."""
        found = self._asked(
            lambda: self._summary.search(**criteria, fields=["material_id", "formula_pretty"], chunk_size=1000),
            "the list of ids",
        )
        return {str(record["material_id"]): str(record["formula_pretty"]) for record in found}

    def page(self, ids: Sequence[str], fields: Sequence[str]) -> list[dict]:
        """The records of at most `PAGE` ids; ids that the database has no more are missing."""
        wanted = ["material_id", "formula_pretty", "structure", *fields]
        return self._asked(
            lambda: self._summary.search(material_ids=list(ids), fields=wanted, chunk_size=PAGE, num_chunks=1),
            f"the records from {ids[0]} on",
        )

    def densities(self, material_id: str):
        """pymatgen's `CompleteDos` of a material."""
        return self._asked(
            lambda: self._dos.get_dos_from_material_id(material_id, load_projections=True),
            f"the densities of states of {material_id}",
        )

    def _asked(self, ask: Callable, what: str):
        from deltalake.exceptions import DeltaError
        from mp_api.client.core.exceptions import MPRestError

        for attempt in range(ATTEMPTS):
            time.sleep(max(0.0, self._last + self.apart - time.monotonic()))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return ask()
            except (MPRestError, DeltaError, OSError, ValueError, KeyError) as error:
                _refused(error)
                if attempt == ATTEMPTS - 1:
                    raise UserError(
                        f"the Materials Project did not give {what} in {ATTEMPTS} attempts ({_short(error)}); "
                        f"{OFFLINE}; run the same command again to resume"
                    ) from None
                time.sleep(PAUSE * 2**attempt)
            finally:
                self._last = time.monotonic()
        raise AssertionError("an attempt gives an answer or an error")


def _key() -> str:
    key = os.environ.get("MP_API_KEY", "")
    if not key:
        from pymatgen.core import SETTINGS

        key = SETTINGS.get("PMG_MAPI_KEY", "")
    if not key:
        raise UserError(f"MP_API_KEY is not set; get a key of your own at {KEY_PAGE} and export it; or {OFFLINE}")
    if len(key) != 32:
        raise UserError(f"MP_API_KEY has {len(key)} characters, a key has 32; copy it again from {KEY_PAGE}")
    return key


def _refused(error: Exception) -> None:
    """Raise for what asking again would not change."""
    status = re.search(r"status code (\d+)", str(error))
    if status and status[1] in ("401", "403"):
        raise UserError(f"the Materials Project refuses the key of MP_API_KEY; copy it again from {KEY_PAGE}") from None
    if (status and status[1] in ("400", "404")) or any(words in str(error) for words in ABSENT):
        raise NotThere(_short(error)) from None


class NotThere(UserError):
    """The database does not have it."""


def _short(error: Exception) -> str:
    """What happened, without the addresses and library names of a connection error."""
    text = " ".join(str(error).split())
    if "Generic S3 error" in text:  # of the store of the densities of states
        return "the store of its densities of states cannot be reached"
    if "Max retries" in text and "status" not in text and "too many" not in text.lower():
        return "it cannot be reached"
    if "too many" in text.lower():
        return "it answers 429 or 5xx, too many requests or a server in trouble"
    status = re.search(r"status code (\d+)", text)
    if status:
        return f"it answers {status[1]}"
    if "Read timed out" in text:
        return "it does not answer in time"
    return f"its answer is damaged: {text[:80]}"

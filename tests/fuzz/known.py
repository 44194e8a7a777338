"""Findings that are not mended yet, by the names of their files in the corpus: take out what has been mended."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch

KNOWN: Mapping[str, str] = {}


def why_known(name: str) -> str | None:
    """Return what is known of a finding, None if it is none or has been mended."""
    return next((reason for pattern, reason in KNOWN.items() if fnmatch(name, pattern)), None)

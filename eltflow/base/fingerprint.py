"""Content fingerprints: short, stable across processes and versions of Python."""

from __future__ import annotations

import hashlib


def fingerprint(*parts: str | bytes) -> str:
    """32 hex digits of BLAKE2b over the parts; parts are framed by their length, so ("ab", "c") differs from ("a", "bc")."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()

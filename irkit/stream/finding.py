# SPDX-License-Identifier: Apache-2.0
"""A `Finding`: where a secret stands and what it is; never what it says."""

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One secret in a text."""

    kind: str
    start: int
    """Code points into the original text."""
    end: int
    fingerprint: str
    """Keyed: the same secret has the same one, and a short secret cannot be guessed from it."""

    @property
    def mark(self) -> str:
        """What stands in its place."""
        return f"[redacted:{self.kind}:{self.fingerprint}]"

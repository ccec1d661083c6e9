# SPDX-License-Identifier: Apache-2.0
"""What a command writes to its output, as far as its text tells: what a pipe or `$(…)` carries on."""

from typing import NamedTuple


class Flow(NamedTuple):
    """Output of a command. Tags: fetched, decoded, secret, env, archive, dump."""

    tags: frozenset[str] = frozenset()
    text: str = ""
    """The output itself, where it is known."""
    host: str = ""
    """Where it was fetched from."""
    url: str = ""
    path: str = ""
    """The file whose content it is."""
    target: str = ""
    """That file's class."""
    paths: tuple[str, ...] = ()
    """Paths that it lists."""
    filtered: bool = False
    """Whether they are a selection."""

    def merge(self, other: "Flow") -> "Flow":
        """Both together."""
        if other is NOTHING:
            return self
        if self is NOTHING:
            return other
        return Flow(
            self.tags | other.tags,
            self.text or other.text,
            self.host or other.host,
            self.url or other.url,
            self.path or other.path,
            self.target or other.target,
            (*self.paths, *other.paths),
            self.filtered or other.filtered,
        )


NOTHING = Flow()

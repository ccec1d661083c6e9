# SPDX-License-Identifier: Apache-2.0
"""The home's layout, in two halves, so that a contained agent and a guard under another uid both work.

`gate/` is all that a hook touches; the rest is the guard's own. Standard library only: the kill path
finds its way with this when site-packages is broken.
"""

import os
import sys

from irkit.errors import NotPermittedError


def default_home() -> str:
    """`$IRKIT_HOME`, else the platform's data folder (a test pins it to what platformdirs says)."""
    if chosen := os.environ.get("IRKIT_HOME"):
        return os.path.abspath(chosen)
    user = os.path.expanduser("~")
    if sys.platform == "darwin":
        return os.path.join(user, "Library", "Application Support", "irkit")
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA") or os.path.join(user, "AppData", "Local"), "irkit")
    base = os.environ.get("XDG_DATA_HOME", "")
    return os.path.join(base if os.path.isabs(base) else os.path.join(user, ".local", "share"), "irkit")


class Home:
    """Paths below one home. Says where things are; makes only what `make` makes."""

    __slots__ = ("path",)

    def __init__(self, path: str | None = None) -> None:
        self.path = os.path.abspath(path) if path else default_home()

    def at(self, *parts: str) -> str:
        """A path below the home."""
        return os.path.join(self.path, *parts)

    # --- gate: what a hook touches -------------------------------------------------
    @property
    def gate(self) -> str:
        """The folder that a contained session sees read-only."""
        return self.at("gate")

    @property
    def hook(self) -> str:
        """The hook client's text."""
        return self.at("gate", "hook.py")

    @property
    def python(self) -> str:
        """A link to an interpreter that outlives virtual environments."""
        return self.at("gate", "python")

    @property
    def answers(self) -> str:
        """What a hook answers when no guard does, baked in by `init`."""
        return self.at("gate", "answers")

    @property
    def latch(self) -> str:
        """Lines `*` or `AGENT SESSION_ID`; while it covers a session no tool call of it passes."""
        return self.at("gate", "latch")

    @property
    def latch_ready(self) -> str:
        """Made beforehand with the line `*`: latching everything is a rename, which works on a full disk."""
        return self.at("gate", "latch.ready")

    @property
    def drop_file(self) -> str:
        """`gate/KILL`: its existence is a latch for all."""
        return self.at("gate", "KILL")

    @property
    def hook_socket(self) -> str:
        """Where hooks ask. Bound and connected relative, after a chdir (path limit)."""
        return self.at("gate", "hook.sock")

    @property
    def spool(self) -> str:
        """The only folder that an agent's processes may write."""
        return self.at("gate", "spool")

    # --- the guard's own -----------------------------------------------------------
    @property
    def config(self) -> str:
        """`irkit.toml`."""
        return self.at("irkit.toml")

    @property
    def audit(self) -> str:
        """One JSONL file a day, and its checkpoints."""
        return self.at("audit")

    @property
    def incidents(self) -> str:
        """One folder per incident."""
        return self.at("incidents")

    @property
    def keys(self) -> str:
        """The signing key and the fingerprint key."""
        return self.at("keys")

    @property
    def guard_socket(self) -> str:
        """The guard API (newline JSON-RPC 2.0)."""
        return self.at("guard.sock")

    @property
    def database(self) -> str:
        """SQLite, WAL: what the guard remembers over a restart."""
        return self.at("irkit.db")

    @property
    def journal(self) -> str:
        """Intents and outcomes of every act, one JSON line each, appended by guard and command line."""
        return self.at("journal.jsonl")

    @property
    def sessions(self) -> str:
        """A plain copy of the session table, tab-separated, for a kill with the guard dead."""
        return self.at("sessions.tsv")

    @property
    def lock(self) -> str:
        """Held by the one guard of this home; names its pid."""
        return self.at("guard.lock")

    @property
    def shared(self) -> bool:
        """Whether other users' agents use this gate: the home of a guard that runs under a user of its own."""
        try:
            return bool(os.stat(self.gate).st_mode & 0o001)
        except OSError:
            return False

    @property
    def gate_mode(self) -> int:
        """The mode of a file in the gate: readable by whoever's hooks read it, writable by the guard alone."""
        return 0o644 if self.shared else 0o600

    def make(self, *, shared: bool = False) -> None:
        """Make the folders, private to this user; a shared one's gate can be read by all, and its spool be added to.

        Repeating it changes nothing, and does not make a shared home private. Raises NotPermittedError.
        """
        try:
            self._make(shared=shared or self.shared)
        except OSError as error:
            raise NotPermittedError(
                f"the home cannot be made or used ({error.strerror})",
                where=self.path,
                fix="set IRKIT_HOME to a folder of yours",
            ) from error

    def _make(self, *, shared: bool) -> None:
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        os.chmod(self.path, 0o711 if shared else 0o700)
        for name in (
            "gate",
            "gate/spool",
            "rules",
            "playbooks",
            "drills",
            "audit",
            "incidents",
            "exercises",
            "keys",
        ):
            os.makedirs(self.at(*name.split("/")), mode=0o700, exist_ok=True)
        if shared:
            os.chmod(self.gate, 0o755)  # noqa: S103 - hooks of other users run from here
            os.chmod(self.spool, 0o1733)  # noqa: S103 - they may add, and neither list nor remove
        if not os.path.exists(self.latch_ready) and not os.path.exists(self.latch):
            with open(self.latch_ready, "w", encoding="utf-8") as ready:
                ready.write("*\n")
            os.chmod(self.latch_ready, self.gate_mode)

# SPDX-License-Identifier: Apache-2.0
"""Errors, split by whose turn it is to do something about them.

An error says *what* is wrong, *where* (file, line, key) and how to *fix* it; the command line prints
these as one line and ends with `exit_code`. Not being able to act is an `Outcome`
(`irkit.incident.commands`), never an exception. Standard library only: the kill path raises these too.
"""

from irkit import exit_codes


class IrkitError(Exception):
    """Something irkit cannot go on with.

    `what` is one sentence without a full stop, `where` names the file, line or key, `fix` what to do now.
    """

    exit_code = exit_codes.BAD_INPUT

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.fix = fix

    def diagnostics(self) -> str:
        """One line: what, where, how to fix."""
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}; {self.fix}" if self.fix else line

    def __str__(self) -> str:
        return self.diagnostics()


class BadInputError(IrkitError):
    """A file, payload or argument from outside does not have the documented form."""


class NeedsHumanError(IrkitError):
    """The act lowers protection or cannot be undone, and nobody proved to be a human."""

    exit_code = exit_codes.NEEDS_HUMAN


class NotPermittedError(IrkitError):
    """The operating system or the policy does not let this user do it."""

    exit_code = exit_codes.NOT_PERMITTED


class GuardUnreachableError(IrkitError):
    """The guard does not answer, and the act needs it."""

    exit_code = exit_codes.GUARD_UNREACHABLE

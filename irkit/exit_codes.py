# SPDX-License-Identifier: Apache-2.0
"""The exit codes, in one table. Other people's scripts rely on them; `docs/exit-codes.md` is checked against it."""

DONE = 0
NEGATIVE = 1
BAD_INPUT = 2
NEEDS_HUMAN = 3
NOT_PERMITTED = 4
GUARD_UNREACHABLE = 5
NOT_RULED_OUT = 10
SURVIVOR = 11
PARTLY_DONE = 12

MEANING = {
    DONE: "done; for a kill: proved dead",
    NEGATIVE: "negative result (does not verify, findings)",
    BAD_INPUT: "usage or bad input",
    NEEDS_HUMAN: "not done: needs a human's proof or --yes",
    NOT_PERMITTED: "not permitted",
    GUARD_UNREACHABLE: "guard unreachable and needed",
    NOT_RULED_OUT: "all known processes dead; these classes are not ruled out",
    SURVIVOR: "a known survivor, or a process unaccounted for",
    PARTLY_DONE: "done in part (some steps Failed or Unverified)",
}

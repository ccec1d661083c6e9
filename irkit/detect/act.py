# SPDX-License-Identifier: Apache-2.0
"""One thing that a tool call does: what, to which class of target, and where to. What rules are written over."""

from typing import Final, NamedTuple


class Act(NamedTuple):
    """One act. The words are closed lists below; `docs/rules-format.md` explains each."""

    act: str
    target: str = ""
    """Class of what is acted on (a place, a kind of file, a kind of data)."""
    path: str = ""
    """The path as the call meant it, resolved as far as the text allows."""
    to: str = ""
    """Class of the other end, where there is one."""
    host: str = ""
    program: str = ""
    detail: tuple[str, ...] = ()
    """Words on how: `recursive`, `all`, `lease`, `local`, `test`, `secret`, …"""


ACTS: Final = {
    "delete": "removes files or folders for good",
    "overwrite": "writes over something that is not a file of the work (a disk, a system file)",
    "write": "writes a file that means something (start files, settings, credentials)",
    "open-up": "gives everybody, or somebody else, rights on files",
    "read-secret": "reads the content of a credential",
    "hunt": "searches for credentials outside the project",
    "send": "sends data to another machine",
    "fetch-run": "runs what was just fetched from a host",
    "decode-run": "runs what was just decoded",
    "remote-shell": "gives another machine a shell",
    "push": "pushes a repository",
    "rewrite": "destroys a repository's history",
    "drop": "drops a database, a table, or all rows of one",
    "teardown": "destroys infrastructure",
    "publish": "publishes a package or a release",
    "persist": "makes something start again by itself",
    "loosen": "takes a safeguard away",
    "agent-settings": "changes an agent's settings",
    "start-agent": "starts another agent without its safeguards",
    "tamper": "touches irkit itself",
    "kill": "ends processes that are not the session's",
    "metadata": "asks the cloud's metadata service",
    "outward": "changes something that other people see",
    "reuse-call-id": "one call id for different calls",
}
"""Each act, in words."""

# SPDX-License-Identifier: Apache-2.0
"""Every bound on foreign input, named. A test reaches each of them."""

KIB = 1024
MIB = 1024 * KIB

PAYLOAD_JUDGED_BYTES = 256 * KIB
"""A payload's verdict is taken on this much on the event loop; the rest is scanned in a thread."""
PAYLOAD_MAX_BYTES = 16 * MIB
"""A larger payload is refused and recorded by size and hash."""
HOOK_HEADER_MAX_BYTES = 512
"""The first line of a hook's request."""
HOOK_DEADLINE_S = 2.0
"""The hook's own clock; far below any agent's hook timeout."""
HOOK_EXIT_GRACE_S = 0.2
"""What a pending hook gets to leave with its refusal before it is stopped as well."""

LINE_MAX_BYTES = 1 * MIB
"""A longer line of a watched file or transcript is skipped and reported."""
RECORD_MAX_BYTES = 64 * KIB
"""One audit record; larger arguments are cut, their whole hash kept."""
YAML_MAX_BYTES = 256 * KIB
YAML_MAX_DEPTH = 24
SPOOL_MAX_FILES = 200_000
SPOOL_MAX_BYTES = 512 * MIB

TREE_MAX_CONNECTIONS = 64
"""Open hook connections from one process tree (threat T16)."""
TREE_MAX_PENDING_BYTES = 64 * MIB
"""Payload bytes from one process tree that wait for judgement."""
CONNECTIONS_MAX = 4096

SESSIONS_MAX = 10_000
"""Sessions kept in the table; the oldest ended ones leave first."""
WINDOW_GROUPS_MAX = 50_000
"""Groups (sessions, users) that one window rule tracks; the longest idle leaves first."""
RPC_LINE_MAX_BYTES = 1 * MIB

FREEZE_MAX_ROUNDS = 400
FREEZE_MAX_S = 20.0
KILL_MAX_S = 20.0
JOURNAL_FSYNC_MAX_S = 0.2
"""What an irreversible act waits for its intent to reach the disk."""
BALLAST_BYTES = 8 * MIB
"""Freed when the disk is full, so that refusals and kills can still be recorded."""

NOTIFY_MAX_S = 5.0
"""One notifier's deadline; notification never delays a freeze."""
ANSWER_WAIT_S = 300.0
"""No answer to a freeze in this time: told again, then the deputy."""

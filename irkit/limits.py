# SPDX-License-Identifier: Apache-2.0
"""Every bound on foreign input, named. A test reaches each of them."""

KIB = 1024
MIB = 1024 * KIB

PAYLOAD_ON_LOOP_BYTES = 32 * KIB
"""A larger payload is parsed and redacted in a thread, so that hostile text in one hook call holds up no other."""
PAYLOAD_MAX_BYTES = 16 * MIB
"""A larger payload is refused and recorded by size and hash."""
HOOK_HEADER_MAX_BYTES = 512
"""The first line of a hook's request."""
HOOK_DEADLINE_S = 2.0
"""The hook's own clock; far below any agent's hook timeout."""
HOOK_EXIT_GRACE_S = 0.2
"""What a pending hook gets to leave with its refusal before it is stopped as well."""

NAME_MAX_CHARS = 1024
"""Names and ids that an agent gives: of a tool, a call, a session."""
SETTINGS_MAX_CHARS = 4 * MIB
"""An agent's settings file that hooks are written to."""
SETTINGS_MAX_DEPTH = 64
"""Nesting of such a file."""

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

ENVIRON_MAX_BYTES = 2 * MIB
"""One process's environment, as far as markers are looked for in it; execve takes no more by default."""
CMDLINE_MAX_BYTES = 16 * KIB
ROSTER_MAX_BYTES = 8 * MIB
LATCH_MAX_BYTES = 1 * MIB
JOURNAL_READ_MAX_BYTES = 64 * MIB
"""The journal's newest part, in which unfinished acts are looked for."""
LEFTOVERS_LISTED_MAX = 200
"""Processes named as unaccounted or not ruled out; the rest is counted."""
CGROUPS_MAX = 4096
"""Control groups below a session's own that are looked into."""
KILL_COUNTDOWN_S = 5
"""What a person at a terminal has to keep a session frozen instead of killed."""
TELL_GUARD_MAX_S = 0.2
"""What the kill path waits for the guard to hear what was done."""

FREEZE_MAX_ROUNDS = 400
FREEZE_MAX_S = 20.0
FREEZE_ON_LOOP_MAX_S = 0.25
"""What a freeze takes of the guard's loop; a tree that forks faster than that is stopped further in a thread."""
CGROUP_WAIT_S = 0.1
"""What a freeze waits for the kernel to say that a control group has stopped; signals follow in any case."""
PASSING_LOOKS = 10
"""Quick looks, after a kill, for processes that are each there for a moment only."""
PASSING_PAUSE_S = 0.0007
"""Between two of them; no multiple of it is a usual pause."""
KILL_MAX_S = 20.0
JOURNAL_FSYNC_MAX_S = 0.2
"""What an irreversible act waits for its intent to reach the disk."""
BALLAST_BYTES = 8 * MIB
"""Freed when the disk is full, so that refusals and kills can still be recorded."""

NOTIFY_MAX_S = 5.0
"""One notifier's deadline; notification never delays a freeze."""
ANSWER_WAIT_S = 300.0
"""No answer to a freeze in this time: told again, then the deputy."""

INCIDENT_RULES_MAX = 64
"""Rules whose detections one incident keeps apart; those of further rules are only counted."""
INCIDENT_NOTES_MAX = 1000
INCIDENT_ANSWERS_MAX = 100
"""Answers kept in an incident; the first ones stay."""
INCIDENT_TEXT_MAX_CHARS = 4000
"""A note, a reason or a cause; a longer one is refused from people and cut from rules."""
PLAYBOOK_STEPS_MAX = 32
PLAYBOOKS_MAX = 500
"""A site's own playbooks, by name."""
PLAYBOOK_WAIT_MAX_S = 7 * 24 * 3600.0
"""The longest deadline that a playbook may set."""
MOMENTS_MAX = 100_000
"""Entries of one timeline; what lies between the first and the last of them is counted, not listed."""
SHOWN_MAX_CHARS = 400
"""Observed text on one line, in any sink, unless the caller says otherwise."""
SHOWN_BLOCK_MAX_CHARS = 64 * KIB
"""Observed text on many lines."""
INCIDENTS_MAX = 2_000
"""Incidents that a starting guard reads back; older ones stay on disk."""

RULE_PATTERN_MAX_CHARS = 200
"""A regular expression in a rule."""
RULE_TEXT_MAX_CHARS = 4 * KIB
"""What a regular expression of a rule looks at."""
RULE_CONDITION_MAX_CHARS = 2 * KIB
RULE_THRESHOLD_MAX = 10_000
"""The highest count that a window may wait for."""
RULE_TIMESPAN_MAX_S = 7 * 24 * 3600.0
WINDOW_ENTRIES_MAX = 1024
"""Entries that one group of a value or temporal window keeps; the oldest leave first."""
CALL_IDS_MAX = 1024
"""Call ids of one session whose arguments are remembered."""
TWINS_MAX = 4096
"""Calls that are remembered until their twin comes from another source."""
COMMAND_JUDGED_CHARS = 256 * KIB
"""Shell text that is taken apart; the rest of a longer one is not understood."""
COMMAND_MAX_DEPTH = 8
"""Commands inside commands (`sh -c`, `$(…)`) that are opened."""
COMMANDS_MAX = 2000
"""Single commands of one call that are looked at."""
ACTS_MAX = 200
"""Acts of one call that rules are asked about."""
MEMORY_PATHS_MAX = 256
"""Paths that irkit remembers a session to have made, fetched or written."""
SAMPLE_EVENTS_MAX = 20_000
"""Events of one sample, repeats counted out."""

CHECKPOINTS_READ_MAX_BYTES = 16 * MIB
"""The checkpoints of one day's log."""
LOG_SHOWN_MAX = 100_000
"""Records that are kept in memory to show the newest ones of a log."""
VERIFY_LOOKAHEAD = 1000
"""Lines before and after a break that are compared to tell what kind of break it is."""
SPOOL_STALE_S = 60.0
"""A spool file that is still unfinished after this time was left behind by a hook that died."""
TAIL_READ_MAX_BYTES = 4 * MIB
"""What one read of a watched file takes; the rest waits for its turn."""
WATCH_FILES_MAX = 20_000
"""Files that are followed at the same time; further ones are reported and left alone."""
REDACT_MAX_DEPTH = 64
"""Deeper JSON is replaced unread."""
CREDENTIAL_FILE_MAX_BYTES = 256 * KIB
"""What is read of one credential file to know its values."""

RULE_FILES_MAX = 500
"""Rule files of a site."""
TRANSCRIPTS_MAX = 20_000
"""Transcripts that a replay without a file takes up, the newest first."""
DETECTOR_WINDOW_CHARS = 8 * KIB
"""Text that the detector library gets at a time. Its time grows with the square of some texts (`eyJeyJ…`): 0.9 s for 64 KiB."""
EXACT_VALUE_MIN_CHARS = 8
"""A shorter known value is not looked for everywhere: it would hit ordinary words."""
EXACT_VALUE_MAX_CHARS = 16 * KIB
EXACT_VALUES_MAX = 5_000
"""Known secret values that a redactor looks for."""
REDACT_ROUNDS_MAX = 8
"""Times that what is left of a text is looked at again, until nothing more is found."""
EVENT_ERROR_MAX_CHARS = 2000
"""What an event keeps of a tool's error."""
REDACT_STREAM_CHARS = 256 * KIB
"""What `irkit redact` looks at as one text."""
REDACT_HOLD_CHARS = 72 * KIB
"""The end of such a text that waits for what follows; longer than any block that is looked for."""
REDACT_BEFORE_CHARS = 512
"""What was written already and is looked at again as the surroundings of what follows."""

POLICY_FILES_MAX = 1000
"""Site rules and playbooks together; a policy with more is not approved."""
POLICY_FILE_MAX_BYTES = 256 * KIB
"""`irkit.toml`, the exceptions, one rule file, one playbook."""
POLICY_MAX_BYTES = 4 * MIB
"""All policy files together: a guard reads them again and again on its loop."""
POLICY_EXPLAINED_MAX_BYTES = 64 * KIB
"""A larger changed file is parsed only when it is approved: hostile YAML costs about 30 ms a KiB."""
POLICY_EXPLAIN_MAX_S = 3.0
"""What comparing and parsing changed files may take in all; the rest is named without."""
POLICY_DIFF_MAX_LINES = 400
"""What is shown of one changed policy file."""
PROOF_CODE_LIFE_S = 60.0
"""How long a challenge waits for its answer."""
PROOF_TRIES_MAX = 5
"""Wrong answers in `PROOF_TRIES_WITHIN_S`; then none is taken for as long again."""
PROOF_TRIES_WITHIN_S = 60.0
PROOF_OPEN_MAX = 64
"""Challenges that wait for their answer; the oldest leave first."""
PASSPHRASE_MIN_CHARS = 8
PASSPHRASE_MAX_CHARS = 1024
NOTIFY_OUTPUT_MAX_BYTES = 4 * KIB
"""What a notify command may say, and what is read of a webhook's answer."""
NOTIFY_TERMINALS_MAX = 16
"""Terminals of one session that are told."""
NONCES_MAX = 20_000
"""Hook requests remembered by their nonce, so that a late one is not counted again from the spool."""
OBJECT_MAX_BYTES = 256 * MIB
"""One object of the evidence store."""
PERSISTENCE_FILE_MAX_BYTES = 1 * MIB
"""A start file that is read; a larger one is reported and left alone."""
PERSISTENCE_FILES_MAX = 2_000
"""Start files of one user and one project together."""
PERSISTENCE_LINES_MAX = 20_000
"""Lines, or settings, of one start file that are compared."""
PERSISTENCE_READ_MAX_S = 2.0
"""What reading all start files may take before a kill; a hanging file system is not waited for."""
DISARM_MAX_S = 4.0
"""What disarming may take in all before the kill goes on."""
LEDGER_RECORDS_MAX = 20_000
"""Calls of one session that added entries are compared with, the newest."""
DEBTS_MAX = 64
"""Uses of brokers that one session is remembered for."""
BROKERS_LISTED_MAX = 200
"""Findings at brokers that one report lists."""

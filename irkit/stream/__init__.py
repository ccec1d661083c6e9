# SPDX-License-Identifier: Apache-2.0
"""From bytes to events: the hook client, redaction, tails, the spool, the audit log. Never decides."""

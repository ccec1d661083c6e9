# SPDX-License-Identifier: Apache-2.0
"""From detections to commands: sessions, the incident state machine, playbooks. Does no I/O."""

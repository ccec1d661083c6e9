# SPDX-License-Identifier: Apache-2.0
"""Rehearsals: decoy agents and the demo. Never touches a session that it did not start."""

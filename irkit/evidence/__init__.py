# SPDX-License-Identifier: Apache-2.0
"""Seals and verification of what was recorded. Needs no guard to verify."""

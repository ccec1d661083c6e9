# SPDX-License-Identifier: Apache-2.0
"""What people read: safe text, timelines, reports. Asks no network."""

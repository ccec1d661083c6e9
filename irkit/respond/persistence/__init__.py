# SPDX-License-Identifier: Apache-2.0
"""What outlives a session: start files and settings, compared with the user's accepted baseline, and disarmed."""

# SPDX-License-Identifier: Apache-2.0
"""irkit: a kill switch for AI coding agents. Importing it costs nothing; see irkit.__main__."""

# SPDX-License-Identifier: Apache-2.0
"""From commands to outcomes: journal, act, verify. Invents no policy."""

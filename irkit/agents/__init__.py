# SPDX-License-Identifier: Apache-2.0
"""One module per coding agent: where its hooks go, what it says, how it refuses, how it is recognised. Never acts."""

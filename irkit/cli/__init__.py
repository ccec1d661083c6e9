# SPDX-License-Identifier: Apache-2.0
"""The command line: a face of the guard API. Does not act by itself, but for the kill path."""

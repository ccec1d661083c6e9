# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: `make bench` runs them all and writes docs/BENCHMARKS.md. Ratios against peers and limits, in the same run."""

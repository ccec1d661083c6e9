# SPDX-License-Identifier: Apache-2.0
"""The daemon: the only place that wires the pure middle to the world. Holds no domain logic."""

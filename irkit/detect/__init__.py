# SPDX-License-Identifier: Apache-2.0
"""From events to detections: Sigma rules compiled to closures, and sliding windows. Does no I/O."""

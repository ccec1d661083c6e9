# SPDX-License-Identifier: Apache-2.0
"""The guard as a service: what a service manager hands it, the units that start it, and putting them in place."""

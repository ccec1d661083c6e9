# SPDX-License-Identifier: Apache-2.0
"""The contained tier: a session that is started inside walls, so that its end can be proved.

Standard library only, and light: `irkit run` stands between a person and their agent, and may cost 50 ms.
"""

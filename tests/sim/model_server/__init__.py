# SPDX-License-Identifier: Apache-2.0
"""A scripted model on loopback: real agent CLIs talk to it and believe that it thinks.

It plays a list of steps, one for each request of the conversation, in the words of whatever tools the agent
offers. It keeps no state: where a conversation stands is read back from the call ids in its own history, so
retries, parallel sessions and sub-agents need nothing. It never looks at what a tool returned, and it never
leaves loopback.
"""

from tests.sim.model_server.script import Batch, Delegate, Final, Read, Repeat, Script, Shell, Step, Write
from tests.sim.model_server.server import ModelServer, Seen

__all__ = [
    "Batch",
    "Delegate",
    "Final",
    "ModelServer",
    "Read",
    "Repeat",
    "Script",
    "Seen",
    "Shell",
    "Step",
    "Write",
]

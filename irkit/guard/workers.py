# SPDX-License-Identifier: Apache-2.0
"""The guard's threads, by what may wait for what.

Killing (and what continues a long freeze) has its own: neither a flood of large payloads, nor a slow disk, nor a
notifier that hangs stands before it. Keeping and signing wait for disks, reading payloads for the processor; telling
people and the log's sync use the loop's own threads. A thread is started when it is first needed.
"""

from concurrent.futures import Executor, ThreadPoolExecutor

from irkit.incident.commands import AnyCommand, Checkpoint, Disarm, Keep, Kill, Resume

KILLERS = 4
"""Sessions that are killed at the same time; a further one waits for one of them."""
KEEPERS = 4
READERS = 2


class Workers:
    """Made with the guard; `stop` lets a thread that hangs be."""

    def __init__(self) -> None:
        self.killing = ThreadPoolExecutor(KILLERS, "irkit-kill")
        self.keeping = ThreadPoolExecutor(KEEPERS, "irkit-keep")
        self.reading = ThreadPoolExecutor(READERS, "irkit-read")

    def of(self, command: AnyCommand) -> Executor | None:
        """Who carries this command out; None: the loop's own threads."""
        if isinstance(command, Kill | Resume):
            return self.killing
        return self.keeping if isinstance(command, Keep | Disarm | Checkpoint) else None

    def stop(self) -> None:
        """Take nothing more."""
        for pool in (self.reading, self.keeping, self.killing):
            pool.shutdown(wait=False, cancel_futures=True)

# SPDX-License-Identifier: Apache-2.0
"""`contextlib.suppress` without `contextlib`, whose imports cost milliseconds before an agent's first word."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


class Tolerate:
    """Errors of these kinds end the block, and nothing else."""

    def __init__(self, *kinds: type[BaseException]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> bool:
        return kind is not None and issubclass(kind, self._kinds)

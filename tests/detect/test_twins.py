# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import strategies as st

from irkit.detect.twins import Twins
from tests.detect.makes import event


def test_each_event_has_at_most_one_twin() -> None:
    twins = Twins()
    sources = ["hook", "hook", "tail", "tail", "tail"]
    assert [twins.is_twin(event(source=source)) for source in sources] == [False, False, True, True, False]


def test_call_ids_must_agree_where_both_have_one() -> None:
    twins = Twins()
    assert not twins.is_twin(event(source="hook", call_id="a"))
    assert not twins.is_twin(event(source="tail", call_id="b"))
    assert twins.is_twin(event(source="tail", call_id="a"))
    assert twins.is_twin(event(source="hook", call_id=""))


def test_other_arguments_other_tools_and_other_sessions_are_no_twins() -> None:
    twins = Twins()
    assert not twins.is_twin(event(source="hook", call_id="a"))
    assert not twins.is_twin(event(source="tail", call_id="a", args_sha256="other"))
    assert not twins.is_twin(event("Bash", source="tail", call_id="a"))
    assert not twins.is_twin(event(source="tail", call_id="a", session="t"))


def test_without_a_hash_nothing_is_a_twin() -> None:
    twins = Twins()
    assert not any(twins.is_twin(event(source=source, args_sha256="")) for source in ("hook", "tail"))


@given(st.lists(st.tuples(st.sampled_from(["hook", "tail"]), st.integers(0, 2)), max_size=60))
def test_forging_lines_only_adds_to_the_count(calls: list[tuple[str, int]]) -> None:
    """However the lines of a file and the hook's calls are mixed, no fewer are counted than the hook reported."""
    twins = Twins()
    counted = sum(
        not twins.is_twin(event(source=source, args_sha256=str(number))) for source, number in calls
    )
    for number in range(3):
        hooks = sum(1 for source, other in calls if source == "hook" and other == number)
        tails = sum(1 for source, other in calls if source == "tail" and other == number)
        counted -= max(hooks, tails)
    assert counted >= 0

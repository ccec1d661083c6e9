# SPDX-License-Identifier: Apache-2.0
"""Who gets a challenge, and which answers count. Peers are real processes on real terminals."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from irkit import limits
from irkit.errors import NeedsHumanError
from irkit.guard.passphrase import set_passphrase
from irkit.guard.proof import Challenge, Method, Proofs
from irkit.guard.ptymaster import holders
from tests.sim.seat import Seat, seat

WAIT = "import sys; print('here', flush=True); sys.stdin.read()"
SECRET = "four plain words here"


class Watch:
    """What the guard would know of agents, and a clock that the test turns."""

    def __init__(self, folder: Path) -> None:
        self.file = str(folder / "operator")
        self.pids: set[int] = set()
        self.ttys: frozenset[int] = frozenset()
        self.now = 1000.0

    def proofs(self, method: Method = "auto") -> Proofs:
        return Proofs(
            monotonic=lambda: self.now,
            passphrase_file=self.file,
            is_watched=lambda pid: pid in self.pids,
            watched_ttys=lambda: self.ttys,
            method=method,
        )


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


@pytest.fixture
def person() -> Iterator[Seat]:
    with seat(WAIT) as sitting:
        sitting.until("here")
        yield sitting


def said(asked: Challenge, answer: str) -> dict[str, str]:
    return {"id": asked.ident, "answer": answer}


def test_a_code_typed_as_shown_is_proof_and_counts_once(watch: Watch, person: Seat) -> None:
    proofs = watch.proofs()
    asked = proofs.challenge(person.pid)
    assert (asked.kind, len(asked.code), asked.expires_s) == ("code", 6, limits.PROOF_CODE_LIFE_S)
    assert proofs.accept(person.pid, said(asked, f" {asked.code.lower()} "))
    assert not proofs.accept(person.pid, said(asked, asked.code))


def test_the_answer_counts_only_from_the_process_that_was_asked(watch: Watch, person: Seat) -> None:
    proofs = watch.proofs()
    asked = proofs.challenge(person.pid)
    with seat(WAIT) as other:
        other.until("here")
        assert not proofs.accept(other.pid, said(asked, asked.code))
    assert proofs.accept(person.pid, said(asked, asked.code))


def test_a_late_answer_does_not_count(watch: Watch, person: Seat) -> None:
    proofs = watch.proofs()
    asked = proofs.challenge(person.pid)
    watch.now += limits.PROOF_CODE_LIFE_S + 0.1
    assert not proofs.accept(person.pid, said(asked, asked.code))


def itself_watched(watch: Watch, pid: int, tty: int) -> None:
    watch.pids.add(pid)


def below_an_agent(watch: Watch, pid: int, tty: int) -> None:
    watch.pids.add(os.getpid())


def on_an_agents_terminal(watch: Watch, pid: int, tty: int) -> None:
    watch.ttys = frozenset({tty})


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (itself_watched, "inside an agent's session"),
        (below_an_agent, "inside an agent's session"),
        (on_an_agents_terminal, "an agent has this terminal"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_agents_process_is_refused_before_and_after_the_challenge(
    watch: Watch, person: Seat, spoil: Callable[[Watch, int, int], None], why: str, when: str
) -> None:
    proofs = watch.proofs()
    if when == "after":
        asked = proofs.challenge(person.pid)
        spoil(watch, person.pid, person.tty)
        with pytest.raises(NeedsHumanError, match=why):
            proofs.accept(person.pid, said(asked, asked.code))
    else:
        spoil(watch, person.pid, person.tty)
        with pytest.raises(NeedsHumanError, match=why):
            proofs.challenge(person.pid)


def test_a_process_without_a_terminal_is_refused(watch: Watch) -> None:
    with seat(WAIT, own_tty=False) as nobody:
        nobody.until("here")
        with pytest.raises(NeedsHumanError, match="no terminal"):
            watch.proofs().challenge(nobody.pid)


def test_a_terminal_whose_other_end_an_agent_holds_is_refused(watch: Watch, person: Seat) -> None:
    """The agent is no parent of the peer, but it holds the terminal's other end and can type there."""
    with subprocess.Popen(["sleep", "60"], pass_fds=[person.master]) as agent:
        assert watch.proofs().challenge(person.pid), "nobody is watched yet"
        watch.pids.add(agent.pid)
        assert set(holders(person.tty)) == {os.getpid(), agent.pid}
        with pytest.raises(NeedsHumanError, match="an agent has this terminal"):
            watch.proofs().challenge(person.pid)
        agent.kill()


def test_a_process_with_an_agents_mark_is_refused(watch: Watch) -> None:
    with seat(WAIT, env={"CLAUDECODE": "1"}) as child:
        child.until("here")
        with pytest.raises(NeedsHumanError, match="inside an agent's session"):
            watch.proofs().challenge(child.pid)


def test_five_wrong_answers_in_a_minute_shut_it_for_a_minute(watch: Watch, person: Seat) -> None:
    proofs = watch.proofs()
    for _ in range(limits.PROOF_TRIES_MAX):
        assert not proofs.accept(person.pid, said(proofs.challenge(person.pid), "WRONG"))
        watch.now += 1
    with pytest.raises(NeedsHumanError, match="too many wrong answers; wait 59 s"):
        proofs.challenge(person.pid)
    watch.now += limits.PROOF_TRIES_WITHIN_S
    asked = proofs.challenge(person.pid)
    assert proofs.accept(person.pid, said(asked, asked.code))


def test_wrong_answers_spread_over_time_do_not_shut_it(watch: Watch, person: Seat) -> None:
    proofs = watch.proofs()
    for _ in range(2 * limits.PROOF_TRIES_MAX):
        assert not proofs.accept(person.pid, said(proofs.challenge(person.pid), "WRONG"))
        watch.now += limits.PROOF_TRIES_WITHIN_S / 2
    assert proofs.challenge(person.pid)


def test_challenges_under_way_are_bounded(watch: Watch, person: Seat) -> None:
    proofs = watch.proofs()
    first = proofs.challenge(person.pid)
    again = proofs.challenge(person.pid)
    assert not proofs.accept(person.pid, said(first, first.code))
    assert not proofs.accept(person.pid, said(again, again.code)), "a stale answer takes the challenge away"


def test_the_passphrase_decides_where_there_is_one(watch: Watch, person: Seat) -> None:
    set_passphrase(watch.file, SECRET)
    proofs = watch.proofs()
    asked = proofs.challenge(person.pid)
    assert (asked.kind, asked.code) == ("passphrase", "")
    assert proofs.accept(person.pid, said(asked, SECRET))
    assert not proofs.accept(person.pid, said(proofs.challenge(person.pid), SECRET.upper()))


def test_a_file_changed_behind_the_guard_changes_nothing(watch: Watch, person: Seat) -> None:
    set_passphrase(watch.file, SECRET)
    proofs = watch.proofs()
    set_passphrase(watch.file, "what the agent likes")
    assert not proofs.accept(person.pid, said(proofs.challenge(person.pid), "what the agent likes"))
    os.unlink(watch.file)
    assert proofs.challenge(person.pid).kind == "passphrase"
    proofs.set_passphrase("a new one of the person")
    assert proofs.accept(person.pid, said(proofs.challenge(person.pid), "a new one of the person"))


def test_a_guard_told_to_ask_for_a_passphrase_never_falls_back(watch: Watch, person: Seat) -> None:
    with pytest.raises(NeedsHumanError, match="none is set; set one: `irkit policy set-passphrase`"):
        watch.proofs("passphrase").challenge(person.pid)


def test_a_file_that_others_could_write_accepts_nothing_and_stops_no_guard(
    watch: Watch, person: Seat
) -> None:
    set_passphrase(watch.file, SECRET)
    os.chmod(watch.file, 0o644)
    proofs = watch.proofs()
    assert "is open to others" in proofs.problem
    with pytest.raises(NeedsHumanError, match="is open to others"):
        proofs.challenge(person.pid)


LEAVES_ITS_TREE = """
import os, time
if os.fork() == 0:
    parent = os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent:
            time.sleep(0.005)
        print("orphan", os.getpid(), ".", flush=True)
        time.sleep(60)
    os._exit(0)
os.wait()
time.sleep(60)
"""


def test_a_peer_that_left_its_tree_still_sits_where_an_agent_opened_the_terminal(watch: Watch) -> None:
    with seat(LEAVES_ITS_TREE) as opener:
        orphan = int(opener.until(" .").split("orphan ")[1].split()[0])
        proofs = watch.proofs()
        assert proofs.challenge(orphan), "nobody is watched yet"
        watch.pids.add(opener.pid)
        with pytest.raises(NeedsHumanError, match="an agent has this terminal"):
            proofs.challenge(orphan)


HAS_A_CLEAN_CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import os, time; print('child', os.getpid(), '.', flush=True); time.sleep(60)"], env={})
"""


def test_a_pane_of_a_multiplexer_that_an_agent_started_is_refused(watch: Watch) -> None:
    """The peer's own environment is clean, the one of its session's leader is the agent's."""
    with seat(HAS_A_CLEAN_CHILD, env={"CODEX_THREAD_ID": "7"}) as pane:
        child = int(pane.until(" .").split("child ")[1].split()[0])
        with pytest.raises(NeedsHumanError, match="an agent has this terminal"):
            watch.proofs().challenge(child)

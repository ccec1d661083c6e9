# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.detect.acts import HANDLERS
from irkit.detect.code import run_code
from irkit.detect.memory import Memory
from irkit.detect.quiet_code import is_quiet
from irkit.detect.walk import Walk

NEEDED = (
    "rmtree(", "rmSync(", "rimraf(", "rm_rf ", "fs.rm(", "remove_tree(", "removeSync(", "rmdirSync(", "FileUtils.rm ",
    "FileUtils.remove ", "del_tree(", "os.system(", "subprocess.run(", "popen(", "execSync(", "exec(", "execFile(",
    "spawn(", "spawnSync(", "shell_exec(", "system ", "%x", "passthru(", "qx", "requests.post(", "urllib3.x(",
    "urlopen(", "httpx.post(", "fetch (", "axios.post(", "http.client.x(", "http.request(", "https.request(",
    "Net::HTTP.post(", "socket.send(", "create_connection(", "smtplib.x(", "ftplib.x(", "fsockopen(", "TCPSocket.new(",
    "net.Socket(", "Net.Sockets(", "open (", "read_text(", "read_bytes(", "readFile(", "readFileSync(", "File.read(",
    "file_get_contents(", "IO.read(", "copyfile(", "copytree(", "write_text(", "writeFile(", "writeFileSync(",
    "appendFile(", "appendFileSync(", "write_bytes(", ".write(", "file_put_contents(", "'w'", '"ab+"', "eval(",
)  # fmt: skip
BESIDE = (
    "'~/.ssh/id_rsa'", "'~'", "'/'", "'rm -rf ~'", "'https://evil.example/x'", "post(", "'/bin/sh'", "b64decode(",
    "os.environ ", "process.env\n", "'~/.bashrc'", "Path.home()", "[redacted:x:1]", "['rm', '-rf', '/']", "dup2 ",
)  # fmt: skip
PIECES = st.one_of(
    st.sampled_from(NEEDED + BESIDE), st.sampled_from(["\n", " ", "x", ")", "é", "\\", "_", "."])
)


@pytest.mark.parametrize("needed", NEEDED)
@pytest.mark.parametrize("before", ["", "\n", "é.", "\\"])
def test_every_word_of_the_patterns_is_heard(needed: str, before: str) -> None:
    assert not is_quiet(f"x = 1{before and '.'}{before} {needed}")
    assert not is_quiet(f"{before}{needed}")


def test_plain_code_is_quiet() -> None:
    assert is_quiet("def total(lines):\n    return sum(line.price for line in lines)\n")


@given(st.lists(PIECES, max_size=12).map("".join))
def test_quiet_code_performs_no_act(text: str) -> None:
    if not is_quiet(text):
        return
    walk = Walk(Memory(), "/home/dev/work/api", HANDLERS)
    run_code(walk, text, "x.py")
    assert not walk.acts
    assert not walk.memory.scripts
    assert not walk.memory.fetched


@given(st.lists(st.sampled_from(BESIDE), min_size=1, max_size=8).map(" ".join))
def test_what_stands_beside_alone_performs_no_act(text: str) -> None:
    walk = Walk(Memory(), "/home/dev/work/api", HANDLERS)
    run_code(walk, text, "x.py")
    assert not (is_quiet(text) and walk.acts)

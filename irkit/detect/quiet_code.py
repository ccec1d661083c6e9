# SPDX-License-Identifier: Apache-2.0
"""Whether a script that is written holds a word that some act of `code` needs: the cheap look that spares most edits.

Rules: every pattern of `code` without which there is no act has its door here, and a test writes each of them. A word
too many only costs time; a word too few is a blind spot.
"""

import re

_ENDS = (".py", ".js", ".mjs", ".cjs", ".rb", ".pl")
_WORD_BYTES = bytes(c if chr(c).isascii() and (chr(c).isalnum() or c == 95) else 32 for c in range(256))
_WORDS = frozenset(
    b"""rmtree rmSync rimraf rm_rf remove_tree removeSync rmdirSync del_tree
    subprocess popen execSync exec execFile eval spawn spawnSync shell_exec passthru qx
    requests urlopen httpx fetch axios socket Socket Sockets create_connection smtplib ftplib
    open read_text read_bytes readFile readFileSync copyfile copytree
    write_text writeFile writeFileSync appendFile appendFileSync write_bytes write""".split()
)
_PARTS = (
    "fs.rm", "http.client", "http.request", "https.request", "system", "urllib", "FileUtils.", "Net::HTTP", "TCPSocket", "fsockopen", "%x",
    "File.read", "IO.read", "file_get_contents", "file_put_contents",
)  # fmt: skip
"""What the patterns find inside of longer words too."""
_MODE = re.compile(r"""['"][wa]b?\+?['"]""")


def is_code(path: str) -> bool:
    """Whether `code.script_acts` reads what is written there as code, not as shell text."""
    return path.endswith(_ENDS)


def is_quiet(text: str) -> bool:
    """Whether no act can come of running this code."""
    if not _WORDS.isdisjoint(text.encode("utf-8", "replace").translate(_WORD_BYTES).split()):
        return False
    return not any(part in text for part in _PARTS) and _MODE.search(text) is None

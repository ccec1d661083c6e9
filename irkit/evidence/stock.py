# SPDX-License-Identifier: Apache-2.0
"""The commands with which anyone checks a log's newest checkpoints without irkit: awk, sed, head, sha256sum, ssh-keygen.

One source for what `irkit log verify --stock` prints and for what the tests run.
"""

import os
import shlex

from irkit.evidence.checkpoint import NAMESPACE, checkpoints_name
from irkit.stream import logfiles

_DAY = """
# {log}: its newest checkpoint, the signature under it, and the bytes that it speaks of
awk '/^irkit-audit/ {{ b = "" }} {{ b = b $0 "\\n" }} END {{ printf "%s", b }}' {checkpoints} > "$d/last"
sed '/^-----BEGIN/,$d' "$d/last" > "$d/last.txt"
sed -n '/^-----BEGIN/,$p' "$d/last" > "$d/last.sig"
ssh-keygen -Y verify -f {signers} -I {identity} -n {namespace} -s "$d/last.sig" < "$d/last.txt"
head -c "$(sed -n 's/^bytes //p' "$d/last.txt")" {log} | sha256sum | cut -d ' ' -f 1 > "$d/found"
sed -n 's/^sha256 //p' "$d/last.txt" | cmp - "$d/found"
cat "$d/last.txt"
"""


def stock_check(folder: str, signers: str, identity: str) -> str:
    """A POSIX shell script that ends with 0 when every day's newest checkpoint holds.

    `signers` is an `allowed_signers` file, `identity` the name in it.
    """
    days = [
        _DAY.format(
            log=log,
            checkpoints=checkpoints_name(log),
            signers=shlex.quote(os.path.abspath(signers)),
            identity=shlex.quote(identity),
            namespace=NAMESPACE,
        )
        for log in logfiles.day_files(folder)
        if os.path.exists(os.path.join(folder, checkpoints_name(log)))
    ]
    head = f"set -e\ncd {shlex.quote(os.path.abspath(folder))}\nd=$(mktemp -d)\n"
    return head + "".join(days) if days else ""

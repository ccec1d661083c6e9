# SPDX-License-Identifier: Apache-2.0
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from irkit.evidence import sshsig
from irkit.evidence.keys import PRIVATE, SIGNERS, ensure_key
from irkit.home import Home

KEY = Ed25519PrivateKey.generate()
SIGNED = sshsig.sign(KEY, b"a log", "irkit-audit")
needs_ssh_keygen = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")


def test_a_signature_names_its_key() -> None:
    assert sshsig.verify(SIGNED, b"a log", "irkit-audit").public == sshsig.public_blob(KEY.public_key())


@pytest.mark.parametrize(
    ("message", "namespace"), [(b"a log\n", "irkit-audit"), (b"a log", "irkit-evidence")]
)
def test_another_message_or_purpose_does_not_fit(message: bytes, namespace: str) -> None:
    with pytest.raises(sshsig.SignatureError):
        sshsig.verify(SIGNED, message, namespace)


@example(at=SIGNED.rindex("==") - 1, other="R")  # only the spare bits of base64 differ
@given(at=st.integers(0, len(SIGNED) - 1), other=st.characters(codec="latin-1"))
def test_an_edited_signature_is_refused_or_is_the_same_bytes(at: int, other: str) -> None:
    edited = SIGNED[:at] + other + SIGNED[at + 1 :]
    try:
        found = sshsig.verify(edited, b"a log", "irkit-audit")
    except sshsig.SignatureError:
        return
    assert edited.strip() == SIGNED.strip()
    assert found.public == sshsig.public_blob(KEY.public_key())


@given(st.text(max_size=300))
def test_any_text_raises_one_kind_of_error(text: str) -> None:
    with pytest.raises(sshsig.SignatureError):
        sshsig.verify(f"{sshsig.BEGIN}\n{text}\n{sshsig.END}\n", b"", "irkit-audit")


@needs_ssh_keygen
def test_ssh_keygen_accepts_what_we_sign_and_we_accept_what_it_signs(tmp_path: Path) -> None:
    home = Home(str(tmp_path))
    key = ensure_key(home)
    message, signature = tmp_path / "message", tmp_path / "message.sig"
    message.write_bytes(b"irkit-audit/1\n")
    signature.write_text(key.sign(b"irkit-audit/1\n", "irkit-audit"))
    check = [
        "ssh-keygen", "-Y", "verify", "-f", str(Path(home.keys) / SIGNERS), "-I", key.identity,
        "-n", "irkit-audit", "-s", str(signature),
    ]  # fmt: skip
    accepted = subprocess.run(check, input=b"irkit-audit/1\n", capture_output=True, timeout=20, check=False)
    assert accepted.returncode == 0, accepted.stderr
    refused = subprocess.run(check, input=b"irkit-audit/2\n", capture_output=True, timeout=20, check=False)
    assert refused.returncode != 0

    signature.unlink()
    sign = [
        "ssh-keygen",
        "-Y",
        "sign",
        "-f",
        str(Path(home.keys) / PRIVATE),
        "-n",
        "irkit-audit",
        str(message),
    ]
    subprocess.run(sign, capture_output=True, timeout=20, check=True)
    found = sshsig.verify(signature.read_text(), b"irkit-audit/1\n", "irkit-audit")
    assert found.fingerprint == key.fingerprint


@needs_ssh_keygen
def test_the_fingerprint_is_the_one_that_ssh_keygen_prints(tmp_path: Path) -> None:
    home = Home(str(tmp_path))
    key = ensure_key(home)
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(Path(home.keys) / "irkit.pub")],
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    assert said.stdout.split()[1] == key.fingerprint

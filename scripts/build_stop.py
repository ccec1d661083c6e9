# SPDX-License-Identifier: Apache-2.0
"""Build `irkit-stop.pyz`: the kill path alone, in one file that any Python 3.11 or newer runs with nothing installed.

The same sources give the same bytes: names in order, one fixed time, no compression that a zlib's version changes.
Prints the file's SHA-256; its first 8 digits are what the file says of itself.
"""

import ast
import hashlib
import io
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START = "irkit/respond/emergency.py"
LAZY = ("irkit/respond/tell.py", "irkit/respond/procfs_portable.py")
"""Imported inside functions, and part of it."""
FIXED = (1980, 1, 1, 0, 0, 0)
SHEBANG = b"#!/usr/bin/env -S python3 -I -S\n"


def sources() -> dict[str, bytes]:
    """Path in the archive -> bytes: what the kill path imports of irkit, and nothing else."""
    found: dict[str, bytes] = {}
    waiting = [START, *LAZY]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = (ROOT / name).read_bytes()
        waiting += [path for path in _imports(found[name]) if path not in found]
        waiting += [f"{parent}/__init__.py" for parent in _parents(name)]
    found["__main__.py"] = (ROOT / "scripts" / "stop_main.py").read_bytes()
    return found


def _parents(name: str) -> list[str]:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def _imports(text: bytes) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("irkit"):
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names if alias.name.startswith("irkit")]
    paths = []
    for name in names:
        path = name.replace(".", "/")
        if (ROOT / f"{path}.py").is_file():
            paths.append(f"{path}.py")
        elif (ROOT / path / "__init__.py").is_file():
            paths.append(f"{path}/__init__.py")
    return paths


def archive() -> bytes:
    """The whole file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as zipped:
        for name, data in sorted(sources().items()):
            entry = zipfile.ZipInfo(name, FIXED)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            zipped.writestr(entry, data)
    return SHEBANG + packed.getvalue()


def main() -> int:
    """Write it to the path that is given, `dist/irkit-stop.pyz` without one."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist" / "irkit-stop.pyz")
    data = archive()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    target.chmod(0o755)
    print(f"{hashlib.sha256(data).hexdigest()}  {target}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

# SPDX-License-Identifier: Apache-2.0
"""What makes a kill's report honest, judged by what the observer saw."""

from typing import Any

from tests.containment.arena import Ran
from tests.containment.shapes import Shape

PROVED, KNOWN_DEAD, SURVIVOR = 0, 10, 11


def complaints(shape: Shape, ran: Ran) -> list[str]:
    """Everything that is wrong with it; each begins with what kind of wrong."""
    report = ran.report
    if not report:
        return [f"no report: exit {ran.code}: {ran.stderr.strip()[-300:]}"]
    wrong = []
    if ran.code != report["verdict"] or ran.code not in {PROVED, KNOWN_DEAD, SURVIVOR}:
        wrong.append(f"exit {ran.code} for verdict {report['verdict']}")
    hidden = _pids(report["survivors"], report["unaccounted"], report["spared"])
    listed = hidden | _pids(report["not_ruled_out"]["processes"])
    living = {seen.pid: seen for seen in ran.after.values()}
    if living and ran.code == PROVED:
        wrong.append(f"FALSE PROOF: {_names(living)} live")
    if living and ran.code == KNOWN_DEAD and shape.owed != "listed":
        wrong.append(f"FALSE ALL-CLEAR: {_names(living)} live; listed {sorted(listed & set(living))}")
    if shape.owed == "dead" and living:
        wrong.append(f"MISSED: {_names(living)} live, verdict {ran.code}")
    if not shape.moves:
        wrong += [f"UNLISTED: {_names({pid: living[pid]})}" for pid in sorted(set(living) - listed)]
        told = listed | _pids(report["processes"])
        gone = {seen.pid: seen for seen in ran.before.values() if seen.pid not in told}
        wrong += [f"NOT TOLD: {_names(gone)}"] if gone else []
    elif living and not listed:
        wrong.append(f"UNLISTED: {_names(living)}, and nothing is named")
    wrong += [f"no reason: {row}" for row in report["processes"] if not row["why"] or not row["final"]]
    return wrong


def _pids(*tables: Any) -> set[int]:
    return {row["pid"] for rows in tables for row in rows}


def _names(seen: dict[int, Any]) -> str:
    return ", ".join(f"{one.pid} {one.comm!r} {one.states}" for one in list(seen.values())[:5])

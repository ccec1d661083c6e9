# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG001 - all handlers have one signature
"""Programs that make things start by themselves, end processes, change safeguards, or steer irkit and other agents."""

import re

from irkit.detect.flow import NOTHING, Flow
from irkit.detect.shell import plain
from irkit.detect.walk import Call, Walk

_GUARD = re.compile(r"irkit", re.IGNORECASE)
_LOWERS = frozenset("uninstall resume unlatch policy approve except restore undo unlock hotkey".split())
_NO_SAFEGUARDS = re.compile(
    r"--dangerously-skip-permissions|--dangerously-bypass-approvals-and-sandbox|--yolo\b|--full-auto|--allow-all-tools|--trust-all-tools|--approval-mode[= ]yolo|--permission-mode[= ]bypassPermissions|--sandbox[= ]danger-full-access"
)


def crontab(walk: Walk, call: Call) -> Flow:
    """`crontab -l` looks, `-r` removes, everything else installs."""
    if call.has("-l"):
        return NOTHING
    act = "delete" if call.has("-r") else "persist"
    if call.words() or call.stdin is not NOTHING or call.has("-r", "-e"):
        walk.act(act, "crontab", target="start-file", path="crontab")
    return NOTHING


def at_job(walk: Walk, call: Call) -> Flow:
    """`at now + 1 hour`."""
    if call.words() and not call.has("-l"):
        walk.act("persist", call.program, target="timer", path=" ".join(call.plain)[:80])
    return NOTHING


def service(walk: Walk, call: Call) -> Flow:
    """`systemctl enable`, `launchctl load`, `sc create`, `schtasks /create`."""
    words = [plain(word).lower() for word in call.words()]
    text = " ".join(words)
    if _GUARD.search(text) and {
        "stop",
        "disable",
        "mask",
        "kill",
        "unload",
        "bootout",
        "remove",
        "delete",
    } & set(words):
        walk.act("tamper", call.program, target="guard", path=text[:80])
    elif {"enable", "link", "load", "bootstrap", "submit", "create", "/create"} & set(
        words[:2]
    ) or "/create" in call.plain:
        own = call.has("--user") or "/" in text or call.program in {"launchctl", "schtasks", "sc"}
        walk.act("persist", call.program, target="service", path=text[:80], detail=("own",) if own else ())
    elif {"stop", "disable", "mask"} & set(words[:2]) and re.search(
        r"auditd|falcon|crowdstrike|osquery|wazuh|ufw|firewalld|apparmor|clamav|rsyslog|journald|sentinel|defender",
        text,
    ):
        walk.act("loosen", call.program, target="defence", path=text[:80])
    return NOTHING


def timer(walk: Walk, call: Call) -> Flow:
    """`systemd-run --on-calendar`."""
    if any(arg.startswith("--on-") for arg in call.args):
        walk.act("persist", call.program, target="timer", path=" ".join(call.plain)[:80])
    return walk.again(
        call, next((i for i, a in enumerate(call.args) if not a.startswith("-")), len(call.args))
    )


def end(walk: Walk, call: Call) -> Flow:
    """`kill`, `pkill`, `killall`: irkit, everything, or the user's own dev server."""
    words = [plain(word) for word in call.words()]
    text = " ".join(call.plain)
    if _GUARD.search(text) and call.program in {"pkill", "killall", "kill", "taskkill"}:
        walk.act("tamper", call.program, target="guard", path=text[:80])
    elif call.program == "kill" and ("-1" in call.args[1:] or words[-1:] in (["1"], ["-1"])):
        walk.act("kill", "kill", target="everything")
    elif call.program in {"pkill", "killall"} and (
        call.has("-u", "-U") or "--user" in call.args or words in ([], ["."], [".*"])
    ):
        walk.act("kill", call.program, target="everything")
    return NOTHING


def processes(walk: Walk, call: Call) -> Flow:
    """`pgrep -f NAME`: whose numbers it prints is what matters to `kill $(…)`."""
    return Flow(text=" ".join(call.plain))


def own_tool(walk: Walk, call: Call) -> Flow:
    """Irkit run by an agent: looking is fine, lowering protection is not."""
    words = [plain(word) for word in call.words()]
    if _LOWERS & set(words[:2]):
        walk.act("tamper", "irkit", target="guard", path=" ".join(words)[:80])
    return NOTHING


def other_agent(walk: Walk, call: Call) -> Flow:
    """Another agent is started; without safeguards that is worth a question."""
    text = " ".join(call.plain)
    if _NO_SAFEGUARDS.search(text):
        walk.act("start-agent", call.program, detail=("no-safeguards",))
    if call.args[:2] == ["mcp", "add"] or call.args[:2] == ["mcp", "add-json"]:
        walk.act(
            "agent-settings", call.program, target="agent-settings", path="mcp", detail=("server-asked",)
        )
    return NOTHING


def power(walk: Walk, call: Call) -> Flow:
    """`shutdown`, `reboot`."""
    if not call.has("-c", "--help", "-k"):
        walk.act("kill", call.program, target="machine")
    return NOTHING


def accounts(walk: Walk, call: Call) -> Flow:
    """New users, new rights, new passwords."""
    if not walk.contained and call.words():
        walk.act("persist", call.program, target="account", path=" ".join(call.plain)[:80])
    return NOTHING


def defence(walk: Walk, call: Call) -> Flow:
    """Firewalls and the system's own protection, off."""
    text = " ".join(call.plain).lower()
    if re.search(
        r"(?:^|\s)-f\b|--flush|-p (?:input|output|forward) accept|disable|setenforce 0|^0$|off|--master-disable|-e 0|-d",
        text,
    ):
        walk.act("loosen", call.program, target="defence", path=text[:80])
    return NOTHING


def environment(walk: Walk, call: Call) -> Flow:
    """`printenv`, `export -p`, `set`: the environment, with what is secret in it."""
    return Flow(frozenset({"env"}), target="environment") if not call.words() else NOTHING


def said(walk: Walk, call: Call) -> Flow:
    """`echo`, `printf`: their arguments; escapes of printf are characters."""
    from irkit.detect.shell import decoded

    words = call.plain
    if call.program == "echo":
        while words and re.fullmatch(r"-[neE]+", words[0]):
            words = words[1:]
    text = " ".join(words)
    if "\\" in text:
        text = decoded(text)
    flow = call.flow
    return flow._replace(text=text, paths=(), filtered=False)


def history(walk: Walk, call: Call) -> Flow:
    """`history -c`."""
    if call.has("-c", "-w") and call.has("-c"):
        walk.act("delete", "history", target="agent-state", path="shell history")
    return NOTHING


def journal(walk: Walk, call: Call) -> Flow:
    """`journalctl --vacuum-time=1s`, `wevtutil cl`."""
    if any(arg.startswith("--vacuum") or arg in {"--rotate", "cl", "clear-log"} for arg in call.args):
        walk.act("delete", call.program, target="agent-state", path="system log")
    return NOTHING


def location(walk: Walk, call: Call) -> Flow:
    """`pwd`."""
    return Flow(text=walk.cwd or ".")


def defaults(walk: Walk, call: Call) -> Flow:
    r"""`defaults write com.apple.loginitems`, `reg add …\\Run`."""
    text = " ".join(call.plain)
    if re.search(r"loginitems|LoginHook|CurrentVersion[\\/]Run", text, re.IGNORECASE) and re.search(
        r"write|add", text
    ):
        walk.act("persist", call.program, target="start-file", path=text[:100])
    return NOTHING


def anything(walk: Walk, call: Call) -> Flow:
    """A program that nobody here knows: a script of the session's own, or one that gets secrets through a pipe."""
    if call.program == "" and call.redirects:
        return NOTHING
    if walk.memory.scripts or walk.memory.fetched:
        from irkit.detect.wrappers import run_file

        if "/" in call.name:
            run_file(walk, call.name, call.program)
    return call.stdin._replace(text="") if call.stdin.tags else NOTHING


SYSTEM = {
    "crontab": crontab,
    **dict.fromkeys(("at", "batch"), at_job),
    **dict.fromkeys(
        (
            "systemctl",
            "launchctl",
            "service",
            "sc",
            "schtasks",
            "chkconfig",
            "update-rc.d",
            "rc-update",
            "brew-services",
        ),
        service,
    ),
    "systemd-run": timer,
    **dict.fromkeys(("kill", "pkill", "killall", "taskkill", "skill"), end),
    **dict.fromkeys(("pgrep", "pidof"), processes),
    "irkit": own_tool,
    **dict.fromkeys(
        "claude codex gemini copilot opencode qwen cursor-agent q aider amp".split(), other_agent
    ),
    **dict.fromkeys(("shutdown", "reboot", "halt", "poweroff"), power),
    **dict.fromkeys("useradd adduser usermod passwd chpasswd visudo gpasswd dscl net".split(), accounts),
    **dict.fromkeys("iptables ip6tables nft ufw setenforce csrutil spctl auditctl pfctl".split(), defence),
    **dict.fromkeys(("printenv", "set", "declare"), environment),
    **dict.fromkeys(("echo", "printf"), said),
    "history": history,
    "journalctl": journal,
    "wevtutil": journal,
    "pwd": location,
    **dict.fromkeys(("defaults", "reg"), defaults),
    "": anything,
}

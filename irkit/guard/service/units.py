# SPDX-License-Identifier: Apache-2.0
"""What a service manager is told of the guard: systemd units for a user or the system, and launchd's property list.

Rules:
- Absolute paths only (threat T10), and a clean environment (threat T7): neither an agent's marks nor a loader's or
  Python's variables reach the guard.
- Restarted always and without a limit; a guard whose loop stands still is restarted too.
- The sockets are the service manager's: the first hook starts a stopped guard, and waits in the queue during an upgrade.
- Pure text. What cannot be hardened, and why, is said beside it: the guard reads every /proc, signals, and traces.
"""

import plistlib
from typing import NamedTuple

from irkit.agents.facts import MARKERS

SYSTEM_USER = "irkit"
SYSTEM_HOME = "/var/lib/irkit"
LABEL = "dev.irkit.guard"
"""launchd's name of the guard."""
WATCHDOG_S = 30
_LOADER = (
    "LD_PRELOAD LD_AUDIT LD_LIBRARY_PATH LD_DEBUG GCONV_PATH "
    "PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONINSPECT PYTHONBREAKPOINT PYTHONWARNINGS PYTHONUSERBASE "
    "PYTHONNODEBUGRANGES PYTHONEXECUTABLE PYTHONPLATLIBDIR PYTHONCASEOK PYTHONASYNCIODEBUG PYTHONMALLOC "
    "BASH_ENV ENV"
).split()
_CAPABILITIES = "CAP_KILL CAP_SYS_PTRACE CAP_DAC_READ_SEARCH"
"""Signal another user's processes; read their environment, executable and folder; read what their hooks spooled."""
_HARDENING = """NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@clock @cpu-emulation @debug @module @mount @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
UMask=0077
"""
_SYSTEM_HARDENING = """ProtectSystem=strict
ProtectHome=read-only
PrivateDevices=no
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=default
RemoveIPC=yes
KeyringMode=private
CapabilityBoundingSet={capabilities}
AmbientCapabilities={capabilities}
StateDirectory=irkit
StateDirectoryMode=0711
"""


class Unit(NamedTuple):
    """One file for a service manager."""

    name: str
    text: str


class Paths(NamedTuple):
    """What the units name, each absolute."""

    command: tuple[str, ...]
    """How irkit is started: an interpreter and its arguments."""
    home: str
    """The irkit home that is guarded."""


def systemd(paths: Paths, *, system: bool) -> tuple[Unit, ...]:
    """The service, its two sockets, and the path that revives it for the drop file."""
    _all_absolute(paths)
    return (
        Unit("irkit-guard.service", _service(paths, system=system)),
        Unit("irkit-hook.socket", _socket(f"{paths.home}/gate/hook.sock", "irkit-hook", system=system)),
        Unit("irkit-guard.socket", _socket(f"{paths.home}/guard.sock", "irkit-guard", system=system)),
        Unit("irkit-kill.path", _path(f"{paths.home}/gate/KILL")),
    )


def sysusers() -> Unit:
    """The system guard's own user: no login, no shell, no home but its state."""
    text = f'u {SYSTEM_USER} - "irkit guard" {SYSTEM_HOME} /usr/sbin/nologin\n'
    return Unit("irkit.conf", text)


def launchd(paths: Paths) -> Unit:
    """A launch agent: started at login, kept alive, without a throttle of minutes."""
    _all_absolute(paths)
    text = plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": [*paths.command, "guard", "--quiet"],
            "EnvironmentVariables": {"IRKIT_HOME": paths.home, "PATH": "/usr/bin:/bin"},
            "RunAtLoad": True,
            "KeepAlive": {"PathState": {f"{paths.home}/gate/KILL": True}, "SuccessfulExit": False},
            "ThrottleInterval": 1,
            "ProcessType": "Interactive",
            "Umask": 0o077,
            "StandardErrorPath": f"{paths.home}/guard.log",
            "WorkingDirectory": paths.home,
        }
    )
    return Unit(f"{LABEL}.plist", text.decode())


def quoted(word: str) -> str:
    """One word of a unit's command line: spaces kept, and neither specifiers nor variables expanded."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"'


def _service(paths: Paths, *, system: bool) -> str:
    unset = " ".join(dict.fromkeys([*sorted({name for _, name, _ in MARKERS}), *_LOADER]))
    own = f"User={SYSTEM_USER}\nGroup={SYSTEM_USER}\n" if system else ""
    hardening = _HARDENING + (_SYSTEM_HARDENING.format(capabilities=_CAPABILITIES) if system else "")
    shared = " --shared" if system else ""
    return (
        "[Unit]\n"
        "Description=irkit guard: watches AI coding agents and stops them\n"
        "Documentation=man:systemd.service(5)\n"
        "Requires=irkit-hook.socket irkit-guard.socket\n"
        "After=irkit-hook.socket irkit-guard.socket\n"
        "StartLimitIntervalSec=0\n\n"
        "[Service]\n"
        "Type=notify\n"
        "NotifyAccess=main\n"
        f"ExecStart={' '.join(quoted(word) for word in paths.command)} guard --quiet{shared}\n"
        f"Environment={quoted('IRKIT_HOME=' + paths.home).replace('$$', '$')}\n"
        f"UnsetEnvironment={unset}\n"
        f"{own}"
        "Sockets=irkit-hook.socket irkit-guard.socket\n"
        "Restart=always\n"
        "RestartSec=100ms\n"
        f"WatchdogSec={WATCHDOG_S}\n"
        "TimeoutStopSec=5\n"
        "KillMode=mixed\n"
        "IgnoreSIGPIPE=yes\n"
        "Slice=irkit.slice\n"
        f"{'OOMScoreAdjust=-900' + chr(10) if system else ''}"
        "LimitNOFILE=65536\n"
        f"{hardening}\n"
        "[Install]\n"
        f"WantedBy={'multi-user.target' if system else 'default.target'}\n"
    )


def _socket(path: str, name: str, *, system: bool) -> str:
    modes = f"SocketMode={'0666' if name == 'irkit-hook' else '0600'}\nSocketUser={SYSTEM_USER}\nSocketGroup={SYSTEM_USER}\nDirectoryMode=0755\n"
    return (
        "[Unit]\n"
        f"Description=irkit: {name}\n\n"
        "[Socket]\n"
        f"ListenStream={path.replace('%', '%%')}\n"
        f"FileDescriptorName={name}\n"
        f"{modes if system else 'SocketMode=0600' + chr(10) + 'DirectoryMode=0700' + chr(10)}"
        "Backlog=4096\n"
        "RemoveOnStop=yes\n"
        "TriggerLimitIntervalSec=0\n"
        "Service=irkit-guard.service\n\n"
        "[Install]\n"
        "WantedBy=sockets.target\n"
    )


def _path(path: str) -> str:
    return (
        "[Unit]\n"
        "Description=irkit: start the guard when gate/KILL appears\n\n"
        "[Path]\n"
        f"PathExists={path.replace('%', '%%')}\n"
        "TriggerLimitIntervalSec=0\n"
        "Unit=irkit-guard.service\n\n"
        "[Install]\n"
        "WantedBy=paths.target\n"
    )


def _all_absolute(paths: Paths) -> None:
    for path in (paths.command[0], paths.home):
        if not path.startswith("/") or "\n" in path:
            raise ValueError(f"not an absolute path of one line: {path!r}")

# SPDX-License-Identifier: Apache-2.0
"""`irkit completion SHELL`: completion made from the parsers themselves, so that it cannot drift."""

import argparse
import importlib

from irkit import exit_codes


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit completion`."""
    parser.add_argument("shell", choices=["bash", "zsh", "fish"])
    parser.epilog = (
        "examples:\n"
        "  irkit completion bash > ~/.local/share/bash-completion/completions/irkit\n"
        "  irkit completion zsh > ~/.zfunc/_irkit\n"
        "  irkit completion fish > ~/.config/fish/completions/irkit.fish"
    )


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    words = _words()
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](words), end="")
    return exit_codes.DONE


def _words() -> dict[str, list[str]]:
    """Command -> its options and sub-commands, read from its parser. A command that is not built yet has none."""
    main = importlib.import_module("irkit.cli.main")
    words = {}
    for name in main.COMMANDS:
        if name in {"freeze", "kill", "latch"}:
            words[name] = ["--all", "--pid", "--yes", "--json", "--reason", "--help"]
            continue
        found: list[str] = []
        for action in main.parser_of(name)._actions:  # noqa: SLF001 - argparse has no public list of them
            found += [option for option in action.option_strings if option.startswith("--")]
            if isinstance(action.choices, dict | list) and not action.option_strings:
                found += [str(choice) for choice in action.choices]
        words[name] = found
    return words


def _bash(words: dict[str, list[str]]) -> str:
    cases = "\n".join(f"    {name}) words='{' '.join(options)}' ;;" for name, options in words.items())
    return (
        "_irkit() {\n  local words cur=${COMP_WORDS[COMP_CWORD]}\n"
        f"  if [ \"$COMP_CWORD\" = 1 ]; then words='{' '.join(words)}'; else case ${{COMP_WORDS[1]}} in\n{cases}\n"
        '  esac; fi\n  COMPREPLY=($(compgen -W "$words" -- "$cur"))\n}\ncomplete -F _irkit irkit\n'
    )


def _zsh(words: dict[str, list[str]]) -> str:
    cases = "\n".join(f"    {name}) compadd -- {' '.join(options)} ;;" for name, options in words.items())
    return (
        f"#compdef irkit\nif (( CURRENT == 2 )); then compadd -- {' '.join(words)}\n"
        f"else case $words[2] in\n{cases}\n  esac\nfi\n"
    )


def _fish(words: dict[str, list[str]]) -> str:
    main = importlib.import_module("irkit.cli.main")
    lines = ["complete -c irkit -f"]
    for name, options in words.items():
        about = main.COMMANDS[name].replace("\\", "\\\\").replace("'", "\\'")
        lines.append(f"complete -c irkit -n __fish_use_subcommand -a {name} -d '{about}'")
        for option in options:
            flag = f"-l {option[2:]}" if option.startswith("--") else f"-a {option}"
            lines.append(f"complete -c irkit -n '__fish_seen_subcommand_from {name}' {flag}")
    return "\n".join(lines) + "\n"

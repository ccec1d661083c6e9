# SPDX-License-Identifier: Apache-2.0
"""What kind of act a tool is, by the name that its agent gives it. Runs for every event: a lookup, no pattern.

Rules: a name says what an agent calls the act, not what the act does (a shell does everything), so the kind is
for counting and for rules that start from it, never a reason to let something pass. An unknown name is `other`.

Sources: the agents' documentation, and tools seen in payloads of Claude Code 2.1.197, Codex 0.169.0, Gemini CLI
0.61.0, Qwen Code 0.15.10, Copilot CLI 1.0.102 and OpenCode 1.18.33. Copilot CLI (`server-tool`) and OpenCode
(`server_tool`) name MCP tools so that they cannot be told from others: those are `other`.
"""

from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["shell", "read", "write", "search", "web", "mcp", "plan", "agent", "other"]

_NAMES: dict[Kind, str] = {
    "shell": (
        "bash shell sh zsh powershell pwsh cmd exec command terminal run_shell_command run_command exec_command "
        "local_shell local_shell_call container.exec write_stdin shell_command unified_exec bashoutput killshell "
        "killbash bash_output kill_shell read_bash write_bash stop_bash list_bash read_powershell write_powershell "
        "stop_powershell runinterminal run_in_terminal runterminalcommand run_terminal_cmd run_terminal_command "
        "getterminaloutput get_terminal_output send_to_terminal execute_command beforeshellexecution "
        "aftershellexecution taskoutput taskstop monitor repl js_repl"
    ),
    "read": (
        "read read_file readfile view view_image cat open notebookread read_many_files read_notebook "
        "read_mcp_resource readmcpresource readmcpresourcetool get_errors getchangedfiles get_changed_files "
        "copilot_readfile read_code beforereadfile"
    ),
    "write": (
        "write edit multiedit multi_edit apply_patch applypatch create replace write_file writefile write_to_file "
        "notebookedit edit_file editfile editfiles edit_files create_file createfile delete delete_file deletefile "
        "str_replace str_replace_editor str_replace_based_edit_tool insert insert_edit_into_file "
        "replace_string_in_file multi_replace_string_in_file edit_notebook_file edit_notebook create_directory "
        "createdirectory patch search_replace write_code afterfileedit save_memory memory"
    ),
    "search": (
        "grep glob search ls list list_dir list_directory listdir grep_search file_search filesearch search_files "
        "search_file_content codebase codebase_search semantic_search rg find find_files textsearch text_search "
        "searchresults list_code_usages usages toolsearch tool_search lsp"
    ),
    "web": (
        "webfetch web_fetch websearch web_search google_web_search fetch fetch_url fetch_webpage "
        "web_search_call open_url browser browser_action url_fetch open_simple_browser"
    ),
    "plan": (
        "todowrite todo_write todoread todo_read write_todos update_plan updateplan exitplanmode exit_plan_mode "
        "enterplanmode enter_plan_mode plan todo todos update_todo manage_todo_list taskcreate taskupdate taskget "
        "tasklist report_intent askuserquestion ask_user ask_user_question question request_user_input"
    ),
    "agent": (
        "task agent subagent spawn_agent send_input wait_agent wait close_agent resume_agent runsubagent "
        "run_subagent delegate delegate_to_agent codebase_investigator invoke_subagent sendmessage send_message "
        "teamcreate teamdelete read_agent list_agents"
    ),
    "mcp": "mcp use_mcp_tool mcp_tool access_mcp_resource listmcpresources listmcpresourcestool list_mcp_resources",
}

_KINDS: dict[str, Kind] = {name: kind for kind, names in _NAMES.items() for name in names.split()}
_KINDS |= {
    "Bash": "shell",
    "PowerShell": "shell",
    "Read": "read",
    "Write": "write",
    "Edit": "write",
    "MultiEdit": "write",
    "Grep": "search",
    "Glob": "search",
    "WebFetch": "web",
    "WebSearch": "web",
    "TodoWrite": "plan",
    "Task": "agent",
    "Agent": "agent",
}
"""Lower-case names of all agents, and the most frequent ones as they are written, so that they need one lookup."""


def kind_of(tool: str) -> Kind:
    """The kind of act; upper and lower case do not matter.

    >>> kind_of("run_shell_command"), kind_of("MultiEdit"), kind_of("mcp__db__query"), kind_of("teleport")
    ('shell', 'write', 'mcp', 'other')
    """
    kind = _KINDS.get(tool)
    if kind is not None:
        return kind
    if tool.startswith(("mcp__", "mcp_", "MCP:", "mcp:")):
        return "mcp"
    return _KINDS.get(tool.lower(), "other")

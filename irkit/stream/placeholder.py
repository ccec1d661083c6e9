# SPDX-License-Identifier: Apache-2.0
"""What stands where a secret would stand, and is none: examples, blanks to fill in, references, code.

Rules: a real secret must not be taken for a placeholder because of one unlucky letter run, so every test here
needs a whole word, a mark that no secret carries, or a body of almost no different characters.
"""

import re

_MARKS = re.compile(
    r"""example|placeholder|change[-_ ]?(?:me|it|this)|your[-_ .]|<your|_here\b|-here\b|xxxx|redacted|dummy
    |replace[-_ ]?(?:me|with|this)|insert[-_ ]|\*{3}|^\.{3}|\.{3}$|…|•{3}|not[-_ ]?a?[-_ ]?real|to[-_]be[-_]set
    |\{\{|\}\}|\$\{|\$\(|<%|%>""",
    re.IGNORECASE | re.VERBOSE,
)
_BLANK = re.compile(
    r"<[^<>]{0,80}>|\[[^\[\]]{0,80}\]|\{[^{}]{0,80}\}|%[A-Za-z_]\w{0,60}%|[$][A-Za-z_]\w{0,60}|[*.xX#_-]{3,}"
)
_DEFAULTS = frozenset({"password", "pass", "passwd", "pwd", "secret", "changeme", "token", "pw"})
_MARK_WITHIN = 256
"""A mark stands early, and longer values are looked at once for every name inside them."""
_FEW = 4
"""A body of this few different characters was typed by a person to fill a place."""


def is_placeholder(value: str) -> bool:
    """Whether this value only marks the place of a secret.

    >>> is_placeholder("ghp_" + "x" * 36), is_placeholder("<your-token>"), is_placeholder("tr0ub4dor&3")
    (True, True, False)
    """
    if _MARKS.search(value, 0, _MARK_WITHIN) or _BLANK.fullmatch(value):
        return True
    body = value[-16:] if len(value) > 24 else value
    return len(value) >= 8 and len(set(body.lower())) <= _FEW


def is_default_login(user: str, password: str) -> bool:
    """Whether a login in a URL is the one that every tutorial has: `postgres:postgres`, `user:password`."""
    return len(password) < 4 or password.lower() in _DEFAULTS or password == user

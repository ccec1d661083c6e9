# SPDX-License-Identifier: Apache-2.0
"""Whether what stands under a telling name is a secret, or code, a reference, a word, a blank to fill in.

Rules: where a value is quoted, or is an environment variable's in the shell, a password may be any word; bare words elsewhere are
names of variables and types as often as they are passwords, so they need a digit or a mark. Keys and tokens must look random.
"""

import base64
import binascii
import re

from irkit.stream.placeholder import is_placeholder
from irkit.stream.secret_names import Role

_WORDS = frozenset(
    "password passwd passwort pass pwd passphrase secret secrets token tokens key apikey api_key auth none null nil true false "
    "undefined string str bytes int integer number bool boolean object any optional required void text varchar secretstr hidden "
    "input prompt empty default unknown missing invalid incorrect expired wrong user username admin login enabled disabled "
    "yes no on off basic bearer digest oauth oauth2 jwt plain md5 scram-sha-256 trust peer sha256 sha512 bcrypt argon2 reject "
    "env vault file keyring prompted ask stdin inherit never always self this value redacted masked sample".split()
)
_TELLTALE = re.compile(
    r"pass(?:word|wd)|passwort|token|secret|api[-_]?key|credential|string|required|invalid|missing|must",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s")
_CALL = re.compile(r"[\w.:>&*-]*[A-Za-z_]\w*!?\(")
_INDEX = re.compile(r"[A-Za-z_$][\w.$]*\??\[")
_DOTTED = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)+[!?]?")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_NAMED = re.compile(
    r"_?(?:[a-z]{1,20}|[A-Z]{1,20}|[A-Z][a-z]{1,20})[0-9]{0,4}(?:_(?:[a-z]{1,20}|[A-Z]{1,20}|[A-Z][a-z]{1,20})[0-9]{0,4}){1,8}_?"
)
"""A name of several words: `sha256_hash`."""
_TYPE = re.compile(r"[a-z0-9](?:Key|Types?|Config|Params?|Hash|Value)(?:[A-Z]|$)")
_PATH = re.compile(
    r"(?:~|\.{1,2})?(?:/[A-Za-z0-9_.@ -]{1,60}){1,20}/?|[A-Za-z]:\\[^\s]{1,200}|[A-Za-z0-9_.-]{1,40}\.(?:pem|key|txt|json|ya?ml|toml|ini|env|conf|cfg|py|js|ts|go|rs|rb)"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://")
_WORDY = re.compile(
    r"(?:[A-Za-z]{1,20}[0-9]{0,2}|v?[0-9]{1,3})(?:[-_.:/ ](?:[A-Za-z]{1,20}[0-9]{0,2}|v?[0-9]{1,3})){0,10}"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_REFERENCE = re.compile(
    r"[$](?:[A-Za-z_{(0-9@*#?]|$)|%[A-Za-z_]\w*%|![A-Za-z]+\b|[&*][A-Za-z]\w*$|@[A-Za-z./]|#\{|\{(?!SSHA|SHA|CRYPT|MD5)|&#|&lt;|<[A-Za-z/]"
)
_SCHEME = re.compile(
    r"(?:Bearer|Basic|Token|ApiKey|Api-Key|SSWS|GenieKey|Negotiate|Digest|Key|OAuth)[ \t]+", re.IGNORECASE
)
_SHOUTED = re.compile(r"[A-Z][A-Z0-9_]{1,60}")


def reads_as_words(value: str) -> bool:
    """Whether the value is words, versions and numbers with signs between: `sha256-hashed`."""
    return _WORDY.fullmatch(value) is not None


def scheme_length(value: str) -> int:
    """How long an authorization scheme (`Bearer `, `Basic `) at the value's start is."""
    found = _SCHEME.match(value)
    return found.end() if found else 0


def is_secret(role: Role, value: str, *, quoted: bool, name: str = "", setting: bool = False) -> bool:
    """Whether the value that stands under a name of this role has to be masked.

    `setting`: it is a whole line of a settings file, so that it is no code.
    """
    if len(value) < 6 or value.lower() in _WORDS or is_placeholder(value) or value.lower() == name.lower():
        return False
    if value.startswith("[redacted:"):
        return False
    if _REFERENCE.match(value) or _URL.match(value) or _PATH.fullmatch(value):
        return False
    if role == "auth":
        return _holds_login(value) or (quoted and _looks_random(value))
    if role == "password":
        return _is_password(value, quoted=quoted, literal=setting or bool(_SHOUTED.fullmatch(name)))
    if not quoted and _is_code(value):
        return False
    if role == "secret" and quoted and _SHOUTED.fullmatch(name) and len(value) >= 20:
        return not _SPACE.search(value)  # JWT_SECRET="three-words-and-some-more"
    return _looks_random(value) or (role == "authorization" and _holds_login(value))


def _is_password(value: str, *, quoted: bool, literal: bool) -> bool:
    if _SPACE.search(value):
        return False
    if value.isalpha() and _TELLTALE.search(value):
        return False
    if value[0] == "(" and value[-1] == ")":
        return False
    if quoted:
        return not (value[:1] in "{:" or value.endswith(":") or (_CALL.match(value) and value.endswith(")")))
    if _is_code(value):
        return literal and _is_word_of_its_own(value)
    return not value.isdigit() or len(value) >= 6


def _is_word_of_its_own(value: str) -> bool:
    """Where no code can stand: a name without a telling word in it, or anything with a digit."""
    if "(" in value or "[" in value or _TELLTALE.search(value):
        return False
    return any(char.isdigit() for char in value) or (value.isalnum() and not value.isupper())


def _is_code(value: str) -> bool:
    """A call, an index, an attribute, a bare name: what stands right of `=` in a program."""
    call = _CALL.match(value)
    if call and (
        value.count("(") > value.count(")")
        or value.endswith((")", "(", ","))
        or not any(char.isdigit() for char in call.group())
    ):
        return True
    if _INDEX.match(value):
        return True
    if _DOTTED.fullmatch(value) and not _has_random_part(value):
        return True
    if not _IDENTIFIER.fullmatch(value):
        return False
    if _TYPE.search(value):
        return True
    return (
        (value.isalpha() and not _mixed(value))
        or _NAMED.fullmatch(value) is not None
        or _TELLTALE.search(value) is not None
    )


def _has_random_part(value: str) -> bool:
    return any(_mixed(part) for part in re.split(r"[^A-Za-z0-9]+", value))


def _mixed(part: str) -> bool:
    """Whether letters and digits, or capitals and small letters, stand as no word has them."""
    digits = sum(char.isdigit() for char in part)
    if not digits:
        return len(part) >= 16 and not part.islower() and not part.isupper() and not _camel(part)
    return len(part) >= 8 and digits >= 2 and digits < len(part)


def _looks_random(value: str) -> bool:
    if _SPACE.search(value) or len(value) < 8:
        return False
    if _UUID.fullmatch(value):
        return True
    if value.isdigit() or (_WORDY.fullmatch(value) and not (value.isalpha() and len(value) >= 20)):
        return False
    digits = sum(char.isdigit() for char in value)
    letters = sum(char.isalpha() for char in value)
    if not letters:
        return False
    if digits:
        return True
    upper = sum(char.isupper() for char in value)
    if 0 < upper < letters and len(value) >= 12 and not _IDENTIFIER.fullmatch(value):
        return True
    return (
        len(value) >= 20
        and len(set(value)) >= 10
        and not _TELLTALE.search(value)
        and value.isalnum()
        and not _camel(value)
    )


def _camel(value: str) -> bool:
    """Whether letters alone read as words put together: `getAccessTokenSilently`."""
    if value.islower() or value.isupper():
        return False
    return bool(re.fullmatch(r"[A-Z]?[a-z]{2,}(?:[A-Z]{1,4}[a-z]{2,})*", value))


def _holds_login(value: str) -> bool:
    """Whether this is `user:password` in base64."""
    if len(value) < 8:
        return False
    try:
        plain = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    user, colon, password = plain.partition(b":")
    return bool(colon) and bool(user + password) and plain.isascii() and plain.decode("ascii").isprintable()

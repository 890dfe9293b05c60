# Copyright (c) 2026, The stackwright.swarm maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes passwords, tokens and keys from values, commands, logs and messages.

It recognizes them by the name of a value (``DB_PASSWORD``, ``--token=``, ``"auth": ``), or by their shape (a private
key, a token, a hash, the password in a URL). Each pattern takes linear time: a match can't start inside a name, and no
text is read twice.
"""

from __future__ import annotations

import re
from typing import List, Match, Optional, Tuple

from ansible_collections.stackwright.swarm.plugins.module_utils.values.value_references import show_references

HIDDEN = "********"

# -- names

#: Anywhere in a name (``PGPASSWORD``, ``clientSecret``).
PARTS = re.compile(
    r"password|passwd|passphrase|passcode|passkey|storepass|keypass|(?<!by)(?<!com)(?<!tres)(?<!sur)(?<!over)pass\Z"
    r"|requirepass|masterauth|secret|token|credential|private|api[._-]?key|authorization|connection_?string"
    r"|basicauth|digestauth|dsn|(?:user|root|db|admin)pwd?\Z|cookie\Z",
    re.IGNORECASE,
)
#: Only as whole words, because author, passenger and keyboard are not secrets.
WORDS = frozenset(("pass", "pwd", "pw", "key", "keys", "auth", "salt", "pat", "jwt", "sig", "creds", "bearer"))
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
#: The last word of a name that is only about a secret, as in TOKEN_TTL and SECRET_NAME.
ABOUT = re.compile(
    r"(?i:add|age|algo|algorithm|audience|claim|column|count|days|disabled|domain|driver|enabled?|encoding|endpoint"
    r"|error|expir(?:ation|es?|y)|field|format|header|hint|host|hostname|hours|in|interval|issuer|length|lifetime|limit"
    r"|max|method|min|minutes|mode|mount|names?|network|policy|port|prefix|provider|realm|ref|reference|registry"
    r"|required|retries|rm|rotation|rules?|scheme|scopes?|seconds|size|source|state|status|suffix|template|timeout|ttl"
    r"|type|ur[il]s?|usage|user|username|version)\Z"
)
PLACE = re.compile(r"(file|path|dir|directory)\Z", re.IGNORECASE)
ADDRESS_NAME = re.compile(r"database_?url\Z|webhook_?url\Z", re.IGNORECASE)

# -- values

#: Values that reveal nothing: switches, variables and templates in place of a value, paths of secrets.
PLAIN = re.compile(
    r"(?i:|0|1|true|false|yes|no|on|off|none|null|nil|undefined|\*{3,}|<[a-z ]{1,20}>|\.{3}"
    r"|(?:basic|bearer|digest|token|apikey)(?: \*{8}[^ ]*)?)\Z"
    r"|\$+(?:[A-Z_][A-Z0-9_]*|\{[A-Z_][A-Z0-9_]*(?::?\?[^}]*)?\}|\([^)]*\))\Z|\{\{[^}]*\}\}\Z"
    r"|(?:file:)?(?:/var)?/run/secrets/\S*\Z|/dev/stdin\Z"
)
#: Words of messages after "token:" or "password ".
SAID = re.compile(
    r"(?i)(?:invalid|expired|missing|required|wrong|failed|denied|incorrect|empty|unknown|accepted|changed|updated|ok"
    r"|set|unset|valid|rejected|refused|authentication|must|not|is|was|has|for|from|of|in|to|the|a|an|and|or)\b[,.;!]?"
)
#: An unquoted value: to the next blank, the quote that ends the whole, & of a URL, or comma before another NAME=.
BARE = re.compile(r"(?:(?!,[\w.-]{1,100}=)[^\s\0&;\"'`]|[\"'](?=[\w$]))+")
OF_JSON = re.compile(r"[^\s\0,\]}\"']+")
#: Between semicolons, as in connection strings of databases.
OF_LIST = re.compile(r"[^;\n\"']{1,200}(?=;[ \t]*[A-Za-z][\w ]{0,40}=)")
LINE = re.compile(r"[^\n\0]*[^\s\0,\]}\"']")
IN_QUOTES = re.compile(r"[^\n\0\"'`\\]+")
NEXT_LINE = re.compile(r"([ \t|]*)([^\n\0]*)(\0?\n|\Z)")
TEMPLATE = re.compile(r"[\"']?\{\{[^}\n]{0,200}\}\}")
QUOTE = re.compile(r"\\{0,8}[\"'`]")
CLOSED = {mark: re.compile(rf"(?:[^{mark}\\]|\\.)*", re.DOTALL) for mark in "\"'`"}
#: Text that is joined to a quoted text, as in a shell and in YAML.
TAIL = re.compile(r"(?:'[^'\n]*'|\\['\"]|\w)*")
GROUP = re.compile(r"\[[^\[\]]*\]?|\{[^{}]*\}?")
BLOCK = re.compile(r"[|>][+-]?\d?[+-]?[ \t]*\0?\n")
#: Text that may precede a key in YAML.
BEGINS = re.compile(r"(?:\A|\n|[\"'`])[ \t|]*(?:-[ \t]+)?(?:\{[ \t]*)?\Z")
OTHER = re.compile(r"[\d.:/-]+\Z|[./~]|v?\d+(?:\.\d+)+|[\w.-]+:\d+(?:\D|\Z)|[\w.+-]+:/|\w+=")

# -- the table of forms

#: NAME=value, "NAME": value, NAME: value, NAME => value: the name and the separator; _value reads the rest.
ENTRY = re.compile(
    r"(?P<quote>\\{0,8}[\"'`])?(?<![\w.-])(?P<name>-{0,2}[A-Za-z_][\w.-]*)(?:\[[\w-]*\])?(?(quote)(?P=quote))"
    r"(?P<sep>\]{0,2}[ \t]*(?:=>|:=|=|:)[ \t]*)"
)
#: --name value, -p value, -pvalue.
FLAG = re.compile(r"(?<![\w-])(--?[A-Za-z][^\s=\"'|;)]*)([ \t]+(?=[^\s-])|=)?")
FLAG_VALUE = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s\"'|;)]+")
SHORT = ("-p", "-a", "-w")
WITH_USER = frozenset(("-u", "-U", "--user", "--proxy-user", "--creds", "--userpass"))
#: Programs whose -p, -a or -w is a password, with the rest of their command.
PROGRAM = re.compile(
    r"\b(?:mysql|mariadb|mongo|sshpass|redis-cli|valkey-cli|keydb-cli|ldap|(?:docker|podman|nerdctl|registry|oc|az)\s+login"
    r"|skopeo|mosquitto_)[^|;&\n]*"
)
#: A line of two words, as in redis.conf and netrc.
PAIR = re.compile(
    r"(?m)(^(?:[^\n]{0,80}[\"'])?[ \t|]*([A-Za-z][\w.-]*)[ \t]+)"
    r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s:=\0\"']+)(?=[ \t\"'}]*\0?$)"
)

PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----).)*-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    # A key that was cut off has no end.
    r"|(?:(?:\\+[nr]|[\s|\"',>])*[A-Za-z0-9+/=]{16,})*)",
    re.DOTALL,
)
PEM_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
CODED_PART = re.compile(r"[ \t|]*[A-Za-z0-9+/=]+[ \t\r]*\Z")
CODED_WORD = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,}={0,2}[ \t\r]*\Z")
CODED_LINE = re.compile(r"(?m)^([ \t|]*)(?=[^\s]*[g-zG-Z+/])([A-Za-z0-9+/]{60,}={0,2})([ \t\r\0]*)$")

#: Secrets with a known shape. The first group, if there is one, stays.
SHAPES: Tuple[Tuple[str, int], ...] = (
    # scheme://user:password@host. The last @ before the next / counts, as in browsers.
    (r"((?<![\w+.-])[a-z][a-z0-9+.-]{0,30}://[^\s/:@\"'`]*:)[^\s/]+(?=@)", re.I),
    # A password with a / that is not written as %2F: the text before it is not a port.
    (r"((?<![\w+.-])[a-z][a-z0-9+.-]{0,30}://[^\s/:@\"'`]*:)(?!\d*/)[^\s/@\"'`]{0,200}/[^\s@\"'`]{0,200}(?=@)", re.I),
    # A token alone before the host.
    (r"((?<![\w+.-])https?://)[^\s/:@\"'`]{16,}(?=@)", re.I),
    (r"(hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/\d+/)[\w/-]+", re.I),
    (r"(authorization\\{0,8}[\"']?[ \t]*(?:=>|[:=])[ \t]*\\{0,8}[\"']?"
     r"(?:(?:basic|bearer|digest|token|apikey)[ \t]+)?)(?!\*{8}|(?:basic|bearer|digest|token|apikey)[ \t])"
     r"[^\s'\"\\]+", re.I),
    (r"(\b(?:set-)?cookie:[ \t]*)[^\n\"']+", re.I),
    (r"(\b(?:bearer|basic)[ \t]+)(?=[^\s]{0,200}?[\dA-Z=+/._~-])[A-Za-z0-9+/._~=-]{8,}", re.I),
    (r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)*", 0),
    (r"(?<![\w-])(?:gh[pousr]_\w{16,}|github_pat_\w{20,}|gl(?:pat|dt|cbt|ptt|ft|rt|soat|imt|agent|oas)-[\w.-]{16,}"
     r"|xox[a-z](?:\.[a-z]+)?-[\w-]{8,}|xapp-[\w-]{10,}|[sprw]+h?(?:k|sec)_(?:live_|test_)?\w{16,}|(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}"
     r"|AIza[\w-]{30,}|ya29\.[\w-]{10,}|GOCSPX-[\w-]{10,}|npm_\w{20,}|pypi-[\w-]{16,}|SG\.[\w-]{10,}\.[\w-]{10,}"
     r"|dckr_[a-z]+_[\w-]{10,}|hv[sbr]\.[\w-]{16,}|sk-[\w-]{16,}|AGE-SECRET-KEY-\w+|do[opr]_v1_\w{16,}|shp[a-z]{2}_\w{16,}"
     r"|gls[ac]_\w{16,}|SWM(?:TKN|KEY)-1-[\w-]+(?![\w*-])|\d{8,10}:AA[\w-]{30,}|ATATT[\w=-]{16,})", 0),
    # Password hashes; in Compose files each $ is doubled.
    (r"\$+(?:2[abxy]?|apr1|[1567y]|argon2[a-z]*|scrypt|sha1|pbkdf2[\w-]*)\$+[\w./$=,+-]{16,}", 0),
    (r"\{S?(?:SHA|MD5|CRYPT)(?:256|512)?\}[A-Za-z0-9+/=]{16,}|SCRAM-SHA-\d+\$[\w+/=:$]{16,}"
     r"|pbkdf2_sha\d+\$[\w$+/=]{16,}", 0),
    (r"(\bidentified[ \t]+(?:with[ \t]+\S{1,64}[ \t]+)?(?:by|as)[ \t]+(?:password[ \t]+)?\\{0,8}['\"])[^'\"\n]+", re.I),
    (r"(\b(?:password|passphrase|secret|token)[ \t]+\\{0,8}['\"])(?!\*{8})[^'\"\n]+(?=\\{0,8}['\"])", re.I),
    (r"(\blogin[ \t]+\S{1,200}[ \t]+password[ \t]+)\S+", re.I),
    (r"((?<!\w)pass:)(?!\*{8})[^\s'\"]+", 0),
    (r"((?<![\w.@-])[\w.@-]{1,64}:)[^\s|\"']{1,256}(?=[\"']?[ \t]*\|[ \t]*(?:sudo[ \t]+)?chpasswd)", 0),
)  # fmt: skip
_SHAPES = tuple(re.compile(pattern, flags) for pattern, flags in SHAPES)
#: <password>x</password>; <key>password</key><string>x; name="password" value="x"; {"name": "PASSWORD", "value": "x"}.
MARKUP = re.compile(r"(<(?:\w{1,40}:)?(?!key>)([A-Za-z_][\w.-]*)(?:[ \t][^<>]*)?>)((?:<!\[CDATA\[)?[^<]+)")
APART = re.compile(
    r"((?:name|key)\\{0,8}[\"']?[ \t]*[=:>][ \t]*\\{0,8}[\"']?([A-Za-z_][\w.-]*)"
    r"(?:\\{0,8}[\"']|</key>|</name>)?,?(?:\\[nr]|[\s|]){0,80}"
    r"(?:\\{0,8}[\"']?value\\{0,8}[\"']?[ \t]*[=:][ \t]*|<(?:string|value)>)\\{0,8}[\"']?)([^\"'<\n]+)",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Whether the values of this name must be hidden."""
    if PLACE.search(name):
        return False
    words = [word.lower() for word in WORD.findall(name)]
    if not words or ABOUT.match(words[-1]) or words[0] in ("max", "min", "num") or "public" in words:
        return bool(ADDRESS_NAME.search(name))
    return bool(PARTS.search(name)) or not WORDS.isdisjoint(words)


def is_plain(name: str, value: str) -> bool:
    """Whether a value reveals nothing, whatever its name."""
    counts = name.lower().endswith("tokens") and value.isdigit()
    return bool(PLAIN.match(value)) or counts or (name in ("PWD", "OLDPWD") and value.startswith("/"))


# -- texts


def masked_text(text: str) -> str:
    """Masks secrets in external ``text``: a value, a command, a log line.

    A reference to a value that is not bound shows as ``<generated>``.
    """
    if "\0" in text:
        text = show_references(text)
    # An escaped line end, as in JSON, ends a line.
    text = _entries(_shapes(text).replace("\\n", "\0\n"), bare=True)
    text = PROGRAM.sub(lambda m: _flags(m.group(), True), text)
    text = PAIR.sub(_pair, _flags(text, False))
    return CODED_LINE.sub(lambda m: m.group(1) + HIDDEN + m.group(3), text).replace("\0\n", "\\n")


def masked_message(text: str) -> str:
    """Masks secrets in our own ``text``, which may quote external text: a colon after a name is punctuation here."""
    return _flags(_entries(_shapes(text), bare=False), False) if len(text) > 7 else text


def _shapes(text: str) -> str:
    if "PRIVATE KEY" in text:
        text = _without_tails(PEM.sub(_each_line, text))
    for pattern in _SHAPES:
        text = pattern.sub(_after_group, text)
    return MARKUP.sub(_apart, APART.sub(_apart, text)) if "<" in text or "alue" in text else text


def _after_group(match: Match[str]) -> str:
    return (match.group(1) if match.lastindex else "") + HIDDEN


def _apart(match: Match[str]) -> str:
    whole, name, value = match.group(1, 2, 3)
    return whole + HIDDEN if is_secret(name) and not is_plain(name, value.strip()) and value.strip() else match.group()


def _each_line(match: Match[str]) -> str:
    return "\n".join([HIDDEN] * (match.group().count("\n") + 1))


def _without_tails(text: str) -> str:
    """Hides the rest of keys whose beginning was cut off."""
    if not PEM_END.search(text):
        return text
    lines = text.split("\n")
    for end in range(len(lines)):
        at = end
        while at >= 0 and (PEM_END.search(lines[at]) if at == end else CODED_PART.match(lines[at])):
            lines[at], at = HIDDEN, at - 1
        if 0 <= at < end:
            lines[at] = CODED_WORD.sub(HIDDEN, lines[at])
    return "\n".join(lines)


def _entries(text: str, bare: bool) -> str:
    """Hides the values of entries with secret names; with ``bare`` also unquoted values after NAME:."""
    out: List[str] = []
    done = at = 0
    while True:
        match = ENTRY.search(text, at)
        if match is None:
            return "".join([*out, text[done:]]) if out else text
        at = match.end()
        if is_secret(match["name"]):
            found = _value(text, match, bare)
            if found is not None:
                end, hidden = found
                out += [text[done:at], hidden]
                done = at = end


def _value(text: str, match: Match[str], bare: bool) -> Optional[Tuple[int, str]]:
    """Returns where an entry's value ends, and the text in its place; None if the value stays."""
    start, name, colon = match.end(), match["name"], match["sep"].endswith((":", ": ", ":\t")) and ":" in match["sep"]
    if colon and not match["quote"] and not bare:
        return None
    if TEMPLATE.match(text, start):
        return None
    quoted = QUOTE.match(text, start)
    if quoted:
        mark = quoted.group()
        inner, end, closed = _quoted(text, quoted.end(), mark)
        kept = "" if match["sep"] == "=" and len(mark) == 1 else mark
        return None if is_plain(name, inner) else (end, kept + HIDDEN + (kept if closed else ""))
    if match["quote"]:
        group = GROUP.match(text, start)
        if group:
            return (group.end(), HIDDEN) if len(group.group()) > 2 else None
    block = BLOCK.match(text, start) if colon else None
    if block:
        return _block(text, match, block)
    value = _bare(text, match) if colon and not match["quote"] else _assigned(text, match, bare)
    if not value or is_plain(name, value.rstrip(",;.)]}")):
        return None
    return start + len(value), HIDDEN


def _quoted(text: str, start: int, mark: str) -> Tuple[str, int, bool]:
    """Returns the text in quotes, its end, and whether the quotes are closed. If not, it ends with the line."""
    if len(mark) == 1:
        end = CLOSED[mark].match(text, start).end()  # type: ignore[union-attr]
    else:
        end = text.find(mark, start)
        while end > 0 and text[end - 1] == "\\":
            end = text.find(mark, end + 1)
    if 0 <= end < len(text):
        more = TAIL.match(text, end + len(mark))
        return text[start:end], more.end() if more else end + len(mark), True
    end = text.find("\n", start)
    return text[start:], end if end >= 0 else len(text), False


def _block(text: str, match: Match[str], block: Match[str]) -> Tuple[int, str]:
    """Hides a block in YAML: the lines that are indented further than the key. Returns its end and the new text."""
    far = max(0, match.start() - 200)
    begin = max(text.rfind(mark, far, match.start()) for mark in "\n\"'") + 1
    width, at, shown = match.start() - begin, block.end(), block.group()
    while at < len(text):
        line = NEXT_LINE.match(text, at)
        if line is None or (line.group(2) and len(line.group(1)) <= width):
            break
        at, shown = line.end(), shown + (line.group(1) + HIDDEN if line.group(2) else "") + line.group(3)
    return at, shown


def _assigned(text: str, match: Match[str], bare: bool) -> str:
    """Returns the unquoted value after NAME=, or after a quoted NAME and a colon."""
    at, spaced = match.end(), match["sep"] != match["sep"].strip()
    if match["quote"]:
        forms = [OF_JSON]
    elif spaced and bare:
        forms = [LINE, BARE]
    else:
        forms = [OF_LIST, BARE]
    return next((found.group() for found in (form.match(text, at) for form in forms) if found), "")


def _bare(text: str, match: Match[str]) -> str:
    """Returns the unquoted value after NAME:; empty if it is a sentence."""
    at, name, start = match.end(), match["name"], match.start()
    strong = bool(PARTS.search(name)) or name.lower() in ("pass", "pwd", "pw")
    before = text[max(0, start - 40) : start]
    first = BEGINS.search(text, max(0, start - 40), start) is not None
    if match["sep"].endswith(":") and text[at : at + 1] not in ("", "\n"):
        # {User:app Password:x}, as Go prints it. In an image or a URL, other characters precede the name.
        found = BARE.match(text, at) if strong and before[-1:] in ("[", "{", " ", ",", "(") else None
        return found.group().rstrip(")]},") if found else ""
    line = (IN_QUOTES if first and before.rstrip(" \t|-{")[-1:] in ("'", '"', "`") else LINE).match(text, at)
    if line is None or (not first and not strong):
        return ""
    words = line.group().split(None, 1)
    if first:
        return "" if len(words) == 1 and SAID.fullmatch(words[0]) else line.group()
    if SAID.fullmatch(words[0]):
        return ""
    if name.lower().endswith("passphrase"):
        return line.group()
    # In the middle of a line, several words are a sentence.
    if len(words) > 1 and words[0].isalpha() and words[0].islower():
        return ""
    found = BARE.match(text, at)
    return found.group().rstrip(",;)]}") if found else ""


# -- command lines and lines of two words


def _flags(text: str, known: bool) -> str:
    out: List[str] = []
    done = at = 0
    while True:
        match = FLAG.search(text, at)
        if match is None:
            return "".join([*out, text[done:]]) if out else text
        flag, at, apart = match.group(1), match.end(), match.group(2)
        if len(flag) > 2 and flag[:2] in SHORT and ("$" in flag or not is_secret(flag)):
            shown = flag[:2] + of_flag(flag[:2], flag[2:], known)
            if shown != flag:
                out += [text[done : match.start()], shown]
                done = at = match.end(1)
            continue
        value = FLAG_VALUE.match(text, at)
        if value is None or (apart == "=" and flag not in WITH_USER) or (not apart and flag not in SHORT):
            continue
        inner = value.group().strip("\"'")
        hidden = of_flag(flag, inner, known)
        if hidden != inner:
            out += [text[done:at], hidden]
            done = at = value.end()


def of_flag(flag: str, value: str, known: bool) -> str:
    """Returns a flag's value, masked; ``known`` says that the program's -p, -a and -w are passwords."""
    if flag in WITH_USER:
        user, _colon, word = value.partition(":")
        plain = not word or word.isdigit() or word == user or word.startswith("//") or is_plain("", word)
        return value if plain else f"{user}:{HIDDEN}"
    if is_secret(flag):
        return value if is_plain(flag, value) else HIDDEN
    hidden = flag in SHORT and (known or _looks_secret(value)) and not is_plain("", value)
    return HIDDEN if hidden else value


def _looks_secret(value: str) -> bool:
    """Whether a short flag's value is not a port, path, version, address or word."""
    return len(value) > 5 and not OTHER.match(value) and any(char.isdigit() or char.isupper() for char in value)


def _pair(match: Match[str]) -> str:
    head, name, value = match.group(1, 2, 3)
    tells = name in ("requirepass", "masterauth") or not (value.isalpha() and value.islower())
    return head + HIDDEN if tells and is_secret(name) and not is_plain(name, value) else match.group()

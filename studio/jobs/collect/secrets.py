"""What looks like a key or a password in a text: by line and kind, never the thing itself.

The detector is the maintained line of detect-secrets (`bc-detect-secrets`), every plugin of it; it knows no keys of
language-model services, so those of `studio.jobs.signals.words` are looked for beside it. Nothing is verified over
the network. A line with `pragma: allowlist secret` is let through, as everywhere with detect-secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from studio.jobs.signals.words import service_key

if TYPE_CHECKING:
    from detect_secrets.plugins.base import BasePlugin

_LONGEST = 20_000
"""Characters of a line that are looked at in one go; longer ones are looked at in parts that overlap."""
_OVERLAP = 500
_SHORTEST = 6
"""A shorter password is a word of an example."""

_WHITE = re.compile(r"[ \t\v\f]{2,}")
_TOKEN = re.compile(r"[\w+/=.-]{12,}")
_DIGIT = re.compile(r"\d")
"""Keys are drawn from letters and digits, and twelve in a row without a digit are a word."""
_ALLOWED = re.compile(r"pragma:\s*(?:allow|white)list[ -]secret", re.IGNORECASE)
_IDENTIFIER = re.compile(r"(?=.*[._])[A-Za-z_][\w.]*|[A-Z]?[a-z]+(?:[A-Z][a-z]*)+|[A-Z][a-z]+|[A-Z_]+")
"""Names in code and titles: `model.tokens`, `TokenizerFast`."""
_SAID = re.compile(
    r"\b(?:password|passwd|passphrase|parola|şifre|sifre|api[ _-]?key|secret)(?:\s+is|m|n)?\s*[:=]\s*[\"'`]?"
    r"(?=[^\s\"'`]*\d)(?=[^\s\"'`]*[^\W\d_])[^\s\"'`(){}<>$.]{8,}(?![\w(.])",
    re.IGNORECASE,
)
"""A password that is told in prose, in either language, without the quotes that the plugin wants."""


class Secret(NamedTuple):
    """A place that looks like a secret."""

    line: int
    """Counted from 1."""
    kind: str
    """The detector's own words, such as `AWS Access Key`."""


class _Detector(NamedTuple):
    plugins: tuple[BasePlugin, ...]
    keyword: BasePlugin
    sign: re.Pattern[str]
    """What tells of a secret by itself."""
    word: re.Pattern[str]
    """What every line that the keyword plugin could find something in has."""


def secrets(path: str, text: str) -> list[Secret]:
    """Return what looks like secrets in a text, line by line, each line and kind once."""
    detector = _detector()
    name = PurePosixPath(path).name
    found: dict[Secret, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not _may_have(line, detector) or _ALLOWED.search(line):
            continue
        for part in _parts(line):
            for kind in _kinds(name, part, number, detector):
                found[Secret(number, kind)] = None
    return list(found)


def _may_have(line: str, detector: _Detector) -> bool:
    """Say whether any plugin could find something in a line: most lines of prose and of code have nothing for them."""
    if detector.sign.search(line) is not None:
        return True
    return any(_DIGIT.search(run[0]) is not None for run in _TOKEN.finditer(line))


def _parts(line: str) -> Iterator[str]:
    # Four of the plugins take minutes for a thousand spaces in a row; no secret has a space.
    line = _WHITE.sub(" ", line).strip()
    if len(line) <= _LONGEST:
        yield line
        return
    for start in range(0, len(line), _LONGEST - _OVERLAP):
        yield line[start : start + _LONGEST]


def _kinds(name: str, line: str, number: int, detector: _Detector) -> Iterator[str]:
    if kind := service_key(line):
        yield kind
    if _SAID.search(line):
        yield "Secret Keyword"
    for plugin in detector.plugins:
        for secret in plugin.analyze_line(filename=name, line=line, line_number=number):
            if not _harmless(secret.secret_value, line, plugin):
                yield secret.type
    if detector.word.search(line):
        for secret in detector.keyword.analyze_line(filename=name, line=line, line_number=number):
            value = secret.secret_value or ""
            if (
                len(value) >= _SHORTEST
                and not _is_word(value)
                and not _harmless(value, line, detector.keyword)
            ):
                yield secret.type


def _is_word(value: str) -> bool:
    """Say whether what stands behind `password =` is prose or a name of the program."""
    return bool(re.search(r"\s", value)) or _IDENTIFIER.fullmatch(value) is not None


def _harmless(value: str | None, line: str, plugin: BasePlugin) -> bool:
    """Ask the detector's own filters, as its command does."""
    from detect_secrets.filters import heuristic

    if value is None:
        return False
    return (
        heuristic.is_sequential_string(value)
        or heuristic.is_potential_uuid(value)
        or heuristic.is_templated_secret(value)
        or heuristic.is_prefixed_with_dollar_sign(value)
        or heuristic.is_not_alphanumeric_string(value)
        or heuristic.is_likely_id_string(value, line, plugin)
        or heuristic.is_indirect_reference(line)
    )


@cache
def _detector() -> _Detector:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins.keyword import DENYLIST, KeywordDetector
    from detect_secrets.settings import get_settings

    # A finding is never tried out at its service.
    get_settings().disable_filters("detect_secrets.filters.common.is_ignored_due_to_verification_policies")
    classes = get_mapping_from_secret_type_to_class().values()
    words = "|".join(DENYLIST)
    return _Detector(
        plugins=tuple(kind() for kind in classes if kind is not KeywordDetector),
        keyword=KeywordDetector(),
        sign=re.compile(rf"://|-----BEGIN|parola|[sş]ifre|{words}", re.IGNORECASE),
        word=re.compile(words, re.IGNORECASE),
    )

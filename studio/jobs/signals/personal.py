"""Personal data in collected conversations: e-mail addresses, telephone numbers, names of files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from store.models import Message

_EMAIL = re.compile(r"(?<![\w.+-])(?!git@)[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w-])")
_DIGITS = re.compile(r"(?:\+|00|\(|\b)\d(?:[ ()./-]{0,2}\d){8,14}\b")
"""What may be a telephone number: nine to fifteen digits."""
_PLACE = re.compile(
    r"(?<![\w/~])(?:~|/home/[\w.-]+|/Users/[\w.-]+|/root|/mnt|/var|/etc)/[\w.+@~ -]*[\w./+@~-]"
    r"|\b[A-Za-z]:\\(?:[^\\/:*?\"<>|\r\n]+\\)*[^\\/:*?\"<>|\r\n\s]+"
)
_FILE = re.compile(
    r"(?<![\w/@.-])[\w-][\w .()-]{0,80}?\.(?:pdf|docx?|xlsx?|pptx?|odt|csv|jpe?g|png|heic|mp[34]|mov|zip|pem|env)\b",
    re.IGNORECASE,
)
_REGIONS = ("TR", "US", "GB", "DE")
"""Where a number without a country's code may be from."""
_EXAMPLE = re.compile(
    r"@(?:[\w-]+\.)*(?:example\.(?:com|org|net)|localhost|users\.noreply\.github\.com)\Z", re.IGNORECASE
)


def personal(messages: Sequence[Message]) -> str:
    """Return which turns have what, such as `e-mail (turn 1), file names (turns 2, 4)`; empty for nothing."""
    found: dict[str, list[int]] = {}
    for number, message in enumerate(messages, start=1):
        for kind in kinds(message.content):
            found.setdefault(kind, []).append(number)
    return ", ".join(
        f"{kind} (turn{'s' if len(turns) > 1 else ''} {', '.join(map(str, turns))})"
        for kind, turns in found.items()
    )


def kinds(text: str) -> list[str]:
    """Return what personal data one text has: `e-mail`, `phone`, `file names`."""
    made = []
    if any(not _EXAMPLE.search(match[0]) for match in _EMAIL.finditer(text)):
        made.append("e-mail")
    if _has_phone(text):
        made.append("phone")
    if _PLACE.search(text) or _FILE.search(text):
        made.append("file names")
    return made


def _has_phone(text: str) -> bool:
    return any(_is_phone(match[0]) for match in _DIGITS.finditer(text))


def _is_phone(number: str) -> bool:
    """Ask the library of telephone numbers whether somebody could be called by it."""
    import phonenumbers

    if re.match(r"\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d{4}", number):
        return False
    if not re.search(r"[ +()./-]", number) and not number.startswith("0"):
        # A bare run of digits is a number of something else more often.
        return False
    if number.startswith("00"):
        number = f"+{number[2:]}"
    for region in _REGIONS if not number.startswith("+") else (None,):
        try:
            parsed = phonenumbers.parse(number, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return True
    return False

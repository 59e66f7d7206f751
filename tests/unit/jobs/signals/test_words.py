"""Each check of a text: what it finds, and what it lets be."""

from __future__ import annotations

import pytest

from studio.jobs.signals import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Istanbul'da hava güzel", "“Istanbul” for “istanbul”"),
        ("İstanbul'da hava güzel", ""),
        ("Bu nasil olur, ıyi mi?", "“nasil” for “nasıl”"),
        ("Nasıl olur, iyi mi?", ""),
        ("ISTANBUL", ""),
        ("i\u0307yi", "a dot stands beside its letter"),
        ("`nasil` bir değişken adı", ""),
        ("```\nnasil = 1\n```\ntamam", ""),
        ("sakin ol, sakın düşme; kışın kişi", ""),
    ],
)
def test_dotless(text: str, found: str) -> None:
    assert words.dotless(text) == found


LONG = "This is a sentence that goes on and on and then simply stops in the"


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (LONG, True),
        (LONG + " middle.", False),
        ("First a, then b,", True),
        ("```rust\nfn main() {", True),
        ("```rust\nfn main() {}\n```", False),
        ("- one\n- two\n- the last entry of a list needs no full stop at all", False),
        ("Hadi başlayalım ✨", False),
        ("Merhaba", False),
    ],
)
def test_truncated(text: str, cut: bool) -> None:
    assert bool(words.truncated(text)) is cut


@pytest.mark.parametrize(
    ("text", "refuses"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("As an AI language model I have no feelings.", True),
        ("Bir yapay zeka dil modeli olarak bunu yapamam.", True),
        ("You can't borrow it twice, so clone it.", False),
        ("Üzgünüm, geç kaldım.", False),
    ],
)
def test_refused(text: str, refuses: bool) -> None:
    assert bool(words.refused(text)) is refuses


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("a <|im_end|> b", True),
        ("[INST] x [/INST]", True),
        ("```py\nx = 1", True),
        ("that is **bold", True),
        ("a `b and c", True),
        ("**bold** and `code` and 2 ** 3 ** 4", False),
        ("```\n`**\n```", False),
    ],
)
def test_markup(text: str, broken: bool) -> None:
    assert bool(words.markup(text)) is broken


@pytest.mark.parametrize(
    "text",
    [
        "sk-ant-" + "a1B2" * 8,
        "ghp_" + "a" * 36,
        "AKIA" + "A" * 16,
        "-----BEGIN " + "RSA PRIVATE KEY-----",
        'password = "correct-horse-battery"',
        "şifre: cokgizlibirsey123",
    ],
)
def test_secret_is_found_and_not_repeated(text: str) -> None:
    said = words.secret(f"see {text} here")
    assert said
    assert text not in said
    assert words.secret("the password is checked by the server") == ""


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("I am ChatGPT, nice to meet you", True),
        ("Ben Claude.", True),
        ("I was created by OpenAI", True),
        ("Ben Jesy, yol arkadaşın", True),
        ("Ben JESSY. Jessy de olur.", False),
        ("Claude Shannon founded it", False),
    ],
)
def test_other_name(text: str, wrong: bool) -> None:
    assert bool(words.other_name(text, "JESSY")) is wrong


def test_repeated_share() -> None:
    assert words.repeated_share("one two three four five " * 8) > 0.8
    assert words.repeated_share("short") == 0.0


def test_opening_and_empty() -> None:
    assert words.opening("Hadi, bir  bakalım şimdi") == "hadi bir bakalım"
    assert words.empty(" \n")
    assert not words.empty("a")

"""What looks like a key holds back; what only looks like one does not. No secret is ever repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.jobs.collect.cut import cut
from studio.jobs.collect.secrets import secrets

# Put together here, so that no scanner takes these lines for leaks.
AWS = "AKIA" + "IOSFODNN7EXAMPLA"
ANTHROPIC = "sk-" + "ant-api03-" + "a1B2c3D4" * 5
GITHUB = "ghp_" + "a1B2" * 9
HUGGING_FACE = "hf_" + "abcDEF" * 6
PEM = "-----BEGIN " + "RSA PRIVATE KEY-----"
SLACK = "xoxb-" + "123456789012-abcdefABCDEF"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9." + "eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f'key = "{AWS}"', "AWS Access Key"),
        (f"export ANTHROPIC_API_KEY={ANTHROPIC}", "Anthropic API Key"),
        (GITHUB, "GitHub Token"),
        (f"token {HUGGING_FACE}", "Hugging Face Token"),
        (PEM, "Private Key"),
        (SLACK, "Slack Token"),
        (f"Authorization: Bearer {JWT}", "JSON Web Token"),
        ("postgres://jessy:s3cr3tpass@db.host/x", "Basic Auth Credentials"),
        ('password = "correct-horse-battery9"', "Secret Keyword"),
        ("şifre: Kedi1234567", "Secret Keyword"),
        ("Parolam: hunter2hunter2 unutma", "Secret Keyword"),
        ("my password is: hunter2hunter2", "Secret Keyword"),
    ],
)
def test_a_key_is_found_with_its_line_and_kind(line: str, kind: str) -> None:
    found = secrets("notes.md", f"# Notes\n\n{line}\nmore")
    assert kind in {each.kind for each in found}
    assert {each.line for each in found} == {3}


@pytest.mark.parametrize(
    "line",
    [
        "The token is a word of the model, and a password is a secret.",
        "tokens = model.embed_tokens",
        'token = "PreTrainedTokenizerFast"',
        "password = os.environ['PASSWORD']",
        "password=${DB_PASSWORD}",
        'api_key = "your_api_key_here"',
        "secret = get_secret(name)",
        "id = 123e4567-e89b-12d3-a456-426614174000",
        "https://example.com/a/long/path/to/some/page.html",
        "Şifre unuttum, parola neydi?",
        f'key = "{AWS}"  # pragma: allowlist secret',
    ],
)
def test_what_is_none_is_let_through(line: str) -> None:
    assert secrets("a.py", line) == []
    assert secrets("a.md", line) == []


def test_our_own_sources_are_nearly_all_let_through() -> None:
    root = Path(__file__).parents[4]
    files = [
        *(root / "studio").rglob("*.py"),
        *(root / "widgets").rglob("*.py"),
        *(root / "data").rglob("*.md"),
    ]
    held = [file.name for file in files if secrets(file.name, file.read_text(encoding="utf-8"))]
    # The one has the hash of the embedded weights in it.
    assert len(files) > 300
    assert set(held) <= {"embedded.py"}


@pytest.mark.parametrize(
    "text",
    [
        "key" + " " * 4_000,
        "password" + "\t" * 4_000 + "=",
        "a" * 300_000,
        "'" * 5_000,
        ":@" * 5_000,
        "key:" * 3_000,
    ],
)
def test_no_text_takes_for_ever(text: str) -> None:
    # Some of the plugins take minutes for the first: the time limit of the test is what would fail.
    assert len(secrets("a.md", text)) <= 1


def test_a_key_behind_a_long_line_is_found() -> None:
    padding = "x = 1; " * 9_000
    assert [each.kind for each in secrets("a.md", f"{padding}{AWS} {padding}")] == ["AWS Access Key"]


@pytest.mark.parametrize("name", ["a.py", "a.md", "a.rs"])
def test_a_file_with_a_key_is_held_back_whole(name: str) -> None:
    made = cut(name, f"# {AWS}\n\ndef owl():\n    return 1\n\nfn owl() {{}}\n")
    assert made.pieces == []
    assert [(held.path, held.line, held.kind) for held in made.held] == [(name, 1, "AWS Access Key")]
    assert AWS[4:] not in repr(made)

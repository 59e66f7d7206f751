"""Checks of one text, each a function that says what is wrong with it in a few words, or nothing."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^\s*```", re.MULTILINE)
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_CONTROL = re.compile(
    r"<\|[a-z_]+\|>|</?s>|\[/?INST\]|<<?/?SYS>?>|<(?:start|end)_of_turn>|^\s*(?:###\s*)?(?:Assistant|User)\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_ENDS = re.compile(r"[.!?…:;)\]}\"'’”»`*_~|>\w%°-]\Z")
_SENTENCE_END = re.compile(r"[.!?…:;)\]}\"'’”»`*_~|>]\Z")
_WORD = re.compile(r"[^\W\d_]+")

_REFUSALS = re.compile(
    r"\b(?:I(?:'m| am) sorry,? but I (?:can(?:'t|not)|am unable)|I can(?:'t|not) (?:help|assist|comply|do that)"
    r"|as an AI(?: language)? model|I(?:'m| am) unable to (?:help|assist|provide)"
    r"|bir yapay zeka (?:dil )?modeli olarak|üzgünüm,? (?:ama )?(?:bu konuda )?yardımcı olamam"
    r"|bu isteği yerine getiremem)",
    re.IGNORECASE,
)

_SERVICES = {
    "Anthropic API Key": r"sk-ant-[A-Za-z0-9_-]{20,}",
    "OpenAI API Key": r"sk-(?!ant-)(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,}",
    "Hugging Face Token": r"hf_[A-Za-z0-9]{30,}",
    "Google API Key": r"AIza[0-9A-Za-z_-]{35}",
    "GitHub Token": r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}",
    "GitLab Token": r"glpat-[\w-]{20,}",
    "AWS Access Key": r"AKIA[0-9A-Z]{16}",
    "Slack Token": r"xox[abprs]-[A-Za-z0-9-]{10,}",
    "Private Key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "JSON Web Token": r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
}
_SERVICE_KEYS = tuple((kind, re.compile(rf"(?<![A-Za-z0-9]){form}")) for kind, form in _SERVICES.items())
_SECRETS = re.compile(
    "|".join(_SERVICES.values())
    + r"|\b(?:api[_-]?key|secret|password|passwd|token|parola|şifre)\b\s*[:=]\s*[\"']?[^\s\"']{12,}",
    re.IGNORECASE,
)

_OTHERS = (
    r"ChatGPT|GPT-?\d?|Claude|Gemini|Bard|Llama|Mistral|Qwen|SmolLM\d?|Copilot|Alexa|Siri|OpenAI|Anthropic"
)
_CLAIMS = re.compile(
    rf"\b(?:I(?:'m| am)|my name is|ben(?:im adım)?|adım)\s+(?:an?\s+)?({_OTHERS})\b"
    r"|\b(?:created|made|trained|developed) by (?:OpenAI|Anthropic|Google|Meta|Hugging Face)\b",
    re.IGNORECASE,
)

# Frequent words in which the dot decides; the other spelling of each is no Turkish word.
_DOTTED_WORDS = """
için iyi bir biri birlikte bile bilgi bize biz bizim birkaç birçok çift çizgi çocuk değil dil din diye diğer
düşünelim eğitim elli erişim fikir gibi gerçi gelişim geri gidelim gir giriş git göster güçlü hatta hepsi
herkesin hiç iç içeri içinde ile ilgi ilk ilginç insan ise işlem işte iş iki ikinci istanbul izmir istiyorum iste
izle kendi kim kimse kişisel merkezi nedir neden için nefis niçin nihayet nisan peki
sabit seni sevgi sevgili sistem siz sizin sonsuz sil süper şehir şekil şey şimdi şirket teşekkür
temiz türk veri verimli yeni yine yirmi zeki zihin
"""
_DOTLESS_WORDS = """
aynı artık altı arası aradı aslında asıl acı açık adım ağır akıl akıllı anlamı alıp alın anlayış ayrı ayrıca azıcık
bağlı baktı balık başarı başka bazı bazıları bırak burası çalış çalışan çalışır çalışıyor çıkar çıkış çıktı dışarı
dışında dayanıklı fark farklı fırsat hazır hayır hatırla hızlı hız ırmak ışık kadın kapı karşı karşılık
kayıp kaynağı kırmızı kırık kısa kısım kız kıyı nasıl nasılsın olası parçası sabır sanırım
sayı sayfası sıcak sıfır sıkça sıra sırada şarkı tanıdık takıl tanı tasarım tıpkı varlık yalnız yanıt yapı
yardım yarın yazı yazılım yıl yıldız yığın zayıf
"""


def _skeleton(word: str) -> str:
    return word.replace("İ", "i").replace("I", "i").lower().replace("ı", "i").replace("\u0307", "")


def _table() -> dict[str, str]:
    right: dict[str, set[str]] = {}
    for word in (_DOTTED_WORDS + _DOTLESS_WORDS).split():
        right.setdefault(_skeleton(word), set()).add(word)
    # Where both spellings are words, the dot says nothing.
    return {key: words.pop() for key, words in right.items() if len(words) == 1}


_RIGHT = _table()


def empty(text: str) -> str:
    """Say so where there are no words."""
    return "" if text.strip() else "no words"


def truncated(text: str) -> str:
    """Say so where a reply breaks off: an open code fence, or a long text whose end ends no sentence."""
    if len(_FENCE.findall(text)) % 2:
        return "ends inside a code block"
    body = text.rstrip()
    if not body or body.endswith("```"):
        return ""
    last = body.splitlines()[-1]
    if body[-1] in ",-–—(" or (_ENDS.search(body) and not _SENTENCE_END.search(body) and _is_prose(last)):
        return f"ends with “{body[-20:].splitlines()[-1]}”"
    return ""


def refused(text: str) -> str:
    """Say so where a reply refuses instead of answering."""
    found = _REFUSALS.search(text)
    return f"“{found[0][:40]}”" if found else ""


def markup(text: str) -> str:
    """Say so where markup is broken: a chat template's own signs, or bold or code that is never closed."""
    if found := _CONTROL.search(text):
        return f"holds {found[0].strip()[:30]}"
    if len(_FENCE.findall(text)) % 2:
        return "a code block is not closed"
    prose = _FENCED.sub(" ", text)
    for line in prose.splitlines():
        plain = re.sub(r"`[^`]*`", "", line)
        if plain.count("`") % 2:
            return "inline code is not closed"
        if plain.count("**") % 2:
            return "bold is not closed"
    return ""


def secret(text: str) -> str:
    """Say so where there is what looks like a key or a password; the secret itself is not repeated."""
    found = _SECRETS.search(text)
    return f"looks like a key: {found[0][:4]}…" if found else ""


def service_key(text: str) -> str:
    """Return which service's key a text has in it, such as `Anthropic API Key`; empty where there is none."""
    return next((kind for kind, form in _SERVICE_KEYS if form.search(text)), "")


def dotless(text: str) -> str:
    """Say so where a Turkish text has the wrong one of i and ı, or a dot as a character of its own."""
    if "i\u0307" in text or "I\u0307" in text:
        return "a dot stands beside its letter"
    prose = re.sub(r"`[^`\n]*`", " ", _FENCED.sub(" ", text))
    for match in _WORD.finditer(prose):
        word = match[0]
        right = _RIGHT.get(_skeleton(word))
        if right is None or word.isupper():
            continue
        # A capital first letter is read in Turkish: I is ı, İ is i.
        first = {"I": "ı", "İ": "i"}.get(word[0], word[0].lower())
        if first + word[1:] != right and _skeleton(word[1:]) == _skeleton(right[1:]):
            return f"“{word}” for “{right}”"
    return ""


def other_name(text: str, persona: str) -> str:
    """Say so where a reply claims to be another model, or misspells the persona's name."""
    if found := _CLAIMS.search(text):
        return f"“{found[0]}”"
    wanted = persona.casefold()
    for match in _WORD.finditer(text):
        word = match[0]
        if (
            word[0].isupper()
            and len(word) > 2
            and word.casefold() != wanted
            and _one_off(word.casefold(), wanted)
        ):
            return f"“{word}” for “{persona}”"
    return ""


def repeated_share(text: str) -> float:
    """Return the share of a text's word triples, 0..1, that were there before; 0 for fewer than 20 words."""
    words = [word.casefold() for word in _WORD.findall(_FENCED.sub(" ", text))]
    if len(words) < 20:
        return 0.0
    triples = list(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(set(triples)) / len(triples)


def opening(text: str) -> str:
    """Return the first three words, with case folded."""
    return " ".join(word.casefold() for word in _WORD.findall(text[:200])[:3])


def _is_prose(line: str) -> bool:
    """Say whether a line is a sentence of some length, not a list entry, a heading, a table or a sign."""
    return len(line.split()) >= 8 and not re.match(r"\s*(?:[-*#|>]|\d+[.)])", line)


def _one_off(word: str, wanted: str) -> bool:
    """Say whether one letter more, less or other makes the wanted word of it."""
    if abs(len(word) - len(wanted)) > 1 or len(wanted) < 4 or word[0] != wanted[0]:
        return False
    if len(word) == len(wanted):
        return sum(a != b for a, b in zip(word, wanted, strict=True)) == 1
    longer, shorter = (word, wanted) if len(word) > len(wanted) else (wanted, word)
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))

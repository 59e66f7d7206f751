"""Stems that show a tone in Turkish or English, for the traits that a language library does not know.

A stem matches at the beginning of a word, casefolded the Turkish way, so "anlıyor" finds "anlıyorum"; stems of up to
three letters have to be the whole word.
What is particular to a persona (its emoji, phrases and concepts) stands in `persona.toml`, not here.
"""

from __future__ import annotations

EMPATHY = (
    "frustrat", "annoying", "exhaust", "tough", "hard day", "sorry", "i get it", "i hear you", "understand",
    "makes sense", "no wonder", "tiring", "draining", "been there", "that stings", "ouch",
    "anlıyor", "yorucu", "zor", "sinir bozucu", "can sıkıcı", "haklısın", "tanıdık", "üzül", "geçmiş olsun",
    "bunaltıcı", "yıpratıcı", "kolay değil",
)  # fmt: skip
SUPPORT = (
    "let's", "together", "we can", "we'll", "i'm here", "with you", "step by step", "one step", "help",
    "show me", "send me", "tell me", "try this", "start with",
    "birlikte", "beraber", "hadi", "gel", "buradayım", "yanında", "adım adım", "bakalım", "yardım",
    "gönder", "göster", "anlat", "dene", "başlayalım", "çözeriz", "hallederiz",
)  # fmt: skip
ENCOURAGEMENT = (
    "great", "nice", "well done", "good question", "congrat", "love", "you can", "you've got", "keep going",
    "brilliant", "proud", "celebrate", "exactly",
    "harika", "süper", "güzel", "mükemmel", "aferin", "tebrik", "bravo", "yaparsın", "başarırsın",
    "devam", "çok iyi", "kutla", "eline sağlık",
)  # fmt: skip
METAPHOR = (
    "like a", "like an", "like the", "as if", "think of", "imagine", "picture", "metaphor",
    "gibi", "düşün", "hayal et", "benzer", "benzet", "sanki", "adeta",
)  # fmt: skip
REASON = (
    "because", "since", "so that", "therefore", "the reason", "that's why", "which means", "otherwise",
    "çünkü", "bu yüzden", "bu sayede", "böylece", "nedeni", "sebebi", "yoksa", "aksi halde", "nedenle", "amacı",
)  # fmt: skip
TECHNICAL = (
    "function", "variable", "memory", "thread", "compil", "type", "pattern", "algorithm", "system", "code", "log",
    "test", "error", "bug", "data", "cache", "async", "index", "loop", "stack", "debug", "api", "query", "model",
    "pointer", "ownership", "borrow", "lock", "server", "network", "commit", "rust", "python", "go", "sql",
    "fonksiyon", "değişken", "bellek", "derle", "tip", "algoritma", "sistem", "kod", "hata", "veri", "döngü",
    "yığın", "sorgu", "desen", "sunucu", "iş parçacığı", "sahiplik", "kilit",
)  # fmt: skip
OTHER_MODELS = (
    "smollm", "chatgpt", "gpt", "claude", "gemini", "llama", "mistral", "qwen", "hugging face", "openai",
    "anthropic",
)  # fmt: skip

#!/usr/bin/env python3
"""Make tokenizer-small.jsonl: texts and the ids that other programs give them.

Vocabulary: tests/golden/models/base (512 tokens). Each text is encoded by tiktoken and by Hugging
Face tokenizers; a text on which they differ stops the script. Needs the packages tiktoken and
tokenizers, no network.

Usage: make_tokenizer_cases.py          (writes next to itself)
"""

import json
import pathlib
import random

import tiktoken
import tokenizers

HERE = pathlib.Path(__file__).parent
VOCABULARY = HERE / "models" / "base"
END_OF_TEXT = "<|endoftext|>"
PATTERN = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)

SPACES = [
    "\t", "\n", "\v", "\f", "\r", "\r\n", " ", "\u0085", "\u00a0", "\u1680", "\u2000", "\u2007",
    "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000",
]
NO_SPACES = ["\x00", "\x1c", "\x1f", "\x7f", "\u180e", "\u200b", "\u200d", "\u2060", "\ufeff"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'RE", "'r", "'l", "'v", "’s"]
SCRIPTS = [
    "Grüße aus Köln", "l'été déjà", "Привет, мир", "Γειά σου Κόσμε", "שלום עולם", "مرحبا بالعالم",
    "नमस्ते दुनिया", "สวัสดีชาวโลก", "안녕하세요 세계", "こんにちは世界", "你好，世界！", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "Ⴀⴀ", "ᏣᎳᎩ",
    "ǅ ǈ ʰʷ ªº", "ﬁ ﬂ",
]
NUMBERS = [
    "0", "1234567890", "3.14159", "1,000,000", "٠١٢٣", "१२३", "๑๒๓", "①②③", "Ⅷ ⅷ", "½ ¾", "x²", "𝟙𝟚𝟛",
    "一二三", "〇", "㊀", "0x1F", "1st 2nd",
]
SYMBOLS = [
    "😀", "👩‍🚀", "👍🏽", "🇩🇪", "🏳️‍🌈", "❤️", "→ ⇒", "€5", "© ® ™", "«quoted»", "“quoted”", "— –", "…", "°C",
    "^_^", "#hashtag @name", "a_b", "__init__", "***", "--", "==>", "::", "/* */", "<|end", "|>",
    "\ufffd", "\ufffe", "\U0010ffff", "\ue000", "\u0378",
]
MARKS = ["e\u0301", "a\u0308\u0323", "\u0301", "n\u0303o", "c\u20e3", "\u0e33", "क्ष", "\u0903"]
PROSE = [
    "Once upon a time there was a little girl who lived in a small house near the woods.",
    "The cat sat on the mat.  It didn't move; it wouldn't, and I'd not ask it to.",
    "They're here, we've seen them, she'll come, I'm sure that's Tom's.",
    "\"Well,\" said he, 'what's this?'\n\n\"Nothing,\" said she.\n",
    "if (x == 1) {\n    return y[0];\n}\n",
    "\tfor i in range(10):\n\t\tprint(i)\n",
    "THE END", "tHe eNd", "the the the", "theTheTHE", "a b c d e f g",
]


def texts():
    """Yield (kind, text), hand-picked ones first, then random mixtures of them."""
    yield "empty", ""
    for kind, items in (
        ("space", SPACES), ("no-space", NO_SPACES), ("contraction", CONTRACTIONS),
        ("script", SCRIPTS), ("number", NUMBERS), ("symbol", SYMBOLS), ("mark", MARKS),
        ("prose", PROSE),
    ):
        for item in items:
            yield kind, item
            yield kind, "a" + item + item + " b " + item
    for n in (2, 3, 63, 64, 65, 66, 200):
        for character in "a \n-'0é":
            yield "run", character * n
    for text in (
        END_OF_TEXT, "a" + END_OF_TEXT + "b", "a  " + END_OF_TEXT + "  b", "'" + END_OF_TEXT + "s",
        END_OF_TEXT * 2, "<|endoftext|", "<" + END_OF_TEXT + ">", "<|end" + END_OF_TEXT,
    ):
        yield "special", text
    everything = SPACES + NO_SPACES + CONTRACTIONS + SCRIPTS + NUMBERS + SYMBOLS + MARKS + PROSE
    generator = random.Random(2)
    for _ in range(150):
        parts = generator.choices(everything + [" ", "  ", END_OF_TEXT] * 8, k=10)
        yield "mixed", "".join(parts)


def bytes_of_alphabet():
    """GPT-2's printable alphabet: code point to byte."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in kept]
    return {chr(byte): byte for byte in kept} | {
        chr(0x100 + i): byte for i, byte in enumerate(others)
    }


def open_tiktoken():
    alphabet = bytes_of_alphabet()
    vocab = json.loads((VOCABULARY / "vocab.json").read_text(encoding="utf-8"))
    special = {END_OF_TEXT: vocab.pop(END_OF_TEXT)}
    ranks = {bytes(alphabet[c] for c in token): i for token, i in vocab.items()}
    return tiktoken.Encoding(
        "small", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special
    )


def open_tokenizers():
    model = tokenizers.models.BPE.from_file(
        str(VOCABULARY / "vocab.json"), str(VOCABULARY / "merges.txt")
    )
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens([END_OF_TEXT])
    return tokenizer


def main():
    tiktoken_encoding = open_tiktoken()
    hugging_face = open_tokenizers()
    counts = {}
    with open(HERE / "tokenizer-small.jsonl", "w", encoding="utf-8") as out:
        for kind, text in texts():
            for special in (False, True) if END_OF_TEXT in text else (False,):
                ids = (
                    tiktoken_encoding.encode(text, allowed_special="all")
                    if special
                    else tiktoken_encoding.encode_ordinary(text)
                )
                if (special or END_OF_TEXT not in text) and hugging_face.encode(text).ids != ids:
                    raise SystemExit(f"tiktoken and tokenizers differ on {text!r}")
                number = counts[kind] = counts.get(kind, 0) + 1
                line = {"id": f"{kind}/{number:03}", "text": text, "ids": ids, "special": special}
                out.write(json.dumps(line) + "\n")
    print(sum(counts.values()), "cases:", counts)


if __name__ == "__main__":
    main()

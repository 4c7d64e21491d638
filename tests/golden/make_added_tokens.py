#!/usr/bin/env python3
"""Writes added_tokens.json: sets of tokens added to the vocabulary of models/base, as
tokenizer_config.json describes them, and texts with the ids that transformers gives them
(5.24.0, tokenizers 0.23.3) with special tokens heeded and, as "plain", not.

Usage: python tests/golden/make_added_tokens.py [CASES [FILE]]    (from the repository's root)
"""
import json
import os
import random
import shutil
import sys
import tempfile

from transformers import AutoTokenizer

BASE = "tests/golden/models/base"


def token(content, special=False, normalized=None, lstrip=False, rstrip=False, single_word=False):
    return {
        "content": content,
        "lstrip": lstrip,
        "normalized": not special if normalized is None else normalized,
        "rstrip": rstrip,
        "single_word": single_word,
        "special": special,
    }


SETS = {
    # No special token overlaps an ordinary one here: transformers, told to leave special ones
    # alone, finds nothing at all where they are, gen and llama.cpp what else is there.
    "ordinary and special": [
        token("<plain>"),
        token("<now>", normalized=False),
        token("sneeuw"),
        token("ab"),
        token("abc", normalized=False),
        token("bcd"),
        token("cde", normalized=False),
        token("aaa"),
        token(" lead"),
        token("tail "),
        token("\n\n", normalized=False),
        token("\nUser:"),
        token("\u00e9t\u00e9"),
        token("<|user|>", special=True),
        token("<|bot|>", special=True),
        token("<|late|>", special=True, normalized=True),
    ],
    "white space around": [
        token("<mask>", special=True, lstrip=True),
        token("<r>", special=True, rstrip=True),
        token("<lr>", lstrip=True, rstrip=True),
        token("<late>", normalized=True, lstrip=True),
        token("right", rstrip=True, normalized=False),
        token(" x", lstrip=True),
        token("y ", rstrip=True),
        token("<n>"),
    ],
    "single words": [
        token("<w>", special=True, single_word=True),
        token("king", single_word=True),
        token("kin", normalized=False, single_word=True),
        token("the", single_word=True, lstrip=True),
        token("\u00fcber", single_word=True, rstrip=True),
        token("a.", single_word=True),
        token(".b", single_word=True),
        token("in"),
    ],
}

BETWEEN = [
    "", "", "", " ", " ", "  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2028", "\u0085",
    "\u200b", "\x1c", "x", "a", "Z", "7", "_", "-", ".", ",", "<", ">", "|", "'s", "\u00e9",
    "\u0301", "\u200d", "\u24b6", "\U0001f150", "\u2160", "\u00b2", "\u203f", "\u0661", "\u6f22",
    "\U0001f600", "the king", " and the queen", "<|endoftext|>", "\u0903", "\u20dd",
]


def texts(tokens, n, rng):
    contents = [t["content"] for t in tokens]
    for c in contents:
        yield c
        yield c + c
        yield c + " " + c
        yield " " + c + " "
        yield "x" + c + "x"
        yield "the" + c + "king"
        yield "\n" + c + "\n" + c
    for _ in range(n):
        parts = []
        for _ in range(rng.randrange(1, 7)):
            c = rng.choice(contents)
            if rng.random() < 0.25:
                c = c[: rng.randrange(1, len(c) + 1)]
            elif rng.random() < 0.2:
                c = c[rng.randrange(len(c)):]
            parts += [rng.choice(BETWEEN), c, rng.choice(BETWEEN)]
        yield "".join(parts)


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    path = sys.argv[2] if len(sys.argv) > 2 else "tests/golden/added_tokens.json"
    with open(os.path.join(BASE, "vocab.json")) as f:
        vocabulary = json.load(f)
    rng = random.Random(20261130)
    lines = []
    for name, tokens in SETS.items():
        # Some are in the vocabulary already.
        new = iter(range(512, 600))
        decoder = {str(vocabulary.get(t["content"]) or next(new)): t for t in tokens}
        with tempfile.TemporaryDirectory() as directory:
            for f in ("config.json", "vocab.json", "merges.txt"):
                shutil.copy(os.path.join(BASE, f), directory)
            config = {"tokenizer_class": "GPT2Tokenizer", "added_tokens_decoder": decoder}
            with open(os.path.join(directory, "tokenizer_config.json"), "w") as f:
                json.dump(config, f)
            tokenizer = AutoTokenizer.from_pretrained(directory)
        for i, t in decoder.items():
            found = tokenizer.added_tokens_decoder[int(i)]
            assert all(getattr(found, key) == value for key, value in t.items()), (t, found)
        cases = []
        for text in dict.fromkeys(texts(tokens, n, rng)):
            tokenizer.split_special_tokens = False
            ids = tokenizer(text)["input_ids"]
            tokenizer.split_special_tokens = True
            plain = tokenizer(text)["input_ids"]
            tokenizer.split_special_tokens = False
            case = {"text": text, "ids": ids}
            if plain != ids:
                case["plain"] = plain
            cases.append("   " + json.dumps(case))
        lines.append(
            ' {"name": %s,\n  "added_tokens_decoder": {\n%s\n  },\n  "cases": [\n%s\n  ]}'
            % (
                json.dumps(name),
                ",\n".join("   %s: %s" % (json.dumps(k), json.dumps(v)) for k, v in decoder.items()),
                ",\n".join(cases),
            )
        )
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes offsets.json: texts and where Hugging Face's tokenizers find their tokens (transformers
5.24.0, tokenizers 0.23.3: return_offsets_mapping, in characters), special tokens heeded. The
vocabulary is that of models/base; the tokens added to it are the sets of added_tokens.json.

Usage: python tests/golden/make_offsets.py [CASES [FILE]]    (from the repository's root)
"""
import json
import os
import random
import shutil
import sys
import tempfile

from transformers import AutoTokenizer

BASE = "tests/golden/models/base"

PARTS = [
    "the king", " and the queen", "Once upon a time", " ", "  ", "\n", "\n\n", "\t", "\r\n", "'ll",
    "7", " 42", "...", "\u00e9", " \u00e9t\u00e9", "e\u0301", "\u0301", "a\u0302\u0323", "\u00df",
    "\u4f60\u597d", "\u4e16\u754c\u3002", "\u65e5\u672c\u8a9e", "\ud55c\uad6d", "\u1112\u1161",
    "\u05e9\u05dc\u05d5\u05dd", " \u0645\u0631\u062d\u0628\u0627", "\ufdfa", "\u0939\u093f\u0928",
    "\U0001f600", " \U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea", "\u2764\ufe0f",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u200b", "\u00ad", "\u202e", "\u2028", "\u3000",
    "\u00a0", "\x1b[31m", "\x7f", "\u0085", "\ufffd", "\U0010ffff", "<|endoftext|>",
]


def open_tokenizer(decoder):
    with tempfile.TemporaryDirectory() as directory:
        for f in ("config.json", "vocab.json", "merges.txt"):
            shutil.copy(os.path.join(BASE, f), directory)
        config = {"tokenizer_class": "GPT2Tokenizer"}
        if decoder:
            config["added_tokens_decoder"] = decoder
        with open(os.path.join(directory, "tokenizer_config.json"), "w") as f:
            json.dump(config, f)
        return AutoTokenizer.from_pretrained(directory)


def texts(contents, n, rng):
    yield from contents
    yield from PARTS
    for _ in range(n):
        parts = [rng.choice(rng.choice([contents, PARTS])) for _ in range(rng.randrange(2, 8))]
        yield "".join(parts)


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 80
    path = sys.argv[2] if len(sys.argv) > 2 else "tests/golden/offsets.json"
    rng = random.Random(20261130)
    with open("tests/golden/added_tokens.json") as f:
        sets = json.load(f)
    eos = {"content": "<|endoftext|>", "special": True}
    sets.append({"name": "none", "added_tokens_decoder": {"511": eos}})
    lines = []
    for one in sets:
        decoder = one["added_tokens_decoder"]
        tokenizer = open_tokenizer(decoder)
        cases = []
        for text in dict.fromkeys(texts([t["content"] for t in decoder.values()], n, rng)):
            found = tokenizer(text, return_offsets_mapping=True)
            case = {"text": text, "ids": found["input_ids"], "offsets": found["offset_mapping"]}
            cases.append("   " + json.dumps(case, separators=(",", ":")))
        lines.append(
            ' {"name": %s,\n  "added_tokens_decoder": %s,\n  "cases": [\n%s\n  ]}'
            % (json.dumps(one["name"]), json.dumps(decoder), ",\n".join(cases))
        )
    with open(path, "w") as f:
        f.write("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()

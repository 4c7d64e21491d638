#!/usr/bin/env python3
"""Make vocab/SIZE/{vocab.json,merges.txt}: what Hugging Face's trainer learns from vocab/text.txt.

ByteLevelBPETokenizer.train reads the text from a file, without the lines `<|endoftext|>` that
divide documents, for gen does not learn from these. Needs the package tokenizers, no network.

Usage: make_vocab.py            (from the text as it is)
       make_vocab.py TALES      (makes the text first: the beginning of the file TALES, and lines
                                 mixed at random from the pieces of make_tokenizer_cases.py)
"""

import pathlib
import random
import sys
import tempfile

import tokenizers

from make_tokenizer_cases import (
    CONTRACTIONS, END_OF_TEXT, MARKS, NO_SPACES, NUMBERS, PROSE, SCRIPTS, SPACES, SYMBOLS,
)

HERE = pathlib.Path(__file__).parent / "vocab"
SIZES = (300, 1000)


def make_text(tales):
    pieces = SPACES + NO_SPACES + CONTRACTIONS + SCRIPTS + NUMBERS + SYMBOLS + MARKS + PROSE
    generator = random.Random(3)
    lines = pathlib.Path(tales).read_bytes()[:24000].decode("utf-8", "ignore").split("\n")
    lines += [END_OF_TEXT, "", "", "    indented", "\tby a tab", END_OF_TEXT + "\r"]
    for _ in range(60):
        lines.append("".join(generator.choices(pieces + [" ", "  "] * 8, k=10)))
    for character in "a- =0é":
        lines += [character * n for n in (1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 200)]
    lines += ["abab", "ababa", "aabaab", "dc", "ba", "dc", "ba", END_OF_TEXT]
    return "\n".join(lines).encode()


def train(size, text, folder):
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        tokenizer = tokenizers.ByteLevelBPETokenizer()
        tokenizer.train(
            [file.name], vocab_size=size, special_tokens=[END_OF_TEXT], show_progress=False
        )
    folder.mkdir(exist_ok=True)
    tokenizer.save_model(str(folder))


def main():
    HERE.mkdir(exist_ok=True)
    path = HERE / "text.txt"
    if len(sys.argv) > 1:
        path.write_bytes(make_text(sys.argv[1]))
    lines = path.read_bytes().split(b"\n")
    kept = [line for line in lines if line.rstrip(b"\r") != END_OF_TEXT.encode()]
    for size in SIZES:
        train(size, b"\n".join(kept), HERE / str(size))


if __name__ == "__main__":
    main()

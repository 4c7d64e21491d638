"""What a block format costs: mean negative log-likelihood of the first 2048 tokens of a text, for
one model converted to every type, by gen and (if installed) by llama.cpp on the same file.

    python3 scripts/quant_quality.py MODEL TEXT     from the root, after `make`

Needs numpy; llama-cpp-python for the comparison, whose logits are compared with gen's too.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np

try:
    import llama_cpp
except ImportError:
    llama_cpp = None

GEN = os.environ.get("GEN", "build/gen")
TYPES = ["f32", "f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q5_1", "q5_0", "q4_k_m", "q4_1", "q4_0"]
N_TOKENS, CHUNK = 2048, 256


def run(*arguments):
    return subprocess.run([GEN, *arguments], check=True, capture_output=True, text=True).stdout


def gen_logits(path, ids, file):
    run("-m", path, "--prompt-ids", " ".join(map(str, ids)), "-n", "1", "--context", "slide",
        "--save-logits", file)  # fmt: skip
    logits = np.fromfile(file, "<f4")
    return logits.reshape(len(ids) + 1, -1)[: len(ids)]


def llama_logits(path, chunks):
    llama = llama_cpp.Llama(path, n_ctx=CHUNK, n_batch=CHUNK, logits_all=True, verbose=False)
    for ids in chunks:
        llama.reset()
        llama.eval(ids)
        yield np.array(llama.scores[: len(ids)], np.float32)


def nll(logits, ids):
    logits = logits[:-1].astype(np.float64)
    top = logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return total - logits[np.arange(len(ids) - 1), ids[1:]]


def main(model, text):
    with tempfile.TemporaryDirectory() as directory:
        with open(text, "rb") as file:
            head = file.read(20 * N_TOKENS).decode("utf-8", "ignore")
        part = os.path.join(directory, "text")
        with open(part, "w", encoding="utf-8") as file:
            file.write(head)
        ids = [int(i) for i in run("tokenize", "-m", model, part).split()][:N_TOKENS]
        chunks = [ids[i : i + CHUNK - 1] for i in range(0, len(ids), CHUNK - 1)]
        exact = None
        for name in TYPES:
            path = os.path.join(directory, name + ".gguf")
            run("convert", "--type", name, model, path)
            ours = [gen_logits(path, c, os.path.join(directory, "logits")) for c in chunks]
            loss = np.concatenate([nll(x, c) for x, c in zip(ours, chunks)]).mean()
            exact = loss if exact is None else exact
            line = f"{name:7} {os.path.getsize(path):10} bytes  nll {loss:.5f}"
            line += f"  perplexity {100 * (np.exp(loss - exact) - 1):+.3f} %"
            if llama_cpp is not None:
                theirs = list(llama_logits(path, chunks))
                loss = np.concatenate([nll(x, c) for x, c in zip(theirs, chunks)]).mean()
                apart = np.concatenate([(a - b).ravel() for a, b in zip(ours, theirs)])
                same = np.concatenate([a.argmax(1) == b.argmax(1) for a, b in zip(ours, theirs)])
                line += f"  llama.cpp nll {loss:.5f}, logits differ by {apart.std():.4f} rms, "
                line += f"{abs(apart).max():.3f} at most; best token the same {100 * same.mean():.1f} %"
            print(line, flush=True)


main(*sys.argv[1:])

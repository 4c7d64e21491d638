#!/usr/bin/env python3
"""The side of CTranslate2 in scripts/bench_peers.sh.

  bench_ctranslate2.py check
      exit status 0 if the module is there
  bench_ctranslate2.py convert HF_DIRECTORY TARGET float32|int8
      write the model for CTranslate2 (needs transformers, too)
  bench_ctranslate2.py run MODEL THREADS N_NEW [BEAMS] < IDS
      each line of stdin holds the ids of one prompt, all are answered in one batch: greedily,
      or with so many beams, with exactly N_NEW tokens, never ended by eos; prints the new tokens of all in a second.
      Loading the model and a first short answer are not counted.
"""
import json
import os
import sys
import time

import ctranslate2


def convert(source, target, quantization):
    converter = ctranslate2.converters.TransformersConverter(source)
    converter.convert(target, quantization=quantization, force=True)


def answer(generator, prompts, n_new, n_beams):
    """The best texts without an end token, the prompts read in one piece."""
    return generator.generate_batch(
        prompts,
        max_length=n_new,
        min_length=n_new,
        beam_size=n_beams,
        sampling_topk=1,
        end_token=[],
        include_prompt_in_result=False,
        max_batch_size=len(prompts),
    )


def run(directory, threads, n_new, n_beams):
    with open(os.path.join(directory, "vocabulary.json"), encoding="utf-8") as file:
        vocabulary = json.load(file)
    prompts = [[vocabulary[int(i)] for i in line.split()] for line in sys.stdin if line.strip()]
    generator = ctranslate2.Generator(
        directory, device="cpu", inter_threads=1, intra_threads=threads
    )
    answer(generator, prompts, 2, n_beams)
    start = time.perf_counter()
    results = answer(generator, prompts, n_new, n_beams)
    seconds = time.perf_counter() - start
    found = [len(result.sequences_ids[0]) for result in results]
    if any(n != n_new for n in found):
        sys.exit(f"answers of {found} tokens, {n_new} were asked for")
    print(len(prompts) * n_new / seconds)


def main(arguments):
    if arguments == ["check"]:
        return
    if len(arguments) == 4 and arguments[0] == "convert":
        convert(*arguments[1:])
    elif len(arguments) in (4, 5) and arguments[0] == "run":
        numbers = [int(word) for word in arguments[2:]]
        run(arguments[1], numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 1)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])

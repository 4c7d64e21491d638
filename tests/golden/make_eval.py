"""Scores, perplexity and accuracy by PyTorch and by lm-evaluation-harness, for cli/eval.bats and
cli/score.bats: records of each data set in the form in which it is published, made here and not taken
from any, and what the harness finds with them. Writes golden/eval/*.jsonl and golden/eval/expected.json
(needs torch, transformers, lm-eval 0.4.13).

    python3 tests/golden/make_eval.py
"""
import json
import math
import os
import random
import re
import shutil
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_DATASETS_CACHE"] = tempfile.mkdtemp()
import lm_eval
import torch
import transformers
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "eval")
MODELS = ["base", "odd-width", "neo-words"]
SENTENCES = [line for line in re.split(r"(?<=[.!?;,'])\s+", open(os.path.join(HERE, "tale.txt"), encoding="utf-8")
                                       .read().replace("\n", " ")) if 12 < len(line) < 120]
rng = random.Random(7)


def words(n):
    return " ".join(rng.choice(SENTENCES).split()[:n]).strip(".,;!?\"")


def write(name, records):
    with open(os.path.join(OUT, name + ".jsonl"), "w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps(record, ensure_ascii=False) + "\n")


def make_records():
    """Quirks of the real ones: brackets and double blanks, labels as text, letters beyond ASCII, equal
    choices, blanks at the ends, texts longer than the context."""
    n = 24
    hellaswag = []
    for i in range(n):
        endings = [words(3 + rng.randrange(9)) + "." for _ in range(4)]
        label = rng.randrange(4)
        record = {"ind": i, "activity_label": words(2), "ctx_a": words(8) + ".", "ctx_b": "he " + words(2),
                  "split_type": "indomain", "endings": endings, "label": label if i % 2 else str(label)}
        if i % 4 == 1:
            record["ctx_a"] += " [title] " + words(3) + " [step] " + words(4) + "  [substeps]  end."
            record["endings"][1] = " [header] " + endings[1] + "  [x] And [ so on. "
        if i % 4 == 2:
            record["ctx_b"] = "élan VITAL Über [a [b] c]"
            record["endings"][0] = "\u00a0" + "Straße — " + endings[0] + "\u2003"
        if i % 6 == 5:
            record["ctx_a"] = " ".join(rng.sample(SENTENCES, 4))
            record["endings"][3] = record["endings"][2]
        hellaswag.append(record)
    write("hellaswag", hellaswag)
    write("lambada", [{"text": rng.choice(SENTENCES)[:-1].rstrip()} for _ in range(n)] +
          [{"text": "Wort"}, {"text": "so  it  was"}])
    blimp = []
    for i in range(n):
        good = rng.choice(SENTENCES)
        scrambled = good.split()
        rng.shuffle(scrambled)
        blimp.append({"sentence_good": good, "sentence_bad": " ".join(scrambled) if i % 5 else good,
                      "field": "syntax", "UID": "made", "pair_id": str(i)})
    write("blimp", blimp)
    write("piqa", [{"goal": words(6) + "?", "sol1": words(2 + i % 7), "sol2": words(9 - i % 7), "label": i % 3 % 2}
                   for i in range(n)])
    arc = []
    for i in range(n):
        m = 3 + i % 3
        labels = list("ABCDE" if i % 4 else "12345")[:m]
        arc.append({"id": "made_%d" % i, "question": words(8) + "?",
                    "choices": {"text": [words(1 + rng.randrange(6)) for _ in range(m)], "label": labels},
                    "answerKey": rng.choice(labels)})
    write("arc", arc)
    write("arc-nested", [{"id": r["id"], "question": {"stem": r["question"], "choices": [
        {"text": text, "label": label} for text, label in zip(r["choices"]["text"], r["choices"]["label"])]},
        "answerKey": r["answerKey"]} for r in arc])
    winogrande = []
    for i in range(n):
        before, after = words(5), words(5)
        winogrande.append({"qID": "made-%d" % i, "sentence": before + " _ " + after + ".", "option1": words(1),
                           "option2": words(2), "answer": str(1 + rng.randrange(2))})
    winogrande[3]["sentence"] = "_ " + words(6) + ". "
    write("winogrande", winogrande)
    choices = [{"context": words(7) + (":" if i % 2 else ""), "choices": [words(1 + rng.randrange(8)) for _ in
                range(2 + i % 4)], "label": i % 2} for i in range(n)]
    write("choices", choices)
    pairs = [{"context": words(5) + end, "continuation": begin + words(3)}
             for end, begin in [("", " "), (" ", ""), ("  \n", ""), ("\u00a0", ""), ("\u3000 ", " "), ("x", "y"),
                                ("é", "t"), ("", "s"), (" \u200b", ""), ("\t", "\t")]]
    pairs += [{"context": "", "continuation": " " + words(4)}, {"context": "", "continuation": words(2)},
              {"context": words(4), "continuation": "\U0001f600"}]
    write("pairs", pairs)


YAML = {"hellaswag": "hellaswag/hellaswag.yaml", "lambada": "lambada/lambada_openai.yaml",
        "blimp": "blimp/adjunct_island.yaml", "piqa": "piqa/piqa.yaml", "arc": "arc/arc_easy.yaml",
        "winogrande": "winogrande/default.yaml"}


def make_tasks(directory):
    """The harness's own tasks, told to read our files."""
    source = os.path.join(os.path.dirname(lm_eval.__file__), "tasks")
    for name, path in YAML.items():
        folder = os.path.join(directory, name)
        shutil.copytree(os.path.join(source, os.path.dirname(path)), folder,
                        ignore=lambda _, names: [n for n in names if n.endswith((".yaml", ".md"))])
        text = open(os.path.join(source, path), encoding="utf-8").read()
        if "include:" in text:
            included = re.search(r"include: (\S+)", text).group(1)
            text = open(os.path.join(source, os.path.dirname(path), included), encoding="utf-8").read() + "task: x\n"
        kept = [line for line in text.splitlines() if not re.match(
            r"(task|dataset_path|dataset_name|\w+_split|tag|  - \w+$|should_decon|doc_to_decon)", line)
            and not line.startswith("  - ai2") and not re.match(r"  - [a-z_]+$", line)]
        kept += ["task: made_" + name, "dataset_path: json", "dataset_kwargs:", "  data_files:",
                 "    validation: " + os.path.join(OUT, name + ".jsonl"), "validation_split: validation"]
        with open(os.path.join(folder, "task.yaml"), "w", encoding="utf-8") as out:
            out.write("\n".join(kept) + "\n")
    os.mkdir(os.path.join(directory, "choices"))
    with open(os.path.join(directory, "choices", "task.yaml"), "w", encoding="utf-8") as out:
        out.write("""task: made_choices
dataset_path: json
dataset_kwargs:
  data_files:
    validation: %s
validation_split: validation
output_type: multiple_choice
doc_to_text: "{{context}}"
doc_to_choice: choices
doc_to_target: label
metric_list:
  - metric: acc
  - metric: acc_norm
""" % os.path.join(OUT, "choices.jsonl"))


def load(path):
    """Model and tokenizer of a directory, or of a GGUF of gen."""
    if path.endswith(".gguf"):
        where = {"pretrained_model_name_or_path": os.path.dirname(path), "gguf_file": os.path.basename(path)}
        config = transformers.AutoConfig.from_pretrained(**where)
        config.n_positions = 512
        return (transformers.AutoModelForCausalLM.from_pretrained(**where, config=config, dtype=torch.float32).eval(),
                transformers.AutoTokenizer.from_pretrained(**where))
    return (transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval(),
            transformers.AutoTokenizer.from_pretrained(path))


def harness(model, tokenizer):
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=4, device="cpu")
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        make_tasks(directory)
        names = ["made_" + name for name in list(YAML) + ["choices"]]
        results = lm_eval.simple_evaluate(model=lm, tasks=names, num_fewshot=0, bootstrap_iters=100,
                                          task_manager=TaskManager(include_path=directory, include_defaults=False))
        for name in names:
            values = results["results"][name]
            found[name[5:]] = {key.split(",")[0]: values[key] for key in values
                               if key.split(",")[0] in ("acc", "acc_norm", "acc_stderr", "acc_norm_stderr", "perplexity")}
    pairs = [json.loads(line) for line in open(os.path.join(OUT, "pairs.jsonl"), encoding="utf-8")]
    requests = [lm_eval.api.instance.Instance("loglikelihood", {}, (p["context"], p["continuation"]), 0) for p in pairs]
    found["pairs"] = [[ll, bool(greedy)] for ll, greedy in lm.loglikelihood(requests)]
    return found


def logprobs(model, ids):
    """Of ids[1:], in double precision from the model's float32 logits."""
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double()
    return torch.log_softmax(logits[:-1], -1), torch.tensor(ids[1:])


def perplexity(model, ids, n_ctx, stride):
    """Hugging Face's guide to perplexity, with the exact mean over the tokens that are scored."""
    total, n, before = 0.0, 0, 0
    for begin in range(0, len(ids), stride):
        end = min(begin + n_ctx, len(ids))
        part = ids[begin:end]
        if len(part) > 1:
            rows, wanted = logprobs(model, part)
            found = rows[torch.arange(len(wanted)), wanted]
            found = found[max(before - begin - 1, 0):]
            total += float(found.sum())
            n += len(found)
        before = end
        if end == len(ids):
            break
    return {"ctx": n_ctx, "stride": stride, "n_scored": n, "logprob": total, "perplexity": math.exp(-total / n)}


def llama(model, ids, n_ctx):
    """llama-perplexity: of each chunk the tokens after its first half."""
    found = []
    for begin in range(0, len(ids) - n_ctx + 1, n_ctx):
        rows, wanted = logprobs(model, ids[begin:begin + n_ctx])
        found += rows[torch.arange(len(wanted)), wanted][n_ctx // 2:].tolist()
    n = len(found)
    mean = sum(found) / n
    variance = sum(x * x for x in found) / n - mean * mean
    value = math.exp(-mean)
    return {"ctx": n_ctx, "n_scored": n, "perplexity": value, "perplexity_stderr": math.sqrt(variance / (n - 1)) * value}


def scores(model, tokenizer, n_ctx):
    """Tokens of texts, with ranks and the three likeliest."""
    found = []
    for text in [SENTENCES[0], "Straße \U0001f600!", " ".join(SENTENCES[1:3])]:
        ids = tokenizer.encode(text)[:n_ctx]
        rows, wanted = logprobs(model, ids)
        own = rows[torch.arange(len(wanted)), wanted]
        best = rows.topk(3)
        found.append({"ids": ids, "token_logprobs": [None] + own.tolist(),
                      "token_ranks": [None] + [int((rows[i] > own[i]).sum()) + 1 for i in range(len(wanted))],
                      "top": [None] + [[[int(id), float(p)] for id, p in zip(best.indices[i], best.values[i])]
                                       for i in range(len(wanted))]})
    return found


def judge(path):
    model, tokenizer = load(path)
    n_ctx = model.config.max_position_embeddings
    ids = tokenizer.encode(open(os.path.join(HERE, "tale.txt"), encoding="utf-8").read())
    return {"harness": harness(model, tokenizer), "scores": scores(model, tokenizer, n_ctx),
            "perplexity": [perplexity(model, ids, n, s) for n, s in
                           [(n_ctx, n_ctx), (n_ctx, n_ctx // 2), (20, 7), (20, 20)]],
            "llama": [llama(model, ids, n) for n in (32, 17)]}


if __name__ == "__main__":
    if len(sys.argv) > 1:  # of other models, to standard output
        json.dump({path: judge(path) for path in sys.argv[1:]}, sys.stdout)
        sys.exit()
    os.makedirs(OUT, exist_ok=True)
    make_records()
    expected = {name: judge(os.path.join(HERE, "models", name)) for name in MODELS}
    with open(os.path.join(OUT, "expected.json"), "w", encoding="utf-8") as out:
        json.dump(expected, out, indent=1)
        out.write("\n")

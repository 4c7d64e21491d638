#!/usr/bin/env python3
"""Write tests/fuzz/seeds/: small inputs that each fuzzer begins with.

    GEN=build/gen tests/fuzz/make_seeds.py

Needs the standard library and a gen that is built, which makes the states and caches.
"""
import json
import os
import random
import shutil
import struct
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
BASE = os.path.join(GOLDEN, "models", "base")
NEO = os.path.join(GOLDEN, "models", "neo-mixed")
GEN = os.path.abspath(os.environ.get("GEN", os.path.join(HERE, "..", "..", "build", "gen")))


def put(kind, name, data):
    directory = os.path.join(HERE, "seeds", kind)
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def chosen(choice, data):
    """A first byte that chooses, and the rest."""
    return bytes([choice]) + (data.encode() if isinstance(data, str) else data)


def byte_tokens():
    """GPT-2's spelling of the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, n = {}, 0
    for byte in range(256):
        table[byte] = chr(byte) if byte in plain else chr(256 + n)
        n += byte not in plain
    return [table[byte] for byte in range(256)]


def gguf():
    put("gguf", "by-package", read(GOLDEN, "gguf", "by-package.gguf"))
    with tempfile.TemporaryDirectory() as directory:
        model = os.path.join(directory, "m.gguf")
        subprocess.run([GEN, "convert", "-q", "--type", "f16", NEO, model], check=True)
        put("gguf", "gpt-neo", read(model))
    for name in ("v1", "v5"):
        put("gguf", "llmc-" + name, read(GOLDEN, "llmc", name + ".bin"))
    put("adapter", "golden", read(GOLDEN, "lora", "adapter.gguf"))
    # No tensors, some keys of every type.
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()
    values = [(0, "<B", 1), (1, "<b", -1), (2, "<H", 2), (3, "<h", -2), (4, "<I", 3), (5, "<i", -3),
              (6, "<f", 0.5), (7, "<B", 1), (10, "<Q", 4), (11, "<q", -4), (12, "<d", 0.25)]
    keys = [text("k%d" % kind) + struct.pack("<I", kind) + struct.pack(form, value)
            for kind, form, value in values]
    keys.append(text("general.architecture") + struct.pack("<I", 8) + text("gpt2"))
    keys.append(text("list") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"))
    put("gguf", "keys", b"GGUF" + struct.pack("<IQQ", 3, 0, len(keys)) + b"".join(keys))


def safetensors():
    header = {"__metadata__": {"format": "pt"},
              "a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
              "h.0.attn.bias": {"dtype": "BOOL", "shape": [4], "data_offsets": [16, 20]},
              "b": {"dtype": "BF16", "shape": [2], "data_offsets": [20, 24]}}
    text = json.dumps(header).encode()
    put("safetensors", "three", struct.pack("<Q", len(text)) + text + bytes(24))
    put("safetensors", "json", '{"a": [1, -2.5e3, true, null, "\\u00e9\\ud83d\\ude00"], "b": {}}')


def tokenizers():
    tokens = byte_tokens()
    vocab = {token: i for i, token in enumerate(tokens)}
    for token in ["th", "the", "\u0120the", "<|endoftext|>"]:
        vocab[token] = len(vocab)
    special = {"id": vocab["<|endoftext|>"], "content": "<|endoftext|>", "single_word": False,
               "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    word = dict(special, id=len(vocab), content="<plain>", special=False)
    whole = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [special, word],
             "normalizer": None,
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                               "use_regex": True},
             "post_processor": None, "decoder": {"type": "ByteLevel"},
             "model": {"type": "BPE", "dropout": None, "unk_token": None, "vocab": vocab,
                       "merges": ["t h", "th e", "\u0120 the"]}}
    put("tokenizer_files", "tokenizer", chosen(0, json.dumps(whole, ensure_ascii=False)))
    whole["model"]["merges"] = [["t", "h"], ["th", "e"]]
    put("tokenizer_files", "pairs", chosen(0, json.dumps(whole, ensure_ascii=False)))
    put("tokenizer_files", "vocab", chosen(1, read(BASE, "vocab.json")))
    put("tokenizer_files", "merges", chosen(2, read(BASE, "merges.txt")))
    put("tokenizer_files", "added", chosen(3, '{"<plain>": 512, "<|user|>": 513}'))
    put("tokenizer_files", "config", chosen(4, json.dumps(
        {"add_prefix_space": False, "eos_token": "<|endoftext|>", "added_tokens_decoder":
         {"511": special, "512": dict(word, id=512)}})))
    put("tokenizer", "merges", "t h\nth e\n\u0120 the\n\nthe other <|endoftext|> <| caf\u00e9 12")


def directories():
    config = json.loads(read(BASE, "config.json"))
    put("hf_dir", "config", chosen(0, json.dumps(config)))
    put("hf_dir", "config-eos", chosen(0, json.dumps(dict(config, eos_token_id=[511, 3], x=None))))
    put("hf_dir", "gpt-neo", chosen(0, read(NEO, "config.json").decode()))
    put("hf_dir", "generation", chosen(1, '{"eos_token_id": [511, 234], "temperature": 0.7}'))
    put("hf_dir", "tokenizer", chosen(2, '{"add_bos_token": false, "eos_token": {"content": "a"}}'))
    data = read(BASE, "model.safetensors")
    (length,) = struct.unpack("<Q", data[:8])
    names = [name for name in json.loads(data[8:8 + length]) if name != "__metadata__"]
    put("hf_dir", "index", chosen(3, json.dumps(
        {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(names, "shard.safetensors")})))


def pickled(kind, fields):
    """A tensor or a storage as torch.save() pickles it, with pickletools' opcodes by hand."""
    return b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\n" + kind + b"Storage\nX\x01\0\0\0" + \
        fields[0] + b"X\x03\0\0\0cpuK" + fields[1] + b"tQ" + fields[2] + b"\x89ccollections\nOrderedDict\n)RtR"


def torch():
    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value

    for name in ("zip", "legacy"):
        put("torch", name, chosen(0, read(GOLDEN, "torch", name, "pytorch_model.bin")))
    put("torch", "meta", chosen(1, read(GOLDEN, "torch", "characters", "meta.pkl")))
    weights = b"\x80\x02ccollections\nOrderedDict\nq\0)Rq\x01(" + text(b"wte.weight") + \
        pickled(b"Float", [b"0", b"\x40", b"K\0K\x08K\x08\x86K\x08K\x01\x86"]) + text(b"t") + \
        pickled(b"Double", [b"1", b"\x20", b"K\x02K\x02K\x03\x86K\x01K\x02\x86"]) + \
        b"u}q\x02" + text(b"_metadata") + b"h\0)Rsb."
    put("torch", "weights", chosen(2, weights))
    shapes = {"wte": (3, 2), "wpe": (2, 2), "ln_f": (2,), "h.0.ln_1": (2,), "h.0.ln_2": (2,), "h.0.attn.c_attn": (6, 2),
              "h.0.attn.c_proj": (2, 2), "h.0.mlp.c_fc": (8, 2), "h.0.mlp.c_proj": (2, 8)}
    matrix, row = b"K\0K%cK%c\x86K%cK\x01\x86", b"K\0K%c\x85K\x01\x85"
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 2, "block_size": 2, "vocab_size": 3}
    model = b"".join(
        text(b"_orig_mod.transformer." + name.encode() + b".weight") +
        pickled(b"Float", [b"0", b"\x40", matrix % (*shape, shape[1]) if len(shape) == 2 else row % shape])
        for name, shape in shapes.items())
    args = b"".join(text(key.encode()) + b"K" + bytes([value]) for key, value in sizes.items())
    put("torch", "nanogpt", chosen(3, b"\x80\x02}(" + text(b"model") + b"}(" + model + b"u" + text(b"model_args") +
                                   b"}(" + args + text(b"bias") + b"\x89u" + text(b"iter_num") + b"M\xe8\x03u."))


def training():
    with tempfile.TemporaryDirectory() as directory:
        text = os.path.join(directory, "text")
        with open(text, "w") as file:
            file.write("Once upon a time there was a king.\n<|endoftext|>\nAnd a queen.\n")
        for optimizer in "adamw", "muon":
            model = os.path.join(directory, optimizer + ".gguf")
            subprocess.run([GEN, "train", "-q", "-o", model, "--n-layer", "1", "--n-head", "1",
                            "--n-embd", "2", "--n-ctx", "8", "--vocab-size", "257", "--steps", "1",
                            "--optimizer", optimizer, "-t", "1", text], check=True)
            put("state", optimizer, read(model + ".state"))
        for name in os.listdir(directory):
            if ".tokens-" in name:
                put("token_cache", "mended", chosen(3, read(directory, name)))
                put("token_cache", "size", chosen(1, read(directory, name)))


def tokenize():
    """Two bytes choose what is read and what is printed."""
    for name, read_as, form, data in (
            ("lines", 0, 3, "the king\n\nthe <r> queen\r\n<|endoftext|>"),
            ("lines-json", 8, 8 | 16, "a\u4f60 <m>\nkings king\n x <r> x\n"),
            ("jsonl", 1, 8, '{"text": "the \\ud83d\\ude00", "id": 7}\n\n{"x": 1}\n[1]\n'),
            ("null", 2, 2, "the\nking\0\0a"),
            ("show", 3 | 8, 1, "the \u4f60\u0301\u05d0\t\x1b[1m |\\\n<|endoftext|> \U0001f3fd\u200d"),
            ("show-lines", 0, 1 | 16, "the\nking\xff\n"),
            ("decode", 4, 3, "1 2 3\n[4,5]\nx\n511\n"),
            ("decode-jsonl", 5, 0, '{"ids": [1, 2], "x": null}\n{"ids": 3}\n')):
        put("tokenize", name, bytes([read_as, form]) + data.encode("utf-8", "surrogateescape"))


def prompt_caches():
    with tempfile.TemporaryDirectory() as directory:
        cache = os.path.join(directory, "p")
        subprocess.run([GEN, "-m", BASE, "-n", "1", "-t", "1", "--prompt-ids", "1 2 3",
                        "--prompt-cache", cache], check=True, stdout=subprocess.DEVNULL)
        put("prompt_cache", "head", chosen(7, read(cache)[:300]))
        put("prompt_cache", "sum", chosen(3, read(cache)[:60]))
        put("prompt_cache", "as-it-is", chosen(0, read(cache)[:100]))


def lines():
    put("lines", "pairs", chosen(0, '{"prompt": "What?", "completion": " the king"}\n'
                                    '{"messages": [{"role": "user", "content": "Hi"}, '
                                    '{"role": "assistant", "content": "the queen"}]}\n'))
    put("lines", "alpaca", chosen(0, '{"instruction": "a", "input": "b", "output": "c"}\n'
                                     '{"conversations": [{"from": "human", "value": "x"}, '
                                     '{"from": "gpt", "value": "y\\ud800"}]}\n'))
    put("lines", "corpus-json", chosen(1, '\ufeff{"text": "the king<|endoftext|>the"}\n\n'
                                          '{"text": "caf\\u00e9"}\n'))
    put("lines", "corpus", chosen(2, "\ufeffthe king\r\n<|endoftext|>\r\nthe queen<|endoftext|>\n"))
    put("lines", "prompts-json", chosen(3, '{"prompt": "the"}\n{"prompt": 5}\n{"prompt": "\\n"}\n'))
    put("lines", "prompts", chosen(4, "the king\n\nthe queen\r\n"))
    put("lines", "prompt", chosen(5, "the king\n"))


def chats():
    talk = '{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]%s}'
    put("chat", "load", chosen(0, talk % ', "id": 5'))
    put("chat", "load-array", chosen(0, '[{"role": "user", "content": "x"},'
                                        ' {"role": "assistant", "content": "y\\u00e9\\n"}]'))
    put("chat", "talks", chosen(1, "\n".join(talk % more for more in (
        "", ', "id": {"x": [1.50, null]}, "max_new_tokens": 1', ', "stop": ["e", "the"], "seed": 7',
        ', "temperature": "0.5", "bad_words": "the", "context": "slide"',
        ', "logit_bias": {"5": "-inf"}, "do_sample": false, "min_new_tokens": 2, "max_length": 9', ', "top_p": 7'))))


def records():
    jsonl = ('{"prompt":"the king","id":1,"max_new_tokens":3,"temperature":0.5,"stop":["a","b"],"do_sample":true}\n'
             '{"prompt":"a","logit_bias":{"5":-1,"6":"-inf"},"bad_words":"th","seed":7,"tags":[1.50,"x",{"y":null}]}\n\n'
             '{"prompt":"b","temprature":1,"num_return_sequences":2,"stop_at":"sentence","max_length":9}\n{"id":4}\n')
    csv = 'prompt,id,temperature\n"a ""b"", c\nd",7,\nthe king,x,0.5\n\n"open\n,1,2\n'
    put("records", "jsonl", chosen(0, jsonl))
    put("records", "csv", chosen(1, csv))
    put("records", "template-jsonl", chosen(2, "Q: {{prompt}} {{ id }}\nA:\0" + jsonl))
    put("records", "template-csv", chosen(3, "{{prompt}}{{id}}\0" + csv))
    put("records", "name-jsonl", chosen(4, "{{id}}-{{index}}.{{sequence}}.txt\0" + jsonl))
    put("records", "name-csv", chosen(5, "{{ id }}\0" + csv.replace("id", "../x", 1)))
    answers = [{"index": i // 2, "sequence": i % 2, "finish_reason": "length",
                "run": "0123ab-4567cd-89abef"} for i in range(6)]
    answers.append({"index": 3, "error": "no", "run": "0123ab-4567cd-89abef"})
    answers.append({"index": 4, "sequence": 0, "finish_reason": "canceled",
                    "run": "0123ab-4567cd-89abef"})
    lines = "".join(json.dumps(answer) + "\n" for answer in answers)
    put("records", "resume", chosen(6, lines))
    put("records", "resume-half", chosen(7, lines[:400]))
    shard = "".join(json.dumps(dict(answer, index=3 * i + 1)) + "\n"
                    for i, answer in enumerate(answers[:6:2]))
    put("records", "resume-shard", chosen(8, shard))


def evaluation():
    names = ["choices", "hellaswag", "lambada", "blimp", "piqa", "arc", "winogrande"]
    for i, name in enumerate(names + ["pairs"]):
        lines = read(os.path.join(GOLDEN, "eval"), name + ".jsonl").splitlines()
        put("eval", name, chosen(i, b"\n".join(lines[1:3]) if name == "pairs" else lines[1]))
    put("eval", "arc-nested", chosen(5, read(os.path.join(GOLDEN, "eval"), "arc-nested.jsonl").splitlines()[1]))
    put("eval", "records", chosen(7, '{"text": "a", "x": [1]}\n{"ids": [1, 2]}\n{"context": " ", '
                                     '"continuation": "b"}\n{"context": "", "continuation": ""}\n'))
    row = struct.pack("<ff3HH", 1e-4, -7, 65535, 3, 0, 0)
    put("eval", "base", chosen(8, b"_logits_" + struct.pack("<3i8i", 4, 3, 2, *[0, 1, 2, 0] * 2) + row * 2))


def options():
    commands = {0: ["-m", "x", "-n5", "--top-p=0.9", "--stop", "a", "--stop", "b", "-0q", "--", "-p"],
                1: ["--json", "-p", "the", "--decode"], 2: ["--tensors", "m.gguf"],
                3: ["--type", "q4_k_m", "a", "b"], 4: ["--json", "-t", "2"],
                5: ["--size", "300", "-o", "d", "f"],
                6: ["-o", "m.gguf", "--preset", "tiny", "--lr", "3e-4", "--schedule", "wsd", "f"],
                7: ["-o", "m.gguf", "--lora-rank", "8", "--epochs", "2.5", "p.jsonl"], 8: ["train"]}
    for command, arguments in commands.items():
        put("options", "command-%d" % command, chosen(command, "\n".join(arguments)))


def numbers():
    chance = random.Random(5)
    # Bytes of a block of 256 and where its half-precision numbers lie, in the order of the types.
    blocks = [(34, [0]), (18, [0]), (20, [0, 2]), (22, [0]), (24, [0, 2]), (84, [80, 82]),
              (110, [108]), (144, [0, 2]), (176, [0, 2]), (210, [208])]
    for i, (size, halves) in enumerate(blocks):
        count = 2 * (8 if size < 80 else 1)
        data = b""
        for _ in range(count):
            block = bytearray(chance.randbytes(size))
            for at in halves:
                block[at:at + 2] = struct.pack("<e", chance.uniform(-0.01, 0.01))
            data += block
        put("quant", "type-%d" % i, chosen(i, data))
    for i in range(8):
        put("generate", "job-%d" % i, chance.randbytes(60 + 40 * i))


def constraints():
    texts = [
        (0, "(yes|no), [a-c]{2,5}\\d*\\p{Lu}?[^x-z\\s]\\u00e4"),
        (1, 'root ::= item ("," item)* <[7]>?\nitem ::= [a-z]{1,3} | "(" root ")" # sums\n'),
        (2, '{"type":"object","properties":{"a":{"type":"integer","minimum":-3,"maximum":40},'
            '"b":{"$ref":"#/$defs/b"}},"required":["b"],"$defs":{"b":{"type":"string","pattern":'
            '"^[a-z]+$","maxLength":4}},"patternProperties":{"^x":{"type":"null"}}}'),
        (2, '{"oneOf":[{"type":"integer","multipleOf":3},{"type":"array","contains":{"const":1},'
            '"maxContains":2}],"not":{"enum":[1,"a"]}}'),
        (2, '{"anyOf":[{"$ref":"#"},{"if":{"minimum":1.5},"then":{"maximum":2e3},"else":false}],'
            '"dependentRequired":{"a":["b"]},"propertyNames":{"maxLength":2},"maxProperties":3}'),
        (3, "red\r\ngreen\n\nvery blue"),
        (0, "[]|[^\\s\\S]|((a|a)*|(a|aa)+){1,20}(b{0,30}){0,30}"),
        (1, 'root ::= a\na ::= b? c\nb ::= "x"\nc ::= root "y" | ""\n'),
    ]
    for i, (kind, text) in enumerate(texts):
        put("constraint", "text-%d" % i, chosen(kind, text))


def chat_templates():
    models = json.loads(read(GOLDEN, "chat", "models.json"))["models"]
    for model in models:
        name = model["model"].split("/")[-1].split(" ")[0].lower()
        put("chat_template", name, chosen(0, model["jinja"]))
    patterns = ["chatml", "llama2", "{role}: {content}\\n",
                "Question: {prompt}\\nAnswer: {completion}\\n"]
    for i, pattern in enumerate(patterns):
        put("chat_template", "pattern-%d" % i, chosen(1, pattern))
    # What those templates do not do.
    put("chat_template", "rest", chosen(0, """
{%- macro m(a, b='x', c=[1, 2, {'k': none}]) -%}{{ a ~ b }}{{ c | length }}{%- endmacro -%}
{%- for k, v in {'a': 1, 'b': [true, False]}.items() -%}{{ k }}{{ loop.revindex }}{%- else -%}-{%- endfor -%}
{%- for i in range(10, 0, -3) if i is even -%}{% if i > 8 %}{% continue %}{% endif %}{{ i // 2 % 3 * 2 }}{%- break -%}{%- endfor -%}
{# comment #}{%+ if 'a' in 'abc' and not (1 == 2 or 'x' not in ['y']) %}{{ m('a' * 3, c='z'[::1]) }}{% endif +%}
{% set n = namespace(x=1) %}{% set n.x = n.x + 1 %}{% set a, b = 1, 'two' %}{% set t %}text{% endset %}
{{- (messages | map(attribute='role') | list)[-2:] | join(', ') | replace('u', 'U') | upper -}}
{{ messages | selectattr('role', 'equalto', 'user') | rejectattr('content') | first | default('none', true) }}
{{ 'a,b'.split(',')[0].title() ~ ' x '.strip() ~ messages[0].get('z', 'q') ~ '\\u00e9\\x41' ~ -1 if 1 < 2 <= 3 else '' }}
{% generation %}{{ ['x', 'y'] + ['z'] | reverse | list | length }}{% endgeneration %}
"""))


if __name__ == "__main__":
    shutil.rmtree(os.path.join(HERE, "seeds"), ignore_errors=True)
    for make in (gguf, safetensors, torch, tokenizers, directories, training, prompt_caches, lines, tokenize, evaluation, chats, records,
                 options, numbers, chat_templates, constraints):
        make()

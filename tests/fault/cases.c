/**
 * cases.c - what is run, and how its calls fail: the two tables of the sweep. What may come out of
 * a run is in judge.c.
 */
#include "cases.h"

#include <stddef.h>

const char *const fault_ways[FAULT_KINDS][6] = {
    [FAULT_MEMORY] = {"ENOMEM", "ENOMEM+"},
    [FAULT_MAP] = {"ENOMEM"},
    [FAULT_THREAD] = {"EAGAIN", "EAGAIN+"},
    [FAULT_OPEN] = {"EMFILE", "EIO"},
    [FAULT_STAT] = {"EIO"},
    [FAULT_READ] = {"EIO", "EINTR", "short"},
    [FAULT_PREAD] = {"EIO", "EINTR", "short", "empty"},
    [FAULT_WRITE] = {"ENOSPC", "ENOSPC+", "EIO", "EINTR", "short"},
    [FAULT_SYNC] = {"EIO"},
    [FAULT_CLOSE] = {"EIO", "EINTR"},
    [FAULT_RENAME] = {"EACCES"},
    [FAULT_UNLINK] = {"EACCES"},
    [FAULT_LOCK] = {"ENOLCK", "EINTR"},
    [FAULT_CHANGE] = {"EPERM", "EIO"},
    [FAULT_MKDIR] = {"EACCES"},
    [FAULT_POLL] = {"EINTR"},
    [FAULT_PIPE] = {"EMFILE"},
    [FAULT_RANDOM] = {"ENOSYS"},
};

#define SHAPE "--n-layer 1 --n-head 2 --n-embd 16 --n-ctx 16 --batch-size 64 -t 1 "
#define TEXT  "@/train/text.txt"

/* A run of three prompts of which two are answered. */
#define RESUME "-q -m %/model.gguf -t 1 -s 1 -n 4 --lines --json --no-timings --resume -o text"
#define RESUME_BEFORE                                                                              \
    "printf 'the king\\nOnce\\nthe queen\\n' | \"$GEN\" -m \"$MADE/model.gguf\" -t 1 -s 1 -n 4 "   \
    "--lines --json --no-timings >all && "

const char fault_cases_fixtures[] =
    "\"$GEN\" convert -q \"$GOLDEN/models/base\" \"$MADE/model.gguf\" && "
    "\"$GEN\" convert -q --type q8_0 \"$GOLDEN/models/base\" \"$MADE/q8.gguf\" && "
    "printf ' the\\n king\\n' >\"$MADE/bad\" && "
    "printf 'Once upon a time there was a king' >\"$MADE/text\" && "
    "printf '{\"activity_label\": \"x\", \"ctx_a\": \"the\", \"ctx_b\": \"king\", "
    "\"endings\": [\"is [not] here\", \"sat  down\"], \"label\": \"1\"}\n' >\"$MADE/hellaswag\" && "
    "for i in 1 2 3 4; do printf "
    "'{\"prompt\": \"What is %s?\", \"completion\": \" the king\"}\\n' $i; done >\"$MADE/p.jsonl\"";

const struct fault_case fault_cases[] = {
    {.name = "generate", .command = "-m %/model.gguf -t 1 -s 1 -n 12 -p the"},
    {.name = "generate, q8_0, 2 threads",
     .command = "-m %/q8.gguf -t 2 -s 1 -n 12 --repetition-penalty 1.2 -f %/text"},
    {.name = "generate, Hugging Face", .command = "-m @/models/base -t 1 -s 1 -n 8 -p the"},
    {.name = "generate --draft-model",
     .command = "-m %/model.gguf --draft-model %/q8.gguf -t 1 -s 1 -n 12 -p the",
     .warns = true},
    {.name = "generate --lines",
     .command = "-m %/model.gguf -t 1 --greedy -n 6 --lines",
     .input = "the king\nOnce\nthe queen\n"},
    {.name = "generate --jsonl --json, rules",
     .command =
         "-m %/model.gguf -t 1 -s 1 -n 6 --jsonl --json --logprobs 2 --bad-words %/bad "
         "--logit-bias 5=-inf --stop zz --top-p 0.9 --typical-p 0.9 --no-repeat-ngram-size 3",
     .input = "{\"prompt\": \"the king\"}\n{\"prompt\": \"Once\"}\n"},
    {.name = "generate --jsonl, ways to decode",
     .command = "-m %/model.gguf -t 1 -s 1 -n 4 --jsonl --json --no-timings --bad-words %/bad",
     .input = "{\"prompt\": \"the king\", \"guidance_scale\": 2, \"negative_prompt\": \"a\"}\n"
              "{\"prompt\": \"the t\", \"token_healing\": true}\n"
              "{\"prompt\": \"the\", \"choices\": [\"king\", \" queen\"], \"bad_words\": \"x\"}\n"},
    {.name = "generate -o",
     .before = "echo 'what was there before' >text",
     .command = "-m %/model.gguf -t 1 --greedy -n 12 -o text -p the"},
    {.name = "generate --csv, template",
     .before = "printf 'Q: {{a}} {{b}}\\nA:' >t",
     .command = "-m %/model.gguf -t 1 -s 1 -n 4 --csv --json --no-timings --template t",
     .input = "a,b,max_new_tokens\nthe king,\"x\ny\",3\nOnce,\"\"\"q\"\"\",\n"},
    {.name = "generate --resume, half is done",
     .before = RESUME_BEFORE "head -c 700 all >text.partial && rm all",
     .command = RESUME,
     .input = "the king\nOnce\nthe queen\n",
     .again = true},
    {.name = "generate --resume, a list that has grown",
     .before = RESUME_BEFORE "head -n 2 all >text && rm all",
     .command = RESUME,
     .input = "the king\nOnce\nthe queen\n",
     .again = true},
    {.name = "generate --output-dir",
     .before = "mkdir d && echo 'what was there before' >d/7.txt",
     .command = "-m %/model.gguf -t 1 -s 1 -n 4 --jsonl --output-dir d --name {{id}}.txt",
     .input = "{\"id\":7,\"prompt\":\"the king\"}\n{\"id\":8,\"prompt\":\"Once\"}\n"},
    {.name = "generate --save-logits",
     .command = "-m %/model.gguf -t 1 --greedy -n 2 --save-logits logits -p the"},
    {.name = "generate --prompt-cache, made",
     .command = "-m %/model.gguf -t 1 --greedy -n 4 --prompt-cache cache -f %/text",
     .warns = true},
    {.name = "generate --prompt-cache, read",
     .before = "\"$GEN\" -m \"$MADE/model.gguf\" -t 1 -n 1 --prompt-cache cache -f \"$MADE/text\"",
     .command = "-m %/model.gguf -t 2 --greedy -n 4 --prompt-cache cache -f %/text"},
    {.name = "generate --prompt-cache, made anew",
     .before = "\"$GEN\" -m \"$MADE/model.gguf\" -t 1 -n 1 --prompt-cache cache -p 'the king'",
     .command = "-m %/model.gguf -t 1 --greedy -n 4 --prompt-cache cache -f %/text",
     .warns = true},
    {.name = "chat",
     .before = "echo 'what was there before' >talk.json && "
               "echo '[{\"role\": \"user\", \"content\": \"the queen\"}]' >old.json",
     .command = "chat -q -m %/model.gguf -t 1 --greedy -n 4 --system the --stop-at sentence",
     .input = "/save talk.json\nthe king\n/set top-k 3\n/show\n/load old.json\n"},
    {.name = "chat --jsonl --json",
     .command = "chat -q -m %/model.gguf -t 1 --greedy -n 4 --jsonl --json --no-timings",
     .input = "{\"id\": 1, \"messages\": [{\"role\": \"user\", \"content\": \"the king\"}], "
              "\"stop\": [\"e\"]}\n"
              "{\"messages\": [{\"role\": \"user\", \"content\": \"Once\"}]}\n"},
    {.name = "tokenize", .command = "tokenize -m %/model.gguf --json %/text"},
    {.name = "tokenize -o",
     .before = "echo 'what was there before' >ids",
     .command = "tokenize -m @/models/base -o ids -p the"},
    {.name = "tokenize --decode",
     .command = "tokenize -m %/model.gguf --decode",
     .input = "83 257 260 300"},
    {.name = "tokenize --lines, 2 threads",
     .before = "echo 'what was there before' >ids",
     .command = "tokenize -m %/model.gguf -t 2 --lines -o ids @/train/text.txt"},
    {.name = "tokenize --jsonl --json",
     .command = "tokenize -m %/model.gguf -t 1 --jsonl --json --offsets",
     .input = "{\"text\": \"the king\", \"id\": 7}\n{\"text\": \"Once\"}\n"},
    {.name = "tokenize --show", .command = "tokenize -m %/model.gguf --show %/text"},
    {.name = "explain", .command = "explain -t 2 -m %/q8.gguf the king"},
    {.name = "explain -o",
     .before = "echo 'what was there before' >page.html",
     .command = "explain -t 2 -m @/models/base -o page.html the king"},
    {.name = "explain --json", .command = "explain -t 1 -m @/models/base --json the king"},
    {.name = "score --jsonl",
     .command = "score -m %/model.gguf -t 2 --jsonl --json --logprobs 2",
     .input = "{\"text\": \"the king\"}\n{\"context\": \"Once \", \"continuation\": \"upon\"}\n"},
    {.name = "eval --text", .command = "eval -m %/q8.gguf -t 1 --json --ctx 8 --text %/text"},
    {.name = "eval --choices -o",
     .before = "echo 'what was there before' >out",
     .command = "eval -m %/model.gguf -t 1 -o out --choices -",
     .input = "{\"context\": \"the\", \"choices\": [\"king\", \"queen\"], \"label\": 1}\n"},
    {.name = "eval --task", .command = "eval -m %/model.gguf -t 2 --task hellaswag %/hellaswag"},
    {.name = "score -o",
     .before = "echo 'what was there before' >out",
     .command = "score -m @/models/base -t 1 --tokens --ctx 8 --stride 3 -o out Once upon a time"},
    {.name = "compare, three outputs",
     .before = "for file in base svg out; do echo 'what was there before' >$file; done",
     .command = "compare -m %/model.gguf -m %/q8.gguf -t 2 --no-timings --text %/text --ctx 4 "
                "--convention llama.cpp --save-base base --svg svg -o out"},
    {.name = "compare --base",
     .before = "\"$GEN\" compare -m \"$MADE/model.gguf\" -t 1 --no-timings --text "
               "\"$MADE/text\" --ctx 4 --convention llama.cpp --save-base base >first",
     .command = "compare --base base -m %/q8.gguf -t 1 --no-timings --json"},
    {.name = "compare --choices -",
     .command = "compare -m %/model.gguf -m %/q8.gguf -t 1 --no-timings --choices -",
     .input = "{\"context\": \"the\", \"choices\": [\"king\", \"queen\"], \"label\": 1}\n"
              "{\"context\": \"a\", \"choices\": [\"b\", \"c\"], \"label\": 0}\n"},
    {.name = "compare, other vocabularies",
     .command = "compare -m %/model.gguf -m @/models/neo-words -t 1 --no-timings --text %/text"},
    {.name = "inspect", .command = "inspect --tensors %/model.gguf"},
    {.name = "inspect --json", .command = "inspect --json @/models/base"},
    {.name = "convert to q4_k_m",
     .before = "echo 'what was there before' >q.gguf",
     .command = "convert -q --type q4_k_m %/model.gguf q.gguf"},
    {.name = "convert to f16", .command = "convert -q --type f16 @/models/base h.gguf"},
    {.name = "convert --lora",
     .command = "convert -q --lora @/lora/adapter.gguf %/model.gguf merged.gguf"},
    {.name = "vocab", .command = "vocab -q -t 1 --size 280 -o v " TEXT},
    {.name = "vocab, over an old one",
     .before = "\"$GEN\" vocab -q --size 260 -o v \"$GOLDEN/train/text.txt\"",
     .command = "vocab -q -t 2 --size 280 -o v " TEXT},
    {.name = "train",
     .command = "train -q -o m.gguf --vocab @/models/base " SHAPE "--steps 2 --valid-share 0.2 "
                "--metrics m.jsonl --svg m.svg --resume " TEXT,
     .again = true},
    {.name = "train, own vocabulary, Muon, 2 threads",
     .command = "train -q -o m.gguf " SHAPE "-t 2 --vocab-size 264 --steps 2 --optimizer muon "
                "--sample-every 2 --sample-tokens 3 --resume " TEXT,
     .again = true},
    {.name = "train --resume",
     .before = "\"$GEN\" train -q -o m.gguf --vocab \"$GOLDEN/models/base\" --n-layer 1 --n-head 2 "
               "--n-embd 16 --n-ctx 16 --batch-size 64 -t 1 --steps 1 \"$GOLDEN/train/text.txt\"",
     .command = "train -q -o m.gguf --vocab @/models/base " SHAPE "--steps 2 --resume " TEXT,
     .again = true},
    {.name = "train --init",
     .command = "train -q -o m.gguf --init %/model.gguf --n-ctx 16 --batch-size 16 -t 1 --steps 1 "
                "--resume @/train/text.txt",
     .again = true},
    {.name = "finetune",
     .before = "echo 'what was there before' >m.gguf",
     .command = "finetune -q -o m.gguf -m %/model.gguf -t 1 --steps 2 -b 2 --valid %/p.jsonl "
                "--metrics m.jsonl --resume %/p.jsonl",
     .again = true},
    {.name = "finetune --lora-rank",
     .command = "finetune -q -o a.gguf -m %/q8.gguf -t 1 --lora-rank 2 --steps 2 -b 2 "
                "--resume %/p.jsonl",
     .again = true},
};

const int n_fault_cases = (int)(sizeof fault_cases / sizeof fault_cases[0]);

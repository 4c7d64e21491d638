/**
 * habits.c - what users of transformers and llama.cpp write, and what it is called here. An alias
 * must mean exactly the same as its option, in values and effect; whatever is only similar gets a
 * sentence. options.c looks them up.
 */
#include "cli/habits.h"

#define ON_CPU      "gen runs on the CPU, with -t threads"
#define NO_BEAMS    "gen draws its texts and has no beam search; --num-return-sequences makes several"
#define NO_CHAT     "`gen --lines` answers each line that is typed, without remembering the last"
#define ALL_TOKENS  "here a penalty looks at the whole text, and that cannot be changed"
#define CONTEXT     "the context is as long as the model's; --context slide goes on when it is full"
#define BATCHES     "--batch is the number of texts worked on at once; no text depends on it"
#define STOPPING    "--stop TEXT ends a text before TEXT appears"
#define ESCAPES     "--stop and --separator know \\n and \\t; for prompts the shell has $'...\\n'"
#define HUB         "fetch it with `hf download NAME`, then give -m NAME"
#define ADAPTER     "merge it first: gen convert --lora ADAPTER MODEL MERGED.gguf"
#define ONE_TEXT    "gen continues one prompt and ends, unless --lines is given; leave it away"
#define NO_ROLES    "a prompt is continued as it is: write the model's template into it"
#define KV_TYPES    "--kv-type f16 keeps keys and values in half the memory"
#define ALL_THREADS "-t is the number of threads for all"
#define MAPPED      "a model file is mapped wherever its weights can be used in place"

const struct habit habits_generate[] = {
    {"temp", "temperature", NULL},
    {"repeat-penalty", "repetition-penalty", NULL},
    {"n-predict", "max-new-tokens", NULL},
    {"predict", "max-new-tokens", NULL},
    {"max-tokens", "max-new-tokens", NULL},
    {"typical", "typical-p", NULL},
    {"top-nsigma", "top-n-sigma", NULL},
    {"no-display-prompt", "no-echo", NULL},
    {"r", NULL, STOPPING},
    {"reverse-prompt", NULL, STOPPING},
    {"stop-strings", NULL, STOPPING},
    {"i", NULL, NO_CHAT},
    {"interactive", NULL, NO_CHAT},
    {"cnv", NULL, NO_CHAT},
    {"conversation", NULL, NO_CHAT},
    {"no-cnv", NULL, ONE_TEXT},
    {"no-conversation", NULL, ONE_TEXT},
    {"single-turn", NULL, ONE_TEXT},
    {"st", NULL, ONE_TEXT},
    {"sys", NULL, NO_ROLES},
    {"system-prompt", NULL, NO_ROLES},
    {"chat-template", NULL, NO_ROLES},
    {"jinja", NULL, NO_ROLES},
    {"c", NULL, CONTEXT},
    {"ctx-size", NULL, CONTEXT},
    {"ctk", NULL, KV_TYPES},
    {"ctv", NULL, KV_TYPES},
    {"cache-type-k", NULL, KV_TYPES},
    {"cache-type-v", NULL, KV_TYPES},
    {"tb", NULL, ALL_THREADS},
    {"threads-batch", NULL, ALL_THREADS},
    {"b", NULL, BATCHES},
    {"batch-size", NULL, BATCHES},
    {"ub", NULL, BATCHES},
    {"ubatch-size", NULL, BATCHES},
    {"ngl", NULL, ON_CPU},
    {"gpu-layers", NULL, ON_CPU},
    {"n-gpu-layers", NULL, ON_CPU},
    {"device", NULL, ON_CPU},
    {"device-map", NULL, ON_CPU},
    {"flash-attn", NULL, ON_CPU},
    {"e", NULL, ESCAPES},
    {"escape", NULL, ESCAPES},
    {"no-escape", NULL, ESCAPES},
    {"hf", NULL, HUB},
    {"hf-repo", NULL, HUB},
    {"lora", NULL, ADAPTER},
    {"lora-scaled", NULL, ADAPTER},
    {"mmap", NULL, MAPPED},
    {"no-mmap", NULL, MAPPED},
    {"mlock", NULL, MAPPED},
    {"no-warmup", NULL, "there is none; leave it away"},
    {"log-disable", NULL, "-q says nothing on stderr but errors"},
    {"verbose-prompt", NULL, "gen tokenize shows the ids of a prompt"},
    {"mirostat", NULL, "not in gen; --typical-p and --min-p are for the same purpose"},
    {"repeat-last-n", NULL, ALL_TOKENS},
    {"num-beams", NULL, NO_BEAMS},
    {"length-penalty", NULL, NO_BEAMS},
    {"early-stopping", NULL, NO_BEAMS},
    {"do-sample", NULL, "texts are drawn unless --greedy is given"},
    {"epochs", NULL, "that is of `gen train` and `gen finetune`"},
    {"steps", NULL, "that is of `gen train` and `gen finetune`"},
    {"perplexity", NULL, "not in gen; --json --logprobs N shows what each new token cost"},
    {NULL, NULL, NULL},
};

#define SECOND "what is written is the second argument: gen convert SRC DST.gguf"

const struct habit habits_convert[] = {
    {"outtype", "type", NULL}, {"o", NULL, SECOND}, {"output", NULL, SECOND},
    {"outfile", NULL, SECOND}, {NULL, NULL, NULL},
};

#define PROMPTS "--prompt-lengths N,... says how long the prompts are"
#define DECODED "--decode-lengths N,... says where tokens are added, --steps N how many"

const struct habit habits_bench[] = {
    {"p", NULL, PROMPTS},
    {"n-prompt", NULL, PROMPTS},
    {"n", NULL, DECODED},
    {"n-gen", NULL, DECODED},
    {"r", NULL, "--repeat N measures all N times"},
    {"ngl", NULL, ON_CPU},
    {"n-gpu-layers", NULL, ON_CPU},
    {NULL, NULL, NULL},
};

#define STEP_BATCH                                                                                 \
    "--batch-size is that of a whole step; --micro-batch N sequences are worked on at once"

const struct habit habits_train[] = {
    {"learning-rate", "lr", NULL},
    {"num-train-epochs", "epochs", NULL},
    {"num-epochs", "epochs", NULL},
    {"max-steps", "steps", NULL},
    {"warmup-steps", "warmup", NULL},
    {"model-name-or-path", "model", NULL},
    {"lr-scheduler-type", NULL, "--schedule NAME: constant, cosine or wsd"},
    {"per-device-train-batch-size", NULL, STEP_BATCH},
    {"gradient-accumulation-steps", NULL, STEP_BATCH},
    {"output-dir", NULL, "-o FILE.gguf names the one file that is the model"},
    {"train-file", NULL, "files to learn are operands, or -d FILE"},
    {"block-size", NULL, "--n-ctx N is the length of the sequences"},
    {"max-seq-length", NULL, "--n-ctx N is the length of the sequences"},
    {"max-length", NULL, "--n-ctx N is the length of the sequences"},
    {"fp16", NULL, "training is in f32; gen convert --type makes the model smaller afterwards"},
    {"bf16", NULL, "training is in f32; gen convert --type makes the model smaller afterwards"},
    {"lora-rank", NULL, "that is of `gen finetune`"},
    {"lora", NULL, "--lora-rank R of `gen finetune` makes one; gen convert --lora merges it"},
    {NULL, NULL, NULL},
};

bool habits_same(const char *known, const char *name, size_t n) {
    size_t i = 0;
    while (i < n && known[i] != '\0' && known[i] == (name[i] == '_' ? '-' : name[i])) {
        i++;
    }
    return i == n && known[i] == '\0';
}

const struct habit *habits_find(const struct habit *habits, const char *name, size_t n) {
    while (habits != NULL && habits->name != NULL) {
        if (habits_same(habits->name, name, n)) {
            return habits;
        }
        habits++;
    }
    return NULL;
}

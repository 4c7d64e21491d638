/**
 * habits.c - what users of transformers, llama.cpp and ollama write, and what it is called here. An
 * alias must mean exactly the same as its option, in values and effect; whatever is only similar
 * gets a sentence. options.c looks them up.
 */
#include "cli/habits.h"

#include <stdio.h>
#include <string.h>

#define ON_CPU      "gen runs on the CPU, with -t threads"
#define WORDS       "--force-words FILE has a word a line"
#define NO_CHAT     "gen chat talks; gen --lines answers each line without remembering the last"
#define CONTEXT     "the context is as long as the model's; --context slide goes on when it is full"
#define BATCHES     "--batch is the number of texts worked on at once; no text depends on it"
#define STOPPING    "--stop TEXT ends a text before TEXT appears"
#define ESCAPES     "--stop and --separator know \\n and \\t; for prompts the shell has $'...\\n'"
#define HUB         "fetch it with `hf download NAME`, then give -m NAME"
#define ADAPTER     "merge it first: gen convert --lora ADAPTER MODEL MERGED.gguf"
#define ONE_TEXT    "gen continues one prompt and ends, unless --lines is given; leave it out"
#define NO_ROLES    "a prompt is continued as it is; gen chat has --system and --template"
#define KV_TYPES    "--kv-type f16 keeps keys and values in half the memory"
#define ALL_THREADS "-t is the number of threads for all"
#define MAPPED      "a model file is mapped wherever its weights can be used in place"
#define PINNING     "that is the system's: taskset, nice, numactl; gen uses the processors it may use"
#define POSITIONS   "how positions are encoded is the model's affair and cannot be changed"
#define SPECULATION                                                                                \
    "--speculate guesses from the text itself, --draft-model M with a smaller model, as far as "   \
    "it pays"
#define TEXT_ALONE "gen reads and writes text alone"
#define WARPERS    "not in gen; --dry-multiplier and --no-repeat-ngram-size are against repetition"
#define ORDER      "--samplers 'NAME;NAME...' states the order, by names"
#define LOGGING    "-v says more on stderr, -q less, and 2>FILE keeps it in a file"
#define NO_NETWORK "gen uses no network, ever"
#define TIMINGS    "-v says the speed; --json has the timings, --no-timings leaves them out"
#define BEGINNING  "a prompt can be given as ids, its first one too: --prompt-ids"
#define AUTOMATIC  "gen does that by itself; leave it out"
#define FORM       "--regex, --grammar, --json-schema, --json-object and --choices state a form"
#define INNER      "gen explain --json has attention, and what each layer would say"

const struct habit habits_generate[] = {
    {"temp", "temperature", NULL},
    {"repeat-penalty", "repetition-penalty", NULL},
    {"n-predict", "max-new-tokens", NULL},
    {"predict", "max-new-tokens", NULL},
    {"num-predict", "max-new-tokens", NULL},
    {"max-tokens", "max-new-tokens", NULL},
    {"typical", "typical-p", NULL},
    {"top-nsigma", "top-n-sigma", NULL},
    {"mirostat-tau", "mirostat-ent", NULL},
    {"mirostat-eta", "mirostat-lr", NULL},
    {"dynatemp-exponent", "dynatemp-exp", NULL},
    {"generation-config", NULL, "--defaults model takes what the model's files ask for"},
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
    {"num-ctx", NULL, CONTEXT},
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
    {"no-warmup", NULL, "there is none; leave it out"},
    {"log-disable", NULL, "-q says nothing on stderr but errors"},
    {"verbose-prompt", NULL, "gen tokenize shows the ids of a prompt"},
    {"epochs", NULL, "that is of `gen train` and `gen finetune`"},
    {"steps", NULL, "that is of `gen train` and `gen finetune`"},
    {"perplexity", NULL, "gen eval --text FILE, or gen score for single texts"},
    /* Settings of transformers' GenerationConfig. */
    {"bad-words-ids", NULL, "--bad-words FILE has a word a line"},
    {"negative-prompt-ids", NULL, "--negative-prompt TEXT"},
    {"beam-size", "num-beams", NULL},
    {"beam-width", "num-beams", NULL},
    {"guided-json", NULL, FORM},
    {"guided-regex", NULL, FORM},
    {"guided-choice", NULL, FORM},
    {"guided-grammar", NULL, FORM},
    {"response-format", NULL, FORM},
    {"grammar-root", NULL, "a grammar begins with its rule root"},
    {"prefix-allowed-tokens-fn", NULL, FORM},
    {"logits-processor", NULL, "the rules are options: gen help generate, under Sampling"},
    {"stopping-criteria", NULL, STOPPING},
    {"streamer", NULL, "text is shown as it comes; leave it out"},
    {"trust-remote-code", NULL, "gen runs no code of a model; leave it out"},
    {"custom-generate", NULL, "gen runs no code of a model; leave it out"},
    {"prompt-ignore-length", NULL, "the penalties count prompt and new tokens"},
    {"penalize-nl", NULL, "--logit-bias ID=X makes one token less likely"},
    {"no-penalize-nl", NULL, "newlines are tokens like others; leave it out"},
    {"lookup-*", NULL, SPECULATION},
    {"lcs", NULL, SPECULATION},
    {"lcd", NULL, SPECULATION},
    {"ngld", NULL, SPECULATION},
    {"td", NULL, ALL_THREADS},
    {"tbd", NULL, ALL_THREADS},
    {"cd", NULL, SPECULATION},
    {"mu", NULL, HUB},
    {"ld", NULL, LOGGING},
    {"bos-token-id", NULL, BEGINNING},
    {"decoder-start-token-id", NULL, BEGINNING},
    {"pad-token-id", NULL, "texts of a batch are not padded; leave it out"},
    {"constraints", NULL, WORDS},
    {"force-words-ids", NULL, WORDS},
    {"low-memory", NULL, "the beams of a search share their memory; leave it out"},
    {"output-scores", NULL, "--logprobs N has the likeliest tokens of each step"},
    {"top-logprobs", "logprobs", NULL},
    {"n-probs", "logprobs", NULL},
    {"prompt-logprobs", NULL, "--echo-logprobs has those of the prompt, --logprobs N how many"},
    {"output-logits", NULL, "--save-logits FILE writes them"},
    {"output-attentions", NULL, INNER},
    {"output-hidden-states", NULL, INNER},
    {"return-dict-in-generate", NULL, "--json prints an object for each text"},
    {"encoder-*", NULL, "gen runs decoders, which have no such thing"},
    {"assistant-model", "draft-model", NULL},
    {"assistant-*", NULL, SPECULATION},
    {"is-assistant", NULL, SPECULATION},
    {"num-assistant-*", NULL, SPECULATION},
    {"prompt-lookup-num-tokens", NULL, SPECULATION},
    {"max-matching-ngram-size", NULL, SPECULATION},
    {"speculation-type", NULL, SPECULATION},
    {"target-lookbehind", NULL, SPECULATION},
    {"use-mtp", NULL, SPECULATION},
    {"watermarking-config", NULL, "not in gen"},
    {"dola-layers", NULL, WARPERS},
    {"transformers-version", NULL, "gen needs no transformers; leave it out"},
    {"use-cache", NULL, AUTOMATIC},
    {"remove-invalid-values", NULL, AUTOMATIC},
    {"max-cache-len", NULL, AUTOMATIC},
    {"prefill-chunk-size", NULL, AUTOMATIC},
    {"cache-config", NULL, AUTOMATIC},
    {"cache-implementation", NULL, AUTOMATIC},
    {"continuous-batching-config", NULL, AUTOMATIC},
    {"compile-config", NULL, AUTOMATIC},
    {"disable-compile", NULL, AUTOMATIC},
    /* Options of llama.cpp's programs. */
    {"output-file", "output", NULL},
    {"log-verbose", "verbose", NULL},
    {"usage", NULL, "gen help generate"},
    {"l", NULL, "--logit-bias ID=X"},
    {"bf", NULL, "-f FILE takes any bytes"},
    {"binary-file", NULL, "-f FILE takes any bytes"},
    {"display-prompt", NULL, "the prompt is shown unless --no-echo is given"},
    {"print-token-count", NULL, "--json tells it, and gen tokenize --count"},
    {"keep", NULL, "--context slide goes on over the last half of the text"},
    {"context-shift", NULL, CONTEXT},
    {"no-context-shift", NULL, CONTEXT},
    {"parallel", NULL, BATCHES},
    {"np", NULL, BATCHES},
    {"prompt-cache-ro", NULL, "--prompt-cache FILE only reads a file that may not be written"},
    {"prompt-cache-all", NULL,
     "--prompt-cache FILE keeps the prompt; give prompt and answer as the next one"},
    {"sampler-seq", NULL, ORDER},
    {"sampling-seq", NULL, ORDER},
    {"grammar-file", "grammar", NULL},
    {"json-schema-file", "json-schema", NULL},
    {"jf", NULL, "--json-schema FILE"},
    {"j", NULL, "--json-schema FILE reads it from a file, --json-object allows any object"},
    {"control-vector*", NULL, "not in gen"},
    {"backend-sampling", NULL, ON_CPU},
    {"dev", NULL, ON_CPU},
    {"list-devices", NULL, ON_CPU},
    {"main-gpu", NULL, ON_CPU},
    {"split-mode", NULL, ON_CPU},
    {"tensor-split", NULL, ON_CPU},
    {"override-tensor", NULL, ON_CPU},
    {"cpu-moe", NULL, ON_CPU},
    {"n-cpu-moe", NULL, ON_CPU},
    {"n-cpu-ffn", NULL, ON_CPU},
    {"kvo", NULL, ON_CPU},
    {"kv-offload", NULL, ON_CPU},
    {"no-kv-offload", NULL, ON_CPU},
    {"op-offload", NULL, ON_CPU},
    {"no-op-offload", NULL, ON_CPU},
    {"no-host", NULL, ON_CPU},
    {"fit*", NULL, ON_CPU},
    {"model-draft", "draft-model", NULL},
    {"spec-*", NULL, SPECULATION},
    {"no-spec-*", NULL, SPECULATION},
    {"draft*", NULL, SPECULATION},
    {"md", NULL, "--draft-model M"},
    {"devd", NULL, SPECULATION},
    {"hfd", NULL, SPECULATION},
    {"hfrd", NULL, SPECULATION},
    {"Cd", NULL, SPECULATION},
    {"Crd", NULL, SPECULATION},
    {"Cbd", NULL, SPECULATION},
    {"*-draft", NULL, SPECULATION},
    {"C", NULL, PINNING},
    {"Cb", NULL, PINNING},
    {"Cr", NULL, PINNING},
    {"Crb", NULL, PINNING},
    {"cpu-*", NULL, PINNING},
    {"prio*", NULL, PINNING},
    {"poll*", NULL, PINNING},
    {"numa", NULL, PINNING},
    {"lm", NULL, MAPPED},
    {"lzm", NULL, MAPPED},
    {"load-mode", NULL, MAPPED},
    {"lazy-mode", NULL, MAPPED},
    {"repack", NULL, AUTOMATIC},
    {"no-repack", NULL, AUTOMATIC},
    {"warmup", NULL, "there is none; leave it out"},
    {"dt", NULL, AUTOMATIC},
    {"defrag-thold", NULL, AUTOMATIC},
    {"cache-ram", NULL, AUTOMATIC},
    {"ctx-checkpoints", NULL, AUTOMATIC},
    {"check-tensors", NULL, "files are checked while they are read; leave it out"},
    {"override-kv", NULL, "not in gen: what a model is, its file says"},
    {"gan", NULL, POSITIONS},
    {"gaw", NULL, POSITIONS},
    {"grp-attn-*", NULL, POSITIONS},
    {"rope-*", NULL, POSITIONS},
    {"yarn-*", NULL, POSITIONS},
    {"swa-*", NULL, POSITIONS},
    {"hfr", NULL, HUB},
    {"hff", NULL, HUB},
    {"hft", NULL, HUB},
    {"hf-*", NULL, HUB},
    {"dr", NULL, HUB},
    {"docker-repo", NULL, HUB},
    {"model-url", NULL, HUB},
    {"gpt-oss-*", NULL, HUB},
    {"vision-*", NULL, HUB},
    {"cache-list", NULL, "gen keeps no list of models; gen help generate says where it looks"},
    {"offline", NULL, NO_NETWORK},
    {"rpc", NULL, NO_NETWORK},
    {"server-base", NULL, NO_NETWORK},
    {"mmproj*", NULL, TEXT_ALONE},
    {"no-mmproj*", NULL, TEXT_ALONE},
    {"image*", NULL, TEXT_ALONE},
    {"video*", NULL, TEXT_ALONE},
    {"audio", NULL, TEXT_ALONE},
    {"interactive-first", NULL, NO_CHAT},
    {"multiline-input", NULL, NO_CHAT},
    {"simple-io", NULL, NO_CHAT},
    {"in-prefix*", NULL, NO_ROLES},
    {"in-suffix", NULL, NO_ROLES},
    {"system-prompt-file", NULL, NO_ROLES},
    {"chat-template-*", NULL, NO_ROLES},
    {"no-jinja", NULL, NO_ROLES},
    {"skip-chat-parsing", NULL, NO_ROLES},
    {"no-skip-chat-parsing", NULL, NO_ROLES},
    {"reasoning*", NULL, NO_ROLES},
    {"no-reasoning*", NULL, NO_ROLES},
    {"lv", NULL, LOGGING},
    {"verbosity", NULL, LOGGING},
    {"log-*", NULL, LOGGING},
    {"no-log-*", NULL, LOGGING},
    {"perf", NULL, TIMINGS},
    {"no-perf", NULL, TIMINGS},
    {"show-timings", NULL, TIMINGS},
    {"no-show-timings", NULL, TIMINGS},
    {"completion-bash", NULL, "make install puts completions where bash looks for them"},
    {NULL, NULL, NULL},
};

#define NO_FORM "that is of gen generate, which has forms of text and searches"
#define TALKS   "gen chat does; leave it out"
#define TYPED   "messages are typed, or come on stdin, or with --file FILE"
#define LOOKS   "what comes before and after a message is the template's: --template NAME"
#define ENDS    "gen chat --jsonl answers one message of each line; Ctrl-D, or /exit, ends a talk"

const struct habit habits_chat[] = {
    {"i", NULL, TALKS},
    {"interactive", NULL, TALKS},
    {"interactive-first", NULL, TALKS},
    {"cnv", NULL, TALKS},
    {"conversation", NULL, TALKS},
    {"jinja", NULL, TALKS},
    {"multiline-input", NULL,
     "a backslash at a line's end, or \"\"\" around lines, makes one message"},
    {"simple-io", NULL, "where stdin is no terminal, it is simple by itself; leave it out"},
    {"single-turn", NULL, ENDS},
    {"st", NULL, ENDS},
    {"no-cnv", NULL, "gen generate continues one prompt"},
    {"no-conversation", NULL, "gen generate continues one prompt"},
    {"sys", NULL, "--system TEXT"},
    {"system-prompt", "system", NULL},
    {"system-prompt-file", NULL, "--system \"$(cat FILE)\""},
    {"chat-template", "template", NULL},
    {"chat-template-file", NULL, "--template NAME, or the template in the model's own files"},
    {"in-prefix*", NULL, LOOKS},
    {"in-suffix", NULL, LOOKS},
    {"regex", NULL, NO_FORM},
    {"grammar*", NULL, NO_FORM},
    {"json-schema*", NULL, NO_FORM},
    {"json-object", NULL, NO_FORM},
    {"choices", NULL, NO_FORM},
    {"num-beams", NULL, NO_FORM},
    {"penalty-alpha", NULL, NO_FORM},
    {"force-words", NULL, NO_FORM},
    {"p", NULL, TYPED},
    {"prompt", NULL, TYPED},
    {"lines", NULL, "each line of stdin is a message anyway; leave it out"},
    {"c", NULL, "the context is as long as the model's; a full one loses its oldest turns"},
    {"ctx-size", NULL, "the context is as long as the model's; a full one loses its oldest turns"},
    {"context", NULL, "a full context loses its oldest turns, and that cannot be changed"},
    {NULL, NULL, NULL},
};

#define SECOND "what is written is the second argument: gen convert SRC DST.gguf"

const struct habit habits_convert[] = {
    {"outtype", "type", NULL},
    {"o", NULL, SECOND},
    {"output", NULL, SECOND},
    {"outfile", NULL, SECOND},
    {"imatrix", NULL,
     "--calibrate TEXT reads the text itself; a file of importances is not needed"},
    {NULL, NULL, NULL},
};

#define NO_MORE "no tokens are added to those of the text; leave it out"

const struct habit habits_tokenize[] = {
    {"f", NULL, "the file is given without an option: gen tokenize FILE"},
    {"file", NULL, "the file is given without an option: gen tokenize FILE"},
    {"stdin", NULL, "stdin is read where no FILE is given"},
    {"no-bos", NULL, NO_MORE},
    {"add-special-tokens", NULL, NO_MORE},
    {"no-parse-special", NULL, "special tokens are ordinary text unless --special is given"},
    {"split-special-tokens", NULL, "special tokens are ordinary text unless --special is given"},
    {"show-count", NULL, "--count prints the number alone, --json has it with the ids"},
    {"log-disable", NULL, "gen tokenize logs nothing; leave it out"},
    {"return-offsets-mapping", "offsets", NULL},
    {NULL, NULL, NULL},
};

#define PROMPTS "--prompt-lengths N,... says how long the prompts are"
#define DECODED "--decode-lengths N,... says where tokens are added, --steps N how many"

#define ALL_AT_ONCE "as many as fit go through the model together; no score depends on it"

const struct habit habits_eval[] = {
    {"c", NULL, "--ctx N: the tokens that are seen at once"},
    {"ctx-size", "ctx", NULL},
    {"max-length", "ctx", NULL},
    {"ppl-stride", NULL, "--stride N, the windows of Hugging Face's guide to perplexity"},
    {"tasks", NULL, "gen eval --task NAME FILE.jsonl; no data set is fetched"},
    {"hellaswag", NULL, "gen eval --task hellaswag FILE.jsonl"},
    {"winogrande", NULL, "gen eval --task winogrande FILE.jsonl"},
    {"multiple-choice", NULL, "gen eval --choices FILE.jsonl"},
    {"perplexity", NULL, "gen eval --text FILE"},
    {"f", NULL, "--text FILE for perplexity, --task NAME FILE for a data set"},
    {"file", NULL, "--text FILE for perplexity, --task NAME FILE for a data set"},
    {"chunks", NULL, "all of the text is read; head -c N FILE | gen eval --text - reads less"},
    {"limit", NULL, "all records are read; head -n N FILE | gen eval --task NAME - reads less"},
    {"kl-divergence", NULL, "gen compare -m A -m B --text FILE"},
    {"kl-divergence-base", NULL, "gen compare --save-base FILE makes one, --base FILE reads it"},
    {"model-args", NULL, "-m PATH|NAME"},
    {"log-samples", NULL, "gen score --jsonl --json tells the log probability of each choice"},
    {"num-fewshot", NULL, "put examples into the contexts; what they share is read once"},
    {"output-path", "output", NULL},
    {"b", NULL, ALL_AT_ONCE},
    {"batch-size", NULL, ALL_AT_ONCE},
    {"ub", NULL, ALL_AT_ONCE},
    {"ubatch-size", NULL, ALL_AT_ONCE},
    {"ctk", NULL, KV_TYPES},
    {"ctv", NULL, KV_TYPES},
    {"cache-type-k", NULL, KV_TYPES},
    {"cache-type-v", NULL, KV_TYPES},
    {"ngl", NULL, ON_CPU},
    {"n-gpu-layers", NULL, ON_CPU},
    {"device", NULL, ON_CPU},
    {NULL, NULL, NULL},
};

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
    {"eval-steps", "valid-every", NULL},
    {"save-steps", "checkpoint-every", NULL},
    {"validation-file", "valid", NULL},
    {"adam-beta1", "beta1", NULL},
    {"adam-beta2", "beta2", NULL},
    {"max-grad-norm", "clip", NULL},
    {"logging-steps", NULL, "--log-every N; --metrics FILE has every step"},
    {"report-to", NULL, "--metrics FILE writes a JSON object a line, --svg FILE the curve"},
    {"optim", NULL, "--optimizer NAME: adamw or muon"},
    {"resume-from-checkpoint", NULL, "--resume goes on from the checkpoint next to -o FILE.gguf"},
    {"gradient-checkpointing", NULL, "--checkpoint-activations"},
    {"tokenizer-name", NULL, "--vocab NAME of `gen train` takes a tokenizer"},
    {"dataloader-num-workers", NULL, "-t is the number of threads for all"},
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

/* The same where `known` may begin or end with a star, which stands for anything. */
static bool matches(const char *known, const char *name, size_t n) {
    size_t length = strlen(known);
    if (known[0] == '*' && n >= length - 1) {
        return habits_same(known + 1, name + n - (length - 1), length - 1);
    }
    if (known[length - 1] == '*' && n >= length - 1) {
        char beginning[40];
        snprintf(beginning, sizeof beginning, "%.*s", (int)length - 1, known);
        return habits_same(beginning, name, length - 1);
    }
    return habits_same(known, name, n);
}

const struct habit *habits_find(const struct habit *habits, const char *name, size_t n) {
    while (habits != NULL && habits->name != NULL) {
        if (matches(habits->name, name, n)) {
            return habits;
        }
        habits++;
    }
    return NULL;
}

/**
 * finetune.c - `gen finetune`: its options and what they set. What it has in common with `gen
 * train` is in train_options.c and train_report.c, the work is gen_finetune() in src/train.
 */
#include "base/size.h"
#include "cli/exit_code.h"
#include "cmd/command.h"
#include "cmd/train/train_report.h"
#include "cmd/train/train_rows.h"

struct finetune_settings {
    struct train_settings train;         /* first, see train_rows.h */
    struct gen_finetune_options options; /* but for `train` in it */
    const char *model;
    float epochs;
};

#define AT(member) offsetof(struct finetune_settings, member)

static const struct option table[] = {
    OPTION_ROW_HEADING("Output"),
    OPTION_ROW("output", 'o', OPTION_STRING, TRAIN_AT(output), "FILE.gguf",
               "the model, or with --lora-rank the adapter: that of the best validation, if there "
               "is one (of which one is before the first step), else the last; next to it "
               "FILE.gguf.state for --resume"),
    TRAIN_ROWS_OUTPUT,
    OPTION_ROW_HEADING("Pairs"),
    OPTION_ROW("pairs", 'd', OPTION_LIST, TRAIN_AT(data), "FILE.jsonl",
               "what to learn, as the operands are: JSON lines with \"prompt\" and \"completion\", "
               "or with \"messages\"; may be given several times"),
    OPTION_ROW("valid", '\0', OPTION_LIST, TRAIN_AT(valid), "FILE.jsonl",
               "pairs to validate on, in the same forms; never learned"),
    OPTION_ROW_RANGE("valid-share", '\0', OPTION_FLOAT, TRAIN_AT(options.valid_share), "X", 0, 0.9,
                     "without --valid: hold a share X of the pairs out, one at least, chosen by "
                     "the seed"),
    OPTION_ROW("prompt-field", '\0', OPTION_STRING, AT(options.prompt_field), "NAME",
               "what the prompt of a pair is called instead of \"prompt\""),
    OPTION_ROW("completion-field", '\0', OPTION_STRING, AT(options.completion_field), "NAME",
               "what the completion of a pair is called instead of \"completion\""),
    OPTION_ROW("template", '\0', OPTION_STRING, AT(options.pair_template), "TEXT",
               "how a pair becomes one text (default: {prompt}{completion}); \\n is a new line; a "
               "space right before {completion} is learned with it, so that prompts end without"),
    OPTION_ROW("message-template", '\0', OPTION_STRING, AT(options.message_template), "TEXT",
               "the same for each message (default: {role}: {content}\\n)"),
    OPTION_ROW(
        "special", '\0', OPTION_FLAG, TRAIN_AT(options.special), NULL,
        "special tokens (control tokens such as <|user|>) spelled out in the pairs are these "
        "tokens, not ordinary text; other added tokens always are"),
    OPTION_ROW_HEADING("Model"),
    OPTION_ROW("model", 'm', OPTION_STRING, AT(model), "PATH|NAME",
               "the model to begin with, a GGUF file, a Hugging Face directory or a name; "
               "default: $GEN_MODEL, else the built-in one"),
    OPTION_ROW("init", '\0', OPTION_STRING, AT(model), "PATH|NAME", "the same as --model"),
    OPTION_ROW_RANGE("n-ctx", '\0', OPTION_INT, TRAIN_AT(options.shape.n_ctx), "N", 1, 16777216,
                     "leave pairs of more tokens out (default: those longer than the context)"),
    OPTION_ROW_RANGE("lora-rank", '\0', OPTION_INT, AT(options.lora_rank), "R", 1, 65536,
                     "LoRA: keep the weights and learn adapters of this rank, far fewer numbers "
                     "and less memory; they need a higher --lr, such as 1e-3"),
    OPTION_ROW_ABOVE("lora-alpha", '\0', OPTION_FLOAT, AT(options.lora_alpha), "A", 0, 1e6,
                     "what adapters add is multiplied by A / R"),
    OPTION_ROW("lora-targets", '\0', OPTION_STRING, AT(options.lora_targets), "NAMES",
               "matrices that get one, with commas between (default: "
               "attn.c_attn,attn.c_proj,mlp.c_fc,mlp.c_proj)"),
    OPTION_ROW_HEADING("Steps"),
    OPTION_ROW_ABOVE("epochs", '\0', OPTION_FLOAT, AT(epochs), "X", 0, 1e9,
                     "times the pairs are learned: in each every pair once, the last step of it "
                     "with those that are left, and a share of a step is a step"),
    OPTION_ROW("steps", 'n', OPTION_UINT64, TRAIN_AT(options.n_steps), "N",
               "instead: steps in all, with those before a resumption"),
    OPTION_ROW("batch-size", 'b', OPTION_UINT64, TRAIN_AT(options.batch_size), "N",
               "pairs a step; all of them where there are fewer"),
    TRAIN_ROWS_RATE,
    OPTION_ROW("valid-every", '\0', OPTION_UINT64, TRAIN_AT(options.valid_every), "N",
               "steps from one validation to the next; 0: after each epoch"),
    OPTION_ROW("patience", '\0', OPTION_UINT64, AT(options.patience), "N",
               "stop after N validations without a better one; 0: never"),
    OPTION_ROW_HEADING("Checkpoints"),
    TRAIN_ROWS_RUN,
};

static const struct option_conflict conflicts[] = {
    {"valid", "valid-share"}, {"epochs", "steps"}, {"init", "model"}};

static const struct options_spec spec = {
    .usage = "gen finetune [OPTIONS] -o FILE.gguf PAIRS.jsonl...",
    .intro = "Teach a model to complete prompts. Only completions count, and the end of the text "
             "after them; a pair never sees another. Ctrl-C writes a checkpoint and ends; "
             "--resume goes on, and needs -o FILE.gguf alone: options not given are as they were, "
             "but for files to write that do not lie next to FILE.gguf. "
             "SIGUSR1 writes a checkpoint and learning goes on.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .habits = habits_train,
    .examples =
        "  gen finetune -o mine.gguf --valid-share 0.1 --patience 3 --epochs 20 \\\n"
        "    pairs.jsonl\n"
        "  gen finetune -o mine.gguf -m openai-community/gpt2 \\\n"
        "    --template 'Question: {prompt}\\nAnswer: {completion}' pairs.jsonl\n"
        "  gen -m mine.gguf --no-echo --greedy $'Question: Who?\\nAnswer:'\n"
        "  gen finetune -o adapter.gguf -m ./gpt2 --lora-rank 8 --lr 1e-3 pairs.jsonl\n"
        "  gen convert --lora adapter.gguf ./gpt2 mine.gguf\n"
        "\n"
        "What to expect: 160 conversations of one question and its answer (active\n"
        "sentences made passive), the built-in model, --valid-share 0.1 --epochs 5\n"
        "--patience 2: 45 steps, 11 s on two cores, validation loss from 3.17 to 0.01.\n"
        "Try it with\n"
        "  gen -m mine.gguf --no-echo --greedy \\\n"
        "    $'user: The queen heard the bear.\\nassistant:'\n"
        "\n"
        "Pairs: {\"prompt\": \"...\", \"completion\": \"...\"}, or a conversation, of which what\n"
        "the assistant says is learned, and ends with the end of the text:\n"
        "  {\"messages\": [{\"role\": \"user\", \"content\": \"...\"},\n"
        "                {\"role\": \"assistant\", \"content\": \"...\"}]}\n"
        "Also the shapes of Alpaca and ShareGPT; an instruction is followed by its\n"
        "input, if there is one, on the next line, and by a line end where the template\n"
        "has nothing there; human and gpt become user and assistant:\n"
        "  {\"instruction\": \"...\", \"input\": \"...\", \"output\": \"...\"}\n"
        "  {\"conversations\": [{\"from\": \"human\", \"value\": \"...\"},\n"
        "                     {\"from\": \"gpt\", \"value\": \"...\"}]}\n"
        "The template of most of them is written into what is made (gen inspect shows\n"
        "it): gen.template, and tokenizer.chat_template for other programs.\n"
        "\n"
        "Exit status: 0 done, 1 something failed, 2 wrong usage, 130 after Ctrl-C.\n",
};

static void set_defaults(void *settings) {
    struct finetune_settings *finetune = settings;
    train_set_defaults(&finetune->train);
    finetune->options = gen_finetune_options_default();
    finetune->train.options = finetune->options.train;
    finetune->train.schedule = (int32_t)finetune->options.train.schedule;
    finetune->train.pairs = true;
    finetune->epochs = (float)finetune->options.n_epochs;
}

static bool complete(void *opaque, const struct options_parsed *parsed, int *code) {
    struct finetune_settings *settings = opaque;
    struct train_settings *train = &settings->train;
    *code = EXIT_USAGE;
    if (!train_settings_files(
            train, parsed, "finetune",
            "pairs to learn: gen finetune [OPTIONS] -o FILE.gguf PAIRS.jsonl...")) {
        return false;
    }
    *code = EXIT_FAILED;
    if (!train_settings_begin(train, settings->model)) {
        return false;
    }
    *code = EXIT_USAGE;
    settings->options.train = train->options;
    settings->options.n_epochs = (double)settings->epochs;
    return train_settings_check_outputs(train);
}

static enum gen_status finetune(void *opaque, const char *note, const struct gen_train_watch *watch,
                                struct gen_error *err) {
    struct finetune_settings *settings = opaque;
    settings->options.train.note = note;
    return gen_finetune(settings->train.output, &settings->options, watch, err);
}

static int run(void *settings, const struct options_parsed *parsed) {
    return train_report_command(settings, parsed, &spec, complete, finetune);
}

const struct command finetune_command = {
    .name = "finetune",
    .summary = "teach a model to complete prompts",
    .spec = &spec,
    .settings_size = sizeof(struct finetune_settings),
    .set_defaults = set_defaults,
    .run = run,
};

/**
 * generate_table.c - the options of `gen generate` as a table, and what its help says around them.
 * What they must fulfil together is checked in generate_options.c.
 */
#include "base/size.h"
#include "cli/text_out.h"
#include "cmd/generate/generate_rows.h"

#define AT(member) GENERATE_AT(member)

const char *const generate_stop_at_names[] = {"limit", "sentence", NULL};

/* As enum gen_early_stopping has them. */
static const char *const early_stopping_names[] = {"false", "true", "never", NULL};

static const char *const context_names[] = {"stop", "slide", NULL};

static const struct option table[] = {
    OPTION_ROW_HEADING("Model"),
    MODEL_ROWS(AT(model), MODEL_HELP_PLACES),
    GENERATE_ROW_DEFAULTS,
    MODEL_ROW_SANDBOX(AT(model)),
    OPTION_ROW_RANGE("batch", '\0', OPTION_INT, AT(options.batch), "N", 1, 1024,
                     "most texts to work on at once; more are faster in all and take more memory "
                     "(default: 64, or what fits into 512 MiB)"),
    MODEL_ROW_KV_TYPE(
        AT(model), "how keys and values of the text so far are stored: f16 takes half the memory "
                   "and is faster in long texts and large batches, but rounds them"),
    OPTION_ROW_CHOICE(
        "context", '\0', AT(context), "WHAT", context_names,
        "when the context is full: stop, or slide: go on over its last half, read again"),
    OPTION_ROW("speculate", '\0', OPTION_FLAG, AT(speculate), NULL,
               "guess the next tokens where a text repeats itself, and check them together: the "
               "same text, sooner, above all with --greedy; drawn texts, which repeat "
               "themselves little, are hardly guessed at (default)"),
    OPTION_ROW("no-speculate", '\0', OPTION_FLAG, AT(no_speculate), NULL, "do not"),
    GENERATE_ROW_DRAFT_MODEL,
    OPTION_ROW_HEADING("Prompt (default: all of stdin, without its last newline)"),
    OPTION_ROW("prompt", 'p', OPTION_STRING, AT(prompt), "TEXT", "the prompt, may be empty"),
    OPTION_ROW("file", 'f', OPTION_STRING, AT(file), "FILE",
               "read the prompt from FILE; - is stdin; a byte order mark in front is no text"),
    OPTION_ROW("prompt-ids", '\0', OPTION_STRING, AT(prompt_ids), "\"ID ...\"",
               "the prompt as token ids"),
    OPTION_ROW(
        "lines", '\0', OPTION_FLAG, AT(lines), NULL,
        "each line of stdin or FILE is a prompt, also an empty one; answers come in the same "
        "order"),
    OPTION_ROW("jsonl", '\0', OPTION_FLAG, AT(jsonl), NULL,
               "each line is a JSON object with the member \"prompt\", and options for this prompt "
               "if there are any: those of Length, Sampling, Form and Search, \"max_new_tokens\": "
               "20; with "
               "--json the other members come back in \"input\""),
    OPTION_ROW(
        "csv", '\0', OPTION_FLAG, AT(csv), NULL,
        "stdin or FILE is CSV (RFC 4180), whose first line names the fields: \"prompt\", and "
        "others as with --jsonl"),
    OPTION_ROW("template", '\0', OPTION_STRING, AT(template), "FILE",
               "with --jsonl and --csv: the prompt is the text of FILE, without its last newline, "
               "with the record's fields in the places of {{field}}"),
    OPTION_ROW_RANGE(
        "first-index", '\0', OPTION_INT, AT(first_index), "N", 0, INT32_MAX,
        "the first prompt is number N of a longer list: its texts are those that it has "
        "there"),
    OPTION_ROW(
        "null", '0', OPTION_FLAG, AT(null), NULL,
        "prompts end with a NUL byte; so do the answers, which may then hold newlines (for lines: "
        "tr '\\n' '\\0' < FILE | gen -0)"),
    OPTION_ROW("shard", '\0', OPTION_STRING, AT(shard_text), "I/N",
               "answer every Nth prompt, from the Ith on: N runs with I = 1 ... N, on as many "
               "machines, answer all, with the texts and the index that one run gives them"),
    OPTION_ROW("special", '\0', OPTION_FLAG, AT(special), NULL,
               "<|endoftext|> and other special (control) tokens in a prompt are these tokens, not "
               "ordinary text; for prompts that you trust"),
    OPTION_ROW(
        "prompt-cache", '\0', OPTION_STRING, AT(prompt_cache), "FILE",
        "keep in FILE what the model has read of the prompt (of several, the first), for the "
        "next run whose prompt begins alike: the same texts, sooner; made anew for another "
        "model or beginning, which -v says"),
    OPTION_ROW_HEADING("Length"),
    OPTION_ROW_RANGE("max-new-tokens", 'n', OPTION_INT, AT(options.max_new_tokens), "N", -1,
                     INT32_MAX,
                     "most tokens to add; -1: as many as the context has room for, as with "
                     "--max-length alone (with --context slide that has no end: until an "
                     "end-of-text token, --stop or Ctrl-C)"),
    OPTION_ROW_RANGE("max-length", '\0', OPTION_INT, AT(options.max_length), "N", 1, INT32_MAX,
                     "most tokens in all, prompt and new"),
    OPTION_ROW_RANGE("min-new-tokens", '\0', OPTION_INT, AT(options.sampling.min_new_tokens), "N",
                     0, INT32_MAX,
                     "no end-of-text token before that many new tokens; --stop still ends it"),
    OPTION_ROW_RANGE("min-length", '\0', OPTION_INT, AT(options.sampling.min_length), "N", 0,
                     INT32_MAX, "the same, counting the prompt too"),
    OPTION_ROW("stop", '\0', OPTION_LIST, AT(stop), "TEXT",
               "end before TEXT would appear; \\n, \\t, \\r and \\\\ in it are newline, tab, "
               "carriage return "
               "and backslash; may be given several times"),
    GENERATE_ROWS_ENDS,
    OPTION_ROW(
        "eos-token-id", '\0', OPTION_LIST, AT(eos_token_id), "ID",
        "end at this token (see gen tokenize) in the place of the model's end-of-text tokens; "
        "ID,ID... or several times"),
    OPTION_ROW("ignore-eos", '\0', OPTION_FLAG, AT(options.ignore_eos), NULL,
               "go on after an end-of-text token, whichever of the model's it is (never draw one: "
               "--logit-bias ID=-inf)"),
    OPTION_ROW_HEADING("Sampling"),
    OPTION_ROW("seed", 's', OPTION_UINT64, AT(options.seed), "N",
               "the same seed gives the same text. That of the first text; JSON tells the one of "
               "each, which gives it alone (default: a random one below 2^53, so that jq does not "
               "round it; 0 with --greedy, which draws nothing)"),
    GENERATE_ROWS_SAMPLING,
    OPTION_ROW_RANGE("num-return-sequences", '\0', OPTION_INT, AT(options.num_return_sequences),
                     "N", 1, INT32_MAX, "texts for each prompt"),
    OPTION_ROW_RANGE(
        "guidance-scale", '\0', OPTION_FLOAT, AT(options.guidance_scale), "X", -100, 100,
        "above 1: keep closer to the prompt, by what the model would say after the "
        "negative prompt; X times the difference of the log probabilities; 1: off. Not with "
        "--num-beams, --penalty-alpha, --choices, --token-healing"),
    OPTION_ROW("negative-prompt", '\0', OPTION_STRING, AT(negative_prompt), "TEXT",
               "what --guidance-scale leads away from (default: the last token of the prompt)"),
    OPTION_ROW("token-healing", '\0', OPTION_FLAG, AT(options.token_healing), NULL,
               "the prompt may end within a token: its last one is replaced by one that begins "
               "with its text. Not with a form of the new text, beams, --penalty-alpha"),
    OPTION_ROW_HEADING("Form of the new text"),
    OPTION_ROW("regex", '\0', OPTION_STRING, AT(regex), "RE",
               "the new text matches RE as a whole, a regular expression as ECMAScript writes them "
               "(no assertions, no references); it ends where RE allows it, or at "
               "--max-new-tokens"),
    OPTION_ROW("grammar", '\0', OPTION_STRING, AT(grammar), "FILE",
               "the new text is what the grammar in FILE calls root, in llama.cpp's notation "
               "(GBNF); what has ::= in it is the grammar itself"),
    OPTION_ROW("json-schema", '\0', OPTION_STRING, AT(json_schema), "FILE",
               "the new text is JSON that the schema in FILE allows, members in the order of its "
               "properties; a keyword that is not supported is an error; what begins with { is the "
               "schema itself"),
    OPTION_ROW("json-object", '\0', OPTION_FLAG, AT(json_object), NULL,
               "the new text is a JSON object"),
    OPTION_ROW("choices", '\0', OPTION_STRING, AT(choices), "FILE",
               "the new text is a line of FILE, drawn by its probability as a whole, which --json "
               "tells of all of them, to the power of 1 / temperature; --greedy: the likeliest. "
               "With --num-beams they are searched, and no probabilities told. Not with "
               "--penalty-alpha, --guidance-scale, --token-healing, --logprobs, --echo-logprobs"),
    OPTION_ROW_HEADING("Search"),
    OPTION_ROW_RANGE(
        "num-beams", '\0', OPTION_INT, AT(options.num_beams), "N", 1, GEN_MAX_BEAMS,
        "go on with the N likeliest beginnings at once, and print the text with the "
        "best score, or as many as --num-return-sequences says, when all are done; "
        "nothing is drawn unless --do-sample or --temperature is given. What differs in its "
        "tokens differs, be the text the same, as of a form. Not with "
        "--guidance-scale, --token-healing"),
    OPTION_ROW("do-sample", '\0', OPTION_FLAG, AT(do_sample), NULL,
               "with --num-beams: draw which beginnings to go on with"),
    OPTION_ROW_RANGE("length-penalty", '\0', OPTION_FLOAT, AT(options.length_penalty), "X", -100,
                     100,
                     "the score is the log probability divided by the number of new tokens to the "
                     "power of X: above 0 longer texts do better"),
    OPTION_ROW("renormalize-logits", '\0', OPTION_FLAG, AT(options.sampling.renormalize_logits),
               NULL,
               "after the rules of sampling, make the probabilities of each step sum to 1 again"),
    OPTION_ROW_CHOICE("early-stopping", '\0', AT(early_stopping), "WHEN", early_stopping_names,
                      "with N texts found: true ends at once, false when the beams are no better "
                      "by now, never when none can become better"),
    OPTION_ROW_RANGE("num-beam-groups", '\0', OPTION_INT, AT(options.num_beam_groups), "N", 1,
                     GEN_MAX_BEAMS,
                     "search in N groups of beams, which differ by --diversity-penalty; N divides "
                     "--num-beams. Nothing is drawn; not with --force-words"),
    OPTION_ROW_RANGE("diversity-penalty", '\0', OPTION_FLOAT, AT(options.diversity_penalty), "X", 0,
                     1000,
                     "with --num-beam-groups: a token loses X of its log probability for each beam "
                     "of earlier groups that goes on with it"),
    OPTION_ROW("force-words", '\0', OPTION_STRING, AT(force_words), "FILE",
               "with --num-beams: search for texts with the words in FILE, one a line, taken "
               "literally as with --bad-words; of several with tabs between them one must come. "
               "Nothing is drawn"),
    OPTION_ROW_RANGE(
        "penalty-alpha", '\0', OPTION_FLOAT, AT(options.penalty_alpha), "X", 0, 1,
        "contrastive search: of the --top-k likeliest tokens take the one that is both "
        "likely and unlike all before it, which counts X (0.6 is usual, with --top-k "
        "4); nothing is drawn; 0: off. Not with --num-beams, --num-return-sequences, "
        "--context slide, --guidance-scale, --token-healing, --choices"),
    OPTION_ROW_HEADING("Output"),
    OPTION_ROW("no-echo", '\0', OPTION_FLAG, AT(no_echo), NULL,
               "print the new text only, not the prompt"),
    OPTION_ROW("json", '\0', OPTION_FLAG, AT(json), NULL,
               "print one JSON object a line for each text"),
    OPTION_ROW("no-timings", '\0', OPTION_FLAG, AT(no_timings), NULL,
               "with --json: leave the timings out, so that the same run gives the same bytes"),
    OPTION_ROW_RANGE("logprobs", '\0', OPTION_INT, AT(options.n_logprobs), "N", 0, 1000,
                     "after each text a table: the probability of each new token (before the rules "
                     "under Sampling) and the N likeliest in its place; with --json their log "
                     "probabilities (natural logarithm)"),
    OPTION_ROW("echo-logprobs", '\0', OPTION_FLAG, AT(options.prompt_logprobs), NULL,
               "the same of the prompt's tokens, all of which are then read, also where "
               "--prompt-cache holds them; none (- or null) of the first, which has nothing before "
               "it, and of those that have slid out of the context. With --json in "
               "\"prompt_logprobs\""),
    OPTION_ROW("save-logits", '\0', OPTION_STRING, AT(save_logits), "FILE",
               "write logits as float32, little-endian: a row for each prompt position and step"),
    OPTION_ROW(
        "separator", '\0', OPTION_STRING, AT(separator), "TEXT",
        "put between texts, with escapes as in --stop (default: a newline, with --null a NUL)"),
    OPTION_ROW("output", 'o', OPTION_STRING, AT(output), "FILE",
               "write to FILE, which stays as it is until all is done; - is stdout. With --lines, "
               "--jsonl, --null the texts so far are in FILE.partial, which is left if the run is "
               "interrupted; else nothing is"),
    OPTION_ROW(
        "output-dir", '\0', OPTION_STRING, AT(output_dir), "DIR",
        "write each text to a file of its own in DIR, which is made if it is missing; a file "
        "is there whole or not at all"),
    OPTION_ROW("name", '\0', OPTION_STRING, AT(name), "TEXT",
               "names of these files, with fields in them as in --template, {{index}} and "
               "{{sequence}} among them (default: {{index}}.txt, or {{index}}.{{sequence}}.txt); "
               "of equal names the last text stays"),
    OPTION_ROW(
        "resume", '\0', OPTION_FLAG, AT(resume), NULL,
        "with --json and -o FILE: go on where an earlier run with the same options ended, be "
        "it killed; prompts that it has answered are passed over"),
    OPTION_ROW_CHOICE(
        "color", '\0', AT(color), "WHEN", text_color_names,
        "show the prompt in bold, the tokens of --logprobs in colors: auto, always or "
        "never; NO_COLOR is heeded"),
    OPTION_ROW("verbose", 'v', OPTION_FLAG, AT(verbose), NULL,
               "say model, seed and speed on stderr"),
    OPTION_ROW("quiet", 'q', OPTION_FLAG, AT(quiet), NULL, "say nothing on stderr but errors"),
};

static const struct option_conflict conflicts[] = {
    {"prompt", "file"},
    {"prompt", "prompt-ids"},
    {"file", "prompt-ids"},
    {"prompt", "lines"},
    {"prompt", "jsonl"},
    {"prompt", "null"},
    {"prompt", "csv"},
    {"prompt-ids", "lines"},
    {"prompt-ids", "jsonl"},
    {"prompt-ids", "null"},
    {"prompt-ids", "csv"},
    {"csv", "lines"},
    {"csv", "jsonl"},
    {"csv", "null"},
    {"prompt-ids", "special"},
    {"lines", "jsonl"},
    {"lines", "null"},
    {"jsonl", "null"},
    {"ignore-eos", "regex"},
    {"ignore-eos", "grammar"},
    {"ignore-eos", "json-schema"},
    {"ignore-eos", "json-object"},
    {"ignore-eos", "choices"},
    {"regex", "grammar"},
    {"regex", "json-schema"},
    {"regex", "json-object"},
    {"regex", "choices"},
    {"grammar", "json-schema"},
    {"grammar", "json-object"},
    {"grammar", "choices"},
    {"json-schema", "json-object"},
    {"json-schema", "choices"},
    {"json-object", "choices"},
    {"choices", "save-logits"},
    {"guidance-scale", "save-logits"},
    {"guidance-scale", "token-healing"},
    {"greedy", "temperature"},
    {"greedy", "do-sample"},
    {"json", "separator"},
    {"output-dir", "output"},
    {"output-dir", "separator"},
    {"output-dir", "resume"},
    {"verbose", "quiet"},
    {"speculate", "no-speculate"},
    {"draft-model", "no-speculate"},
};

/* The first of two would be dropped, and nobody would know. */
static const char *const once[] = {"prompt", "file", "prompt-ids", NULL};

const struct options_spec generate_spec = {
    .usage = "gen [generate] [OPTIONS] [PROMPT...]",
    .intro = "Continue PROMPT, and print prompt and continuation as they come.",
    .table = table,
    .n_table = N_OF(table),
    .conflicts = conflicts,
    .n_conflicts = N_OF(conflicts),
    .once = once,
    .once_hint = " (--lines takes many prompts)",
    .habits = habits_generate,
    .examples =
        "  gen 'Once upon a time'\n"
        "  gen -m openai-community/gpt2 -n 50 --seed 7 'The capital of France is'\n"
        "  echo 'Dear diary,' | gen --no-echo > diary.txt\n"
        "  gen --lines --json < prompts.txt | jq -r .new_text\n"
        "\n"
        "A form for the text, and a search:\n"
        "\n"
        "  gen --regex ' (yes|no)\\.' 'Is it raining? I say'\n"
        "  printf ' king\\n queen\\n' | gen --choices - -p 'There was a'\n"
        "  echo '{\"type\": \"integer\"}' | gen --json-schema - -p 'As JSON: '\n"
        "  gen --num-beams 4 -n 20 'Once upon a time'\n"
        "\n"
        "Members of the JSON: index, sequence, prompt, text, new_text, ids (prompt and\n"
        "new), new_ids, finish_reason (length, eos, stop, context, time, canceled), seed,\n"
        "counts, score (of a beam search), choices (with --choices: text and probability\n"
        "of each), timings, prompt_logprobs, logprobs; of many prompts also run (a hash of\n"
        "model, options and seed) and input (with --jsonl); of a prompt that failed: index,\n"
        "error, run,\n"
        "input.\n"
        "\n"
        "Exit status: 0 done, 1 something failed, 2 wrong usage, 130 after Ctrl-C.\n",
};

/**
 * generate_json.h - one text of `gen generate --json`.
 *
 * {"index":0,"sequence":0,"prompt":"...","text":"...","new_text":"...","ids":[...],
 *  "new_ids":[...],"finish_reason":"length","seed":7,
 *  "counts":{"prompt_tokens":4,"new_tokens":20},
 *  "timings":{"prompt_seconds":0.01,"decode_seconds":0.2}}
 *
 * With a draft model "timings" also has draft_seconds, guessed_tokens and accepted_tokens: how many
 * are guessed depends on the time that it takes.
 *
 * `text` is prompt and new text, so are `ids`. A record of --jsonl that has members which are
 * neither prompt nor option has them again in a member "input". With --logprobs N a member
 * "logprobs" has one object for each new id:
 *  {"id":5,"token":"...","bytes":[...],"logprob":-1.5,"top":[{"id":...}, ...]},
 * where `bytes` are numbers: a token may hold a part of a character, which no string can show. With
 * --echo-logprobs "prompt_logprobs" has the same for each id of the prompt, named as vLLM names it;
 * of the first, which has nothing before it, logprob and top are null, as in OpenAI's echo.
 */
#ifndef CMD_GENERATE_GENERATE_JSON_H
#define CMD_GENERATE_GENERATE_JSON_H

#include "cli/json_out.h"
#include "gen.h"

/** What goes into a line next to the result. */
struct generate_json {
    const struct gen_tokenizer *tokenizer; /**< NULL: there is none */
    const struct gen_bytes *prompt;        /**< its text */
    const struct gen_bytes *input;         /**< an object, for the member "input"; NULL: none */
    const char *run;                       /**< the run's name (run_name.h); NULL: none */
    bool with_timings, with_draft;         /**< with_draft: those of a draft model too */
};

/** Append the object and a newline. */
void generate_json_result(struct gen_bytes *line, const struct gen_result *result,
                          const struct generate_json *with);

/** {"index":0,"error":"..."} and a newline. */
void generate_json_error(struct gen_bytes *line, const struct gen_result *result,
                         const struct generate_json *with);

#endif

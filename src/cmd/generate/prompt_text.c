/**
 * prompt_text.c - one prompt as the command line gives it: an option, operands, a file, stdin. Ids
 * and batches are for others.
 */
#include "cmd/generate/prompt_text.h"

#include <string.h>

#include "cli/alloc.h"
#include "cli/input.h"
#include "text/lines.h"

/* The arguments, joined by spaces as the shell's echo does. */
static void join_operands(struct gen_bytes *text, const struct options_parsed *parsed) {
    for (size_t i = 0; i < parsed->n_operands; i++) {
        alloc_append(text, " ", i > 0 ? 1 : 0);
        alloc_append(text, parsed->operands[i], strlen(parsed->operands[i]));
    }
}

/* A whole file, without the newline that editors and echo put at its end. */
static enum gen_status read_file(struct gen_bytes *text, const char *path, struct gen_error *err) {
    enum gen_status status = input_read_file(text, path, INPUT_PROMPT_LIMIT, err);
    if (status == GEN_OK && text->n > 0 && text->data[text->n - 1] == '\n') {
        text->n--;
        text->n = text_without_cr(text->data, text->n);
    }
    return status;
}

enum gen_status prompt_text_read(struct gen_bytes *text, const char *prompt, const char *file,
                                 const struct options_parsed *parsed, struct gen_error *err) {
    if (prompt != NULL) {
        alloc_append(text, prompt, strlen(prompt));
        return GEN_OK;
    }
    bool from_stdin = parsed->n_operands == 1 && strcmp(parsed->operands[0], "-") == 0;
    if (parsed->n_operands > 0 && !from_stdin) {
        join_operands(text, parsed);
        return GEN_OK;
    }
    return read_file(text, file, err);
}

size_t prompt_text_most_bytes(const struct gen_model *model) {
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(model);
    if (tokenizer == NULL) {
        return SIZE_MAX;
    }
    size_t n_ctx = (size_t)gen_model_config(model)->n_ctx;
    size_t longest = gen_tokenizer_longest(tokenizer);
    return longest > SIZE_MAX / n_ctx ? SIZE_MAX : longest * n_ctx;
}

/**
 * generate_constraint.c - makes the constraint of a run: reads its file and hands it to the
 * library.
 */
#include "cmd/generate/generate_constraint.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/input.h"
#include "cli/message.h"

/* Most bytes of a file with a grammar, a schema or choices. */
#define TEXT_LIMIT ((size_t)64 << 20)

/* How a kind of constraint is made of its text. */
struct kind {
    const char *option;
    bool is_file; /* the option names a file */
    enum gen_status (*make)(struct gen_constraint **out, const struct gen_pieces *pieces,
                            const char *name, const char *text, size_t n, struct gen_error *err);
};

static enum gen_status make(struct generate_constraint *own, const struct kind *kind,
                            const char *value, struct gen_error *err) {
    if (kind->is_file) {
        enum gen_status status = input_read_file(&own->text, value, TEXT_LIMIT, err);
        if (status != GEN_OK) {
            return status;
        }
    } else {
        alloc_append(&own->text, value, strlen(value));
    }
    char *name = kind->is_file ? alloc_printf("%.300s", message_name(value))
                               : alloc_printf("--%s", kind->option);
    enum gen_status status =
        kind->make(&own->constraint, own->pieces, name, own->text.data, own->text.n, err);
    free(name);
    return status;
}

enum gen_status generate_constraint_init(struct generate_constraint *own,
                                         const struct generate_settings *settings,
                                         const struct gen_tokenizer *tokenizer,
                                         struct gen_error *err) {
    const struct kind kinds[] = {{"regex", false, gen_constraint_new_regex}};
    const char *const values[] = {settings->regex};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (values[i] == NULL) {
            continue;
        }
        if (tokenizer == NULL) {
            message_set(err, GEN_BAD_ARGUMENT, "--%s needs a model that has a tokenizer",
                        kinds[i].option);
            return GEN_BAD_ARGUMENT;
        }
        enum gen_status status = gen_pieces_new(&own->pieces, tokenizer, err);
        return status == GEN_OK ? make(own, &kinds[i], values[i], err) : status;
    }
    return GEN_OK;
}

void generate_constraint_release(struct generate_constraint *own) {
    gen_constraint_free(own->constraint);
    gen_pieces_free(own->pieces);
    gen_bytes_release(&own->text);
    *own = (struct generate_constraint){0};
}

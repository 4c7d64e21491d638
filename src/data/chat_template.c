/**
 * chat_template.c - chat templates made and rendered: by name, of a pattern, of Jinja. Whether a
 * model's Jinja is one of the names is found out in chat_recognize.c.
 */
#include "data/chat_template.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "data/pair_template.h"
#include "text/jinja/jinja.h"

#define MAX_STOPS 3

struct gen_chat_template {
    struct jinja *jinja;
    struct gen_bytes source; /* the Jinja, with a NUL */
    struct gen_bytes name;   /* with a NUL */
    struct gen_bytes prompt; /* appended where an answer is to follow */
    char *bos, *eos;
    char *stops[MAX_STOPS];
    size_t n_stops;
};

/* ---- patterns --------------------------------------------------------------------------------*/

static enum gen_status put(struct gen_bytes *out, const char *text) {
    return gen_bytes_append(out, text, strlen(text));
}

/* Bytes as a text of Jinja. */
static enum gen_status put_quoted(struct gen_bytes *out, const struct gen_bytes *text) {
    static const char from[] = "\n\r\\'", to[] = "nr\\'";
    enum gen_status status = put(out, "'");
    for (size_t i = 0; i < text->n && status == GEN_OK; i++) {
        const char *found = memchr(from, text->data[i], sizeof from - 1);
        status = found != NULL ? put(out, "\\") : GEN_OK;
        if (status == GEN_OK) {
            status = gen_bytes_append(out, found != NULL ? &to[found - from] : &text->data[i], 1);
        }
    }
    return status == GEN_OK ? put(out, "'") : status;
}

/* A part of a sum: Jinja as it is, or a part of the pattern, which is left out where it is empty.
 */
struct term {
    const char *text;
    const struct gen_bytes *part;
};

static enum gen_status put_sum(struct gen_bytes *out, const struct term *terms, size_t n) {
    enum gen_status status = GEN_OK;
    bool first = true;
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        if (terms[i].part != NULL && terms[i].part->n == 0) {
            continue;
        }
        status = first ? GEN_OK : put(out, " + ");
        if (status == GEN_OK) {
            status =
                terms[i].part != NULL ? put_quoted(out, terms[i].part) : put(out, terms[i].text);
        }
        first = false;
    }
    return status;
}

/* As gen finetune teaches it: after what the assistant says comes end-of-text, in the place of what
 * the pattern has there. */
static enum gen_status put_messages(struct gen_bytes *out, const struct pair_template *pattern) {
    const struct term message[] = {{NULL, &pattern->before},
                                   {"message['role']", NULL},
                                   {NULL, &pattern->between},
                                   {NULL, &pattern->lead},
                                   {"message['content']", NULL}};
    const struct term prompt[] = {
        {NULL, &pattern->before}, {"'assistant'", NULL}, {NULL, &pattern->between}};
    enum gen_status status = put(out, "{% for message in messages %}{{ ");
    if (status == GEN_OK && (status = put_sum(out, message, N_OF(message))) == GEN_OK &&
        (status = put(out, " + (eos_token if message['role'] == 'assistant' else ")) == GEN_OK &&
        (status = put_quoted(out, &pattern->after)) == GEN_OK &&
        (status = put(out, ") }}{% endfor %}{% if add_generation_prompt %}{{ ")) == GEN_OK &&
        (status = put_sum(out, prompt, N_OF(prompt))) == GEN_OK) {
        status = put(out, " }}{% endif %}");
    }
    return status;
}

static enum gen_status put_pairs(struct gen_bytes *out, const struct pair_template *pattern) {
    const struct term asked[] = {
        {NULL, &pattern->before}, {"message['content']", NULL}, {NULL, &pattern->between}};
    const struct term answer[] = {{NULL, &pattern->lead},
                                  {"message['content']", NULL},
                                  {NULL, &pattern->after},
                                  {"eos_token", NULL}};
    enum gen_status status =
        put(out, "{% for message in messages %}{% if message['role'] == 'user' %}{{ ");
    if (status == GEN_OK && (status = put_sum(out, asked, N_OF(asked))) == GEN_OK &&
        (status = put(out, " }}{% elif message['role'] == 'assistant' %}{{ ")) == GEN_OK &&
        (status = put_sum(out, answer, N_OF(answer))) == GEN_OK) {
        status = put(out, " }}{% else %}{{ raise_exception('there is no place for a message of the "
                          "role ' + message['role']) }}{% endif %}{% endfor %}");
    }
    return status;
}

static bool has(const char *pattern, const char *place) {
    return strstr(pattern, place) != NULL;
}

static bool is_message_pattern(const char *pattern) {
    return has(pattern, "{role}") || has(pattern, "{content}");
}

enum gen_status chat_pattern_jinja(struct gen_bytes *out, const char *pattern,
                                   struct gen_error *err) {
    struct pair_template parts;
    bool messages = is_message_pattern(pattern);
    enum gen_status status = pair_template_init(&parts, pattern, messages ? "role" : "prompt",
                                                messages ? "content" : "completion", err);
    if (status == GEN_OK &&
        (messages ? put_messages(out, &parts) : put_pairs(out, &parts)) != GEN_OK) {
        status = error_no_memory(err, "a chat template");
    }
    pair_template_release(&parts);
    return status;
}

/* ---- making ----------------------------------------------------------------------------------*/

static enum gen_status add_stop(struct gen_chat_template *template, const char *text, size_t n,
                                struct gen_error *err) {
    char *copy = memory_copy_string(text, n);
    if (copy == NULL) {
        return error_no_memory(err, "a chat template");
    }
    template->stops[template->n_stops++] = copy;
    return GEN_OK;
}

enum gen_status chat_template_make(struct gen_chat_template **out, const char *jinja, size_t n,
                                   const struct chat_ends *ends, const char *name,
                                   const char *const *stops, struct gen_error *err) {
    struct gen_chat_template *template = memory_new(1, sizeof *template);
    *out = NULL;
    if (template == NULL || gen_bytes_append(&template->source, jinja, n) != GEN_OK ||
        gen_bytes_append(&template->source, "", 1) != GEN_OK ||
        gen_bytes_append(&template->name, name, strlen(name) + 1) != GEN_OK ||
        (template->bos = memory_copy_string(ends->bos, strlen(ends->bos))) == NULL ||
        (template->eos = memory_copy_string(ends->eos, strlen(ends->eos))) == NULL) {
        gen_chat_template_free(template);
        return error_no_memory(err, "a chat template");
    }
    enum gen_status status = jinja_parse(&template->jinja, jinja, n, err);
    for (size_t i = 0; stops != NULL && i < MAX_STOPS && stops[i] != NULL && status == GEN_OK;
         i++) {
        status = add_stop(template, stops[i], strlen(stops[i]), err);
    }
    if (status != GEN_OK) {
        gen_chat_template_free(template);
        return status;
    }
    *out = template;
    return GEN_OK;
}

/* A turn of a pattern for messages does not go beyond the next one's beginning. */
static enum gen_status add_pattern_stop(struct gen_chat_template *template, const char *pattern,
                                        struct gen_error *err) {
    struct pair_template parts;
    struct gen_bytes stop = {0};
    enum gen_status status = pair_template_init(&parts, pattern, "role", "content", err);
    const struct gen_bytes user = {.data = (char[]){"user"}, .n = 4};
    const struct gen_bytes *pieces[] = {&parts.after, &parts.before, &user, &parts.between};
    for (size_t i = 0; i < N_OF(pieces) && status == GEN_OK; i++) {
        if (pieces[i]->n > 0 && gen_bytes_append(&stop, pieces[i]->data, pieces[i]->n) != GEN_OK) {
            status = error_no_memory(err, "a chat template");
        }
    }
    if (status == GEN_OK && parts.after.n > 0) {
        status = add_stop(template, stop.data, stop.n, err);
    }
    gen_bytes_release(&stop);
    pair_template_release(&parts);
    return status;
}

static enum gen_status of_pattern(struct gen_chat_template **out, const char *pattern,
                                  const struct chat_ends *ends, struct gen_error *err) {
    struct gen_bytes jinja = {0};
    enum gen_status status = chat_pattern_jinja(&jinja, pattern, err);
    if (status == GEN_OK) {
        status = chat_template_make(out, jinja.data, jinja.n, ends, pattern, NULL, err);
    }
    if (status == GEN_OK && is_message_pattern(pattern) &&
        (status = add_pattern_stop(*out, pattern, err)) != GEN_OK) {
        gen_chat_template_free(*out);
        *out = NULL;
    }
    gen_bytes_release(&jinja);
    return status;
}

enum gen_status chat_template_new(struct gen_chat_template **out, const char *name_or_pattern,
                                  const struct chat_ends *ends, struct gen_error *err) {
    struct error_quoted quoted;
    *out = NULL;
    for (size_t i = 0; i < CHAT_N_NAMES; i++) {
        const struct chat_name *known = &chat_names[i];
        if (strcmp(name_or_pattern, known->name) == 0) {
            return chat_template_make(out, known->jinja, strlen(known->jinja), ends, known->name,
                                      known->stops, err);
        }
    }
    if (strchr(name_or_pattern, '{') != NULL) {
        return of_pattern(out, name_or_pattern, ends, err);
    }
    return error_set(err, GEN_BAD_ARGUMENT,
                     "chat template \"%s\" is unknown: it must be one of " CHAT_NAMES
                     ", or a text with {role} and {content}, or with {prompt} and {completion}",
                     error_quote(&quoted, name_or_pattern, strlen(name_or_pattern)));
}

enum gen_status chat_template_set_prompt(struct gen_chat_template *template, const char *text,
                                         size_t n, struct gen_error *err) {
    return gen_bytes_append(&template->prompt, text, n) == GEN_OK
               ? GEN_OK
               : error_no_memory(err, "a chat template");
}

void gen_chat_template_free(struct gen_chat_template *template) {
    if (template == NULL) {
        return;
    }
    jinja_free(template->jinja);
    gen_bytes_release(&template->source);
    gen_bytes_release(&template->name);
    gen_bytes_release(&template->prompt);
    memory_free(template->bos);
    memory_free(template->eos);
    for (size_t i = 0; i < template->n_stops; i++) {
        memory_free(template->stops[i]);
    }
    memory_free(template);
}

/* ---- use -------------------------------------------------------------------------------------*/

const char *gen_chat_template_name(const struct gen_chat_template *template) {
    return template->name.data;
}

const char *gen_chat_template_jinja(const struct gen_chat_template *template) {
    return template->source.data;
}

size_t gen_chat_n_stops(const struct gen_chat_template *template) {
    return template->n_stops;
}

const char *gen_chat_stop(const struct gen_chat_template *template, size_t i) {
    return template->stops[i];
}

enum gen_status gen_chat_render(const struct gen_chat_template *template,
                                const struct gen_chat_message *messages, size_t n,
                                bool add_generation_prompt, struct gen_bytes *out,
                                struct gen_error *err) {
    bool raised = false;
    size_t start = out->n;
    const struct jinja_variables variables = {messages, n, add_generation_prompt, template->bos,
                                              template->eos};
    enum gen_status status = jinja_render(template->jinja, &variables, out, &raised, err);
    if (status == GEN_OK && add_generation_prompt && template->prompt.n > 0 &&
        gen_bytes_append(out, template->prompt.data, template->prompt.n) != GEN_OK) {
        out->n = start;
        status = error_no_memory(err, "a chat template");
    }
    return status == GEN_UNSUPPORTED && raised ? GEN_BAD_ARGUMENT : status;
}

/* Where `mark` is in a text, once; SIZE_MAX otherwise. */
static size_t find_mark(const struct gen_bytes *text, const char *mark, size_t n_mark) {
    size_t found = SIZE_MAX;
    for (size_t at = 0; at + n_mark <= text->n; at++) {
        if (memcmp(text->data + at, mark, n_mark) == 0) {
            if (found != SIZE_MAX) {
                return SIZE_MAX;
            }
            found = at;
        }
    }
    return found;
}

enum gen_status gen_chat_render_after(const struct gen_chat_template *template,
                                      const struct gen_chat_message *messages, size_t n,
                                      size_t answer, struct gen_bytes *out, struct gen_error *err) {
    static const char mark[] = "gen:the-answer-whose-end-is-looked-for";
    if (answer >= n || strcmp(messages[answer].role, "assistant") != 0) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "message %zu of %zu must be there and the assistant's", answer, n);
    }
    struct gen_chat_message *copies = memory_new(n, sizeof *copies);
    struct gen_bytes text = {0};
    enum gen_status status = GEN_OK;
    if (copies == NULL) {
        return error_no_memory(err, "a chat template");
    }
    memcpy(copies, messages, n * sizeof *copies);
    copies[answer].content = mark;
    copies[answer].n_content = sizeof mark - 1;
    status = gen_chat_render(template, copies, n, true, &text, err);
    size_t at = status == GEN_OK ? find_mark(&text, mark, sizeof mark - 1) : 0;
    if (status == GEN_OK && at == SIZE_MAX) {
        status =
            error_set(err, GEN_UNSUPPORTED,
                      "the chat template \"%s\" does not show an answer once, as it must be to "
                      "go on after it",
                      template->name.data);
    } else if (status == GEN_OK && gen_bytes_append(out, text.data + at + sizeof mark - 1,
                                                    text.n - at - (sizeof mark - 1)) != GEN_OK) {
        status = error_no_memory(err, "a chat template");
    }
    memory_free(copies);
    gen_bytes_release(&text);
    return status;
}

enum gen_status gen_chat_encode(const struct gen_chat_template *template,
                                const struct gen_tokenizer *tokenizer,
                                const struct gen_chat_message *messages, size_t n,
                                bool add_generation_prompt, struct gen_ids *ids,
                                struct gen_error *err) {
    struct gen_bytes text = {0};
    enum gen_status status =
        gen_chat_render(template, messages, n, add_generation_prompt, &text, err);
    if (status == GEN_OK && text.n > 0) {
        status = gen_tokenizer_encode(tokenizer, text.data, text.n, true, ids, err);
    }
    gen_bytes_release(&text);
    return status;
}

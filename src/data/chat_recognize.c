/**
 * chat_recognize.c - chat_template_recognize(): whether a model's Jinja makes of some conversations
 * what one of the named templates does, in other words perhaps.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "data/chat_template.h"
#include "text/jinja/jinja.h"

/* Stand for bos and eos in what is compared: no template has them in its own words. */
static const char bos_mark[] = "\x01", eos_mark[] = "\x02";

/* A conversation: one letter a message, s, u or a. */
struct probe {
    const char *roles;
    bool answered; /* add_generation_prompt */
};

/* Of each without system message there is one that has it; of each that ends with the user and is
 * complete, one that is to be answered. */
static const struct probe probes[] = {
    {"u", true},   {"u", false},   {"uau", true},    {"uaua", false},  {"su", true},
    {"su", false}, {"suau", true}, {"suaua", false}, {"suauau", true}, {"sua", false}};

#define N_PROBES     (N_OF(probes))
#define MAX_MESSAGES 6
#define SYSTEM_TEXT  "Zeroth"

/* What a template makes of a probe, and again without white space and bos. */
struct rendered {
    struct gen_bytes text, bare;
};

/* ---- rendering -------------------------------------------------------------------------------*/

static size_t fill(struct gen_chat_message *messages, const char *roles) {
    static const char *const contents[MAX_MESSAGES] = {"First",  "Second", "Third",
                                                       "Fourth", "Fifth",  "Sixth"};
    size_t n = strlen(roles);
    for (size_t i = 0; i < n; i++) {
        bool system = roles[i] == 's';
        const char *content = system ? SYSTEM_TEXT : contents[i - (roles[0] == 's')];
        messages[i] = (struct gen_chat_message){system            ? "system"
                                                : roles[i] == 'u' ? "user"
                                                                  : "assistant",
                                                content, strlen(content)};
    }
    return n;
}

static bool is_at(const struct gen_bytes *text, size_t at, const char *what) {
    size_t n = strlen(what);
    return n > 0 && n <= text->n - at && memcmp(text->data + at, what, n) == 0;
}

/* Tokens that a template spells out are tokens, too. */
static enum gen_status make_bare(struct rendered *rendered, const struct chat_ends *ends) {
    const struct gen_bytes *text = &rendered->text;
    enum gen_status status = GEN_OK;
    rendered->bare.n = 0;
    for (size_t at = 0; at < text->n && status == GEN_OK;) {
        if (is_at(text, at, ends->eos)) {
            status = gen_bytes_append(&rendered->bare, eos_mark, 1);
            at += strlen(ends->eos);
        } else if (is_at(text, at, ends->bos)) {
            at += strlen(ends->bos);
        } else if (memchr(" \t\n\r\x01", text->data[at], 5) != NULL) {
            at++;
        } else {
            status = gen_bytes_append(&rendered->bare, &text->data[at++], 1);
        }
    }
    return status;
}

static enum gen_status render(struct rendered *rendered, const struct jinja *jinja,
                              const struct probe *probe, const struct chat_ends *ends,
                              struct gen_error *err) {
    struct gen_chat_message messages[MAX_MESSAGES];
    const struct jinja_variables variables = {messages, fill(messages, probe->roles),
                                              probe->answered, bos_mark, eos_mark};
    rendered->text.n = 0;
    enum gen_status status = jinja_render(jinja, &variables, &rendered->text, NULL, err);
    if (status == GEN_OK && make_bare(rendered, ends) != GEN_OK) {
        status = error_no_memory(err, "a chat template");
    }
    return status;
}

static enum gen_status render_all(struct rendered *all, const struct jinja *jinja,
                                  const struct chat_ends *ends, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < N_PROBES && status == GEN_OK; i++) {
        status = render(&all[i], jinja, &probes[i], ends, err);
    }
    return status;
}

static void release_all(struct rendered *all) {
    for (size_t i = 0; i < N_PROBES; i++) {
        gen_bytes_release(&all[i].text);
        gen_bytes_release(&all[i].bare);
    }
}

/* ---- comparing -------------------------------------------------------------------------------*/

static bool equal(const struct gen_bytes *a, const struct gen_bytes *b) {
    return a->n == b->n && (a->n == 0 || memcmp(a->data, b->data, a->n) == 0);
}

/* Whether `text` is what `with_system` is with another system message, or with none. */
static bool has_other_system(const struct gen_bytes *text, const struct gen_bytes *with_system) {
    static const char system[] = SYSTEM_TEXT;
    size_t n = sizeof system - 1, before = 0;
    while (before < with_system->n && !is_at(with_system, before, system)) {
        before++;
    }
    if (before == with_system->n) {
        return false;
    }
    const char *after = with_system->data + before + n;
    size_t n_after = with_system->n - before - n;
    bool divided = before > 0 || (n_after > 0 && (*after == eos_mark[0] || *after == '#'));
    bool fits = text->n >= before + n_after &&
                (before == 0 || memcmp(text->data, with_system->data, before) == 0) &&
                (n_after == 0 || memcmp(text->data + text->n - n_after, after, n_after) == 0);
    return fits && (divided || text->n == before + n_after);
}

/* The probe that is like number i but for a system message before it, or for what it is to be
 * answered; N_PROBES: there is none. */
static size_t find_probe(const char *roles, bool answered) {
    size_t i = 0;
    while (i < N_PROBES &&
           (strcmp(probes[i].roles, roles) != 0 || probes[i].answered != answered)) {
        i++;
    }
    return i;
}

struct match {
    bool exact;        /* to the last byte */
    bool lacks_prompt; /* does not say how an answer begins */
};

/* Whether all that the model's template makes is what the named one makes. */
static bool is_like(struct match *match, const struct rendered *own, const struct rendered *named) {
    size_t open = find_probe("u", true), closed = find_probe("u", false);
    bool fixed = equal(&own[open].bare, &own[closed].bare);
    match->exact = true;
    match->lacks_prompt = fixed && !equal(&named[open].bare, &named[closed].bare) &&
                          equal(&own[open].bare, &named[closed].bare);
    for (size_t i = 0; i < N_PROBES; i++) {
        char with_system[MAX_MESSAGES + 1];
        bool answered = match->lacks_prompt ? false : fixed || probes[i].answered;
        bool ends_with_user = probes[i].roles[strlen(probes[i].roles) - 1] == 'u';
        const struct rendered *like = &named[i];
        struct rendered cut = {.bare = named[i].bare};
        snprintf(with_system, sizeof with_system, "s%s", probes[i].roles);
        size_t other = find_probe(with_system, probes[i].answered);
        match->exact = match->exact && equal(&own[i].text, &named[i].text);
        if (ends_with_user && answered != probes[i].answered) {
            /* The named one's with the beginning of an answer, or without. */
            if (answered) {
                like = &named[find_probe(probes[i].roles, true)];
            } else {
                /* A bos or eos that is a piece of the template's text can make it anything. */
                if (named[open].bare.n < named[closed].bare.n ||
                    cut.bare.n < named[open].bare.n - named[closed].bare.n) {
                    return false;
                }
                cut.bare.n -= named[open].bare.n - named[closed].bare.n;
                like = &cut;
            }
        }
        if (!equal(&own[i].bare, &like->bare) &&
            (other == N_PROBES || !has_other_system(&own[i].bare, &named[other].bare))) {
            return false;
        }
    }
    return true;
}

/* ---- the whole -------------------------------------------------------------------------------*/

/* `why` not: what it makes of a message is said. */
static enum gen_status refuse(const char *where, const struct rendered *own, const char *why,
                              struct gen_error *err) {
    char reason[200] = "";
    struct error_quoted quoted;
    if (*why != '\0') {
        snprintf(reason, sizeof reason, ": %.190s", why);
    } else if (own->text.n > 0) {
        snprintf(reason, sizeof reason, ": of the message \"First\" it makes \"%s\"",
                 error_quote(&quoted, own->text.data, own->text.n));
    }
    return error_set(err, GEN_UNSUPPORTED,
                     "%s: the chat template is not recognized as " CHAT_NAMES
                     "%s (choose one with --template NAME, or give a text)",
                     where, reason);
}

static enum gen_status find_name(const struct chat_name **found, struct gen_bytes *prompt,
                                 const struct rendered *own, const struct chat_ends *ends,
                                 struct gen_error *err) {
    enum gen_status status = GEN_OK;
    bool exact = false;
    for (size_t i = 0; i < CHAT_N_NAMES && status == GEN_OK && !exact; i++) {
        struct jinja *jinja = NULL;
        struct rendered named[N_PROBES] = {{{0}, {0}}};
        struct match match;
        status = jinja_parse(&jinja, chat_names[i].jinja, strlen(chat_names[i].jinja), err);
        if (status == GEN_OK) {
            status = render_all(named, jinja, ends, err);
        }
        if (status == GEN_OK && is_like(&match, own, named) && (*found == NULL || match.exact)) {
            size_t open = find_probe("u", true), closed = find_probe("u", false);
            *found = &chat_names[i];
            exact = match.exact;
            prompt->n = 0;
            if (match.lacks_prompt &&
                gen_bytes_append(prompt, named[open].text.data + named[closed].text.n,
                                 named[open].text.n - named[closed].text.n) != GEN_OK) {
                status = error_no_memory(err, "a chat template");
            }
        }
        release_all(named);
        jinja_free(jinja);
    }
    return status;
}

enum gen_status chat_template_recognize(struct gen_chat_template **out, const char *jinja, size_t n,
                                        const struct chat_ends *ends, const char *where,
                                        struct gen_error *err) {
    struct jinja *parsed = NULL;
    struct rendered own[N_PROBES] = {{{0}, {0}}};
    struct gen_bytes prompt = {0};
    struct gen_error cause = {0};
    const struct chat_name *found = NULL;
    *out = NULL;
    enum gen_status status = jinja_parse(&parsed, jinja, n, &cause);
    if (status == GEN_OK) {
        status = render_all(own, parsed, ends, &cause);
    }
    if (status == GEN_OK) {
        status = find_name(&found, &prompt, own, ends, &cause);
    }
    if (status == GEN_NO_MEMORY) {
        status = error_set(err, status, "%s", cause.message);
    } else if (found == NULL) {
        status = refuse(where, &own[0], status == GEN_OK ? "" : cause.message, err);
    } else {
        status = chat_template_make(out, jinja, n, ends, found->name, found->stops, err);
        if (status == GEN_OK && prompt.n > 0 &&
            (status = chat_template_set_prompt(*out, prompt.data, prompt.n, err)) != GEN_OK) {
            gen_chat_template_free(*out);
            *out = NULL;
        }
    }
    jinja_free(parsed);
    release_all(own);
    gen_bytes_release(&prompt);
    return status;
}

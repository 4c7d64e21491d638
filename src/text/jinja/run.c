/**
 * run.c - jinja_render(): the statements of a template carried out, with its variables and scopes,
 * within bounds of work, memory, depth and output. Expressions are evaluated in evaluate.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "text/jinja/parts.h"

/* Bounds beyond what the messages themselves take. A template of a chat takes some thousand steps
 * a message. */
#define MAX_WORK   ((uint64_t)1 << 24)
#define MAX_MEMORY ((size_t)32 << 20)
#define MAX_DEPTH  200

/* ---- output ----------------------------------------------------------------------------------*/

static void write_text(struct run *run, unsigned line, struct span text) {
    if (run->status == GEN_OK && text.n > run->out_limit - run->out->n) {
        run_fail(run, line, "makes a text of more than %zu bytes", run->out_limit);
    }
    if (text.n > 0 && run_work(run, line, text.n) &&
        gen_bytes_append(run->out, text.text, text.n) != GEN_OK) {
        run->status = error_no_memory(run->err, "a chat template");
    }
}

/* ---- variables -------------------------------------------------------------------------------*/

void run_set(struct run *run, unsigned line, struct span name, struct value value) {
    for (size_t i = run->n_variables; i > run->frame && run_work(run, line, 1); i--) {
        if (span_equal(run->variables[i - 1].name, name)) {
            run->variables[i - 1].value = value;
            return;
        }
    }
    if (run->status != GEN_OK) {
        return;
    }
    if (!memory_grow(&run->variables, &run->capacity, run->n_variables + 1,
                     sizeof *run->variables)) {
        run->status = error_no_memory(run->err, "a chat template");
        return;
    }
    run->variables[run->n_variables++] = (struct variable){name, value};
}

/* Several names get the items of one value. */
static void set_names(struct run *run, const struct node *names, struct value value) {
    unsigned line = names->line;
    if (names->next == NULL) {
        run_set(run, line, names->name, value);
        return;
    }
    const struct list *items = value_items(run, line, value);
    size_t i = 0;
    for (; items != NULL && names != NULL && i < items->n && run->status == GEN_OK;
         names = names->next) {
        run_set(run, line, names->name, items->items[i++]);
    }
    if (run->status == GEN_OK && (names != NULL || i < items->n)) {
        run_fail(run, line, "a value with as many items as there are names must be here");
    }
}

/* ---- statements ------------------------------------------------------------------------------*/

static void run_for(struct run *run, const struct node *node) {
    struct list *all = value_items(run, node->line, run_evaluate(run, node->a));
    struct value kept = value_list(run, node->line);
    size_t frame = run->frame, n = run->n_variables;
    if (run->status != GEN_OK) {
        return;
    }
    bool outermost = frame == 0;
    run->n_globals = outermost ? n : run->n_globals;
    run->frame = n;
    /* Items that a condition leaves out are none of the loop's. */
    for (size_t i = 0; node->d != NULL && i < all->n && run->status == GEN_OK; i++) {
        set_names(run, node->names, all->items[i]);
        if (value_truth(run_evaluate(run, node->d)) && run->status == GEN_OK) {
            list_append(run, node->line, kept.as.list, all->items[i]);
        }
        run->n_variables = n;
    }
    struct loop *loop = run_new(run, node->line, 1, sizeof *loop);
    if (loop == NULL) {
        return;
    }
    loop->list = node->d != NULL ? kept.as.list : all;
    for (; run->status == GEN_OK && loop->at < loop->list->n && !run->breaks; loop->at++) {
        run_set(run, node->line, (struct span){"loop", 4},
                (struct value){VALUE_LOOP, {.loop = loop}});
        set_names(run, node->names, loop->list->items[loop->at]);
        run_body(run, node->b);
        run->n_variables = n;
        run->continues = false;
    }
    run->breaks = false;
    run->n_variables = n;
    if (run->status == GEN_OK && loop->list->n == 0) {
        run_body(run, node->c);
        run->n_variables = n;
    }
    run->frame = frame;
}

/* What `body` writes, as a text. */
static struct value capture(struct run *run, unsigned line, const struct node *body) {
    struct gen_bytes made = {0}, *out = run->out;
    run->out = &made;
    run_body(run, body);
    run->out = out;
    char *copy = made.n > 0 ? run_new(run, line, made.n, 1) : NULL;
    if (copy != NULL) {
        memcpy(copy, made.data, made.n);
    }
    struct value value = value_string(copy, copy != NULL ? made.n : 0);
    gen_bytes_release(&made);
    return value;
}

static struct value run_macro(struct run *run, unsigned line, const struct node *macro,
                              const struct arguments *arguments) {
    size_t frame = run->frame, floor = run->floor, n = run->n_variables;
    size_t n_globals = run->n_globals, place = 0;
    bool breaks = run->breaks, continues = run->continues;
    if (run->frame == 0) {
        run->n_globals = n;
    }
    struct value given[8];
    const struct node *parameter = macro->names;
    for (; parameter != NULL && run->status == GEN_OK; parameter = parameter->next, place++) {
        if (place >= N_OF(given)) {
            run_fail(run, line, "a macro of more than 8 parameters");
            break;
        }
        const struct value *value = argument_of(arguments, place, parameter->name);
        given[place] = value != NULL          ? *value
                       : parameter->a != NULL ? run_evaluate(run, parameter->a)
                                              : (struct value){0};
    }
    run->frame = run->floor = n;
    place = 0;
    for (parameter = macro->names; parameter != NULL && run->status == GEN_OK;
         parameter = parameter->next) {
        run_set(run, line, parameter->name, given[place++]);
    }
    struct value value = run->status == GEN_OK ? capture(run, line, macro->b) : (struct value){0};
    run->frame = frame;
    run->floor = floor;
    run->n_variables = n;
    run->n_globals = n_globals;
    run->breaks = breaks;
    run->continues = continues;
    return value;
}

static void run_if(struct run *run, const struct node *node) {
    while (node != NULL && node->kind == NODE_IF && run->status == GEN_OK) {
        if (value_truth(run_evaluate(run, node->a))) {
            if (run->status == GEN_OK) {
                run_body(run, node->b);
            }
            return;
        }
        node = node->c;
    }
    if (node != NULL && run->status == GEN_OK) {
        run_body(run, node->b);
    }
}

/* {% set namespace.name = value %} */
static void set_member(struct run *run, const struct node *node, struct value value) {
    const struct node named = {.kind = NODE_NAME, .line = node->line, .name = node->names->name};
    struct value target = run_evaluate(run, &named);
    if (target.type != VALUE_DICT || !target.as.dict->is_namespace) {
        run_fail(run, node->line, "only members of a namespace can be set");
    } else if (run->status == GEN_OK) {
        dict_set(run, node->line, target.as.dict, node->name, value);
    }
}

static void run_statement(struct run *run, const struct node *node) {
    switch (node->kind) {
    case NODE_TEXT:
        write_text(run, node->line, node->name);
        break;
    case NODE_OUTPUT:
        write_text(run, node->line, value_text(run, node->line, run_evaluate(run, node->a)));
        break;
    case NODE_IF:
        run_if(run, node);
        break;
    case NODE_FOR:
        run_for(run, node);
        break;
    case NODE_SET: {
        struct value value = run_evaluate(run, node->a);
        if (run->status == GEN_OK && node->name.n > 0) {
            set_member(run, node, value);
        } else if (run->status == GEN_OK) {
            set_names(run, node->names, value);
        }
        break;
    }
    case NODE_SET_BLOCK: {
        struct value value = capture(run, node->line, node->b);
        if (run->status == GEN_OK) {
            run_set(run, node->line, node->names->name, value);
        }
        break;
    }
    case NODE_MACRO:
        run_set(run, node->line, node->name, (struct value){VALUE_MACRO, {.macro = node}});
        break;
    case NODE_BREAK:
        run->breaks = true;
        break;
    case NODE_CONTINUE:
        run->continues = true;
        break;
    default: /* NODE_BODY; expressions are no statements */
        run_body(run, node->b);
        break;
    }
}

void run_body(struct run *run, const struct node *body) {
    if (body != NULL && ++run->depth > MAX_DEPTH) {
        run_fail(run, body->line, "more than %d levels within each other", MAX_DEPTH);
    }
    for (const struct node *node = body;
         node != NULL && !run->breaks && !run->continues && run_work(run, node->line, 1);
         node = node->next) {
        run_statement(run, node);
    }
    run->depth -= body != NULL;
}

/* ---- the whole -------------------------------------------------------------------------------*/

static struct value make_messages(struct run *run, const struct jinja_variables *variables) {
    struct value list = value_list(run, 1);
    for (size_t i = 0; i < variables->n && run->status == GEN_OK; i++) {
        const struct gen_chat_message *message = &variables->messages[i];
        struct value dict = value_dict(run, 1);
        if (run->status != GEN_OK) {
            break;
        }
        dict_set(run, 1, dict.as.dict, (struct span){"role", 4},
                 value_string(message->role, strlen(message->role)));
        dict_set(run, 1, dict.as.dict, (struct span){"content", 7},
                 value_string(message->content, message->n_content));
        list_append(run, 1, list.as.list, dict);
    }
    return list;
}

static void set_variables(struct run *run, const struct jinja_variables *variables) {
    const struct {
        const char *name;
        struct value value;
    } given[] = {
        {"messages", make_messages(run, variables)},
        {"add_generation_prompt", value_bool(variables->add_generation_prompt)},
        {"bos_token", value_string(variables->bos, strlen(variables->bos))},
        {"eos_token", value_string(variables->eos, strlen(variables->eos))},
        {"tools", {VALUE_NONE, {0}}},
        {"documents", {VALUE_NONE, {0}}},
    };
    for (size_t i = 0; i < N_OF(given) && run->status == GEN_OK; i++) {
        run_set(run, 1, (struct span){given[i].name, strlen(given[i].name)}, given[i].value);
    }
}

enum gen_status jinja_render(const struct jinja *jinja, const struct jinja_variables *variables,
                             struct gen_bytes *out, bool *raised, struct gen_error *err) {
    size_t start = out->n, given = 0;
    for (size_t i = 0; i < variables->n; i++) {
        given += variables->messages[i].n_content + 1024;
    }
    struct run run = {.arena = {.limit = MAX_MEMORY + 8 * given},
                      .out = out,
                      .out_limit = out->n + MAX_MEMORY + 2 * given,
                      .work = MAX_WORK + (uint64_t)64 * given,
                      .call_macro = run_macro,
                      .err = err};
    set_variables(&run, variables);
    if (run.status == GEN_OK) {
        run_body(&run, jinja->body);
    }
    arena_release(&run.arena);
    memory_free(run.variables);
    if (run.status != GEN_OK) {
        out->n = start;
    }
    if (raised != NULL) {
        *raised = run.raised;
    }
    return run.status;
}

/**
 * explain_terminal.c - an explanation on a terminal: the text token by token, colored by surprise,
 * and under each token its probability and what the model found likelier or likeliest there. Tokens
 * are columns, as wide as what is in them, broken into lines at the terminal's width.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cmd/explain/explain_view.h"

/* Blanks between two columns. */
#define GAP 2

/* Columns of a token; the few that are longer are lines of one sign. */
#define LONGEST 24

/* From how many bits on a surprise is shown as greater, in which color (black on one of the 256),
 * and by which mark where there are no colors. */
struct level {
    double bits;
    const char *color;
    char mark;
};
static const struct level levels[] = {
    {0, "", ' '},
    {1, "\033[38;5;16;48;5;230m", '.'},
    {3, "\033[38;5;16;48;5;222m", '-'},
    {6, "\033[38;5;16;48;5;214m", '='},
    {10, "\033[38;5;16;48;5;202m", '#'},
};
#define N_LEVELS (sizeof levels / sizeof *levels)
#define DIM      "\033[2m"
#define PLAIN    "\033[0m"

static const struct level *level_of(double bits) {
    size_t i = 0;
    while (i + 1 < N_LEVELS && bits >= levels[i + 1].bits) {
        i++;
    }
    return &levels[i];
}

/* Text of a known width. */
struct cell {
    struct gen_bytes text;
    size_t columns;
};

/* A token with all that is under it. */
struct column {
    struct cell token, probability;
    struct cell *alternatives; /* [n_top] */
    const struct level *level;
    size_t width;
    bool ends_line; /* the token has a newline */
};

struct terminal {
    const struct explain_view *view;
    bool color;
    size_t width;
    struct column *columns; /* those of a line so far */
    size_t n, capacity;
    size_t used; /* of the line's width */
    struct gen_bytes out;
};

static void put(struct terminal *terminal, const char *text) {
    alloc_append(&terminal->out, text, strlen(text));
}

static void put_blanks(struct terminal *terminal, size_t n, char blank) {
    for (; n > 0; n--) {
        alloc_append(&terminal->out, &blank, 1);
    }
}

/* ---- a column --------------------------------------------------------------------------------*/

/* "93%", "0.20%", "<0.01%" */
static void put_percent(struct cell *cell, double p) {
    char text[20];
    double percent = 100.0 * p;
    if (percent < 0.01) {
        strcpy(text, "<0.01%");
    } else {
        snprintf(text, sizeof text, "%.*f%%",
                 percent >= 9.95    ? 0
                 : percent >= 0.995 ? 1
                                    : 2,
                 percent);
    }
    alloc_append(&cell->text, text, strlen(text));
    cell->columns += strlen(text);
}

static void put_token(struct cell *cell, const struct explain_view *view, int32_t id) {
    cell->columns += explain_show_token(&cell->text, view, id, LONGEST);
}

static void put_plain(struct cell *cell, const char *text) {
    alloc_append(&cell->text, text, strlen(text));
    cell->columns += strlen(text);
}

/* What is said after position t stands under the token after it. */
static void fill_alternatives(struct column *column, const struct explain_view *view, size_t t) {
    size_t n_top = (size_t)view->explanation->n_top;
    const struct gen_logprob *top = view->explanation->top + t * n_top;
    column->alternatives = alloc_new(n_top, sizeof *column->alternatives);
    for (size_t i = 0; i < n_top; i++) {
        struct cell *cell = &column->alternatives[i];
        put_percent(cell, exp((double)top[i].logprob));
        put_plain(cell, " ");
        put_token(cell, view, top[i].id);
        column->width = cell->columns > column->width ? cell->columns : column->width;
    }
}

/* Token t; t = n is the one that does not follow any more. */
static struct column column_of(const struct explain_view *view, size_t t) {
    const struct gen_explanation *e = view->explanation;
    struct column column = {.level = &levels[0]};
    if (t == e->n) {
        put_plain(&column.token, "(next)");
    } else {
        size_t n;
        const char *piece = explain_piece(view, e->ids[t], &n);
        put_token(&column.token, view, e->ids[t]);
        column.ends_line = memchr(piece, '\n', n) != NULL;
    }
    if (t > 0 && t < e->n) {
        column.level = level_of(explain_bits(e, t));
        put_percent(&column.probability, exp((double)e->logprobs[t]));
    }
    column.width = column.token.columns > column.probability.columns ? column.token.columns
                                                                     : column.probability.columns;
    if (t > 0) {
        fill_alternatives(&column, view, t - 1);
    }
    return column;
}

static void cell_release(struct cell *cell) {
    gen_bytes_release(&cell->text);
}

static void column_release(struct column *column, size_t n_top) {
    cell_release(&column->token);
    cell_release(&column->probability);
    for (size_t i = 0; column->alternatives != NULL && i < n_top; i++) {
        cell_release(&column->alternatives[i]);
    }
    free(column->alternatives);
}

/* ---- a line of columns -----------------------------------------------------------------------*/

/* A cell, and blanks up to the next column, but not at the end of a line. */
static void put_cell(struct terminal *terminal, const struct column *column,
                     const struct cell *cell, const char *color, bool is_last) {
    bool colored = terminal->color && *color != '\0' && cell->columns > 0;
    put(terminal, colored ? color : "");
    alloc_append(&terminal->out, cell->text.data, cell->text.n);
    put(terminal, colored ? PLAIN : "");
    if (!is_last) {
        put_blanks(terminal, column->width + GAP - cell->columns, ' ');
    }
}

/* A newline in the place of blanks that nobody sees. */
static void end_row(struct terminal *terminal) {
    while (terminal->out.n > 0 && terminal->out.data[terminal->out.n - 1] == ' ') {
        terminal->out.n--;
    }
    put(terminal, "\n");
}

static void put_marks(struct terminal *terminal) {
    for (size_t i = 0; i < terminal->n; i++) {
        const struct column *column = &terminal->columns[i];
        put_blanks(terminal, column->token.columns, column->level->mark);
        if (i + 1 < terminal->n) {
            put_blanks(terminal, column->width + GAP - column->token.columns, ' ');
        }
    }
    end_row(terminal);
}

/* Show the columns that are waiting. */
static void end_line(struct terminal *terminal) {
    static const struct cell nothing = {0};
    size_t n_top = (size_t)terminal->view->explanation->n_top;
    if (terminal->n == 0) {
        return;
    }
    for (size_t row = 0; row < 2 + n_top; row++) {
        for (size_t i = 0; i < terminal->n; i++) {
            const struct column *column = &terminal->columns[i];
            const struct cell *cell = row == 0   ? &column->token
                                      : row == 1 ? &column->probability
                                      : (column->alternatives == NULL)
                                          ? &nothing
                                          : &column->alternatives[row - 2];
            const char *color = row == 0 ? column->level->color : row == 1 ? "" : DIM;
            put_cell(terminal, column, cell, color, i + 1 == terminal->n);
        }
        end_row(terminal);
        if (row == 0 && !terminal->color) {
            put_marks(terminal);
        }
    }
    put(terminal, "\n");
    for (size_t i = 0; i < terminal->n; i++) {
        column_release(&terminal->columns[i], n_top);
    }
    terminal->n = terminal->used = 0;
}

static void add_column(struct terminal *terminal, struct column column) {
    if (terminal->n > 0 && terminal->used + GAP + column.width > terminal->width) {
        end_line(terminal);
    }
    alloc_grow(&terminal->columns, &terminal->capacity, terminal->n + 1, sizeof *terminal->columns);
    terminal->used += (terminal->n > 0 ? GAP : 0) + column.width;
    terminal->columns[terminal->n++] = column;
    if (column.ends_line) {
        end_line(terminal);
    }
}

/* ---- all of it -------------------------------------------------------------------------------*/

static void put_legend(struct terminal *terminal) {
    const struct gen_explanation *e = terminal->view->explanation;
    char line[200];
    put(terminal, "surprise:");
    for (size_t i = 1; i < N_LEVELS; i++) {
        const char mark[2] = {levels[i].mark, '\0'};
        snprintf(line, sizeof line, i + 1 < N_LEVELS ? " %s %g to %g " : " %s %g or more ",
                 terminal->color ? "" : mark, levels[i].bits,
                 i + 1 < N_LEVELS ? levels[i + 1].bits : 0.0);
        put(terminal, " ");
        put(terminal, terminal->color ? levels[i].color : "");
        put(terminal, line + 1);
        put(terminal, terminal->color ? PLAIN : "");
    }
    put(terminal, " bits\n");
    if (e->n == 1) {
        put(terminal, "1 token: there is nothing before it to foresee it from\n");
        return;
    }
    snprintf(line, sizeof line,
             "%zu tokens; but for the first %.4g bits, %.4g each, perplexity %.4g\n", e->n,
             explain_all_bits(e), explain_all_bits(e) / (double)(e->n - 1), explain_perplexity(e));
    put(terminal, line);
    put(terminal, "under a token its probability");
    put(terminal, e->n_top > 0 ? ", then the likeliest there" : "");
    put(terminal, "; \xc2\xb7 is a blank\n");
}

bool explain_write_terminal(struct text_out *out, const struct explain_view *view, bool color,
                            size_t width) {
    struct terminal terminal = {.view = view, .color = color, .width = width};
    for (size_t t = 0; t <= view->explanation->n; t++) {
        add_column(&terminal, column_of(view, t));
        text_out_write(out, terminal.out.data, terminal.out.n);
        terminal.out.n = 0;
    }
    end_line(&terminal);
    put_legend(&terminal);
    bool good = text_out_write(out, terminal.out.data, terminal.out.n);
    gen_bytes_release(&terminal.out);
    free(terminal.columns);
    return good;
}

/**
 * logprob_table.c - the table of `gen --logprobs`: a row for each token with its probability, a
 * bar, and the likeliest tokens in its place. Columns are measured in characters of a terminal, so
 * tokens of any writing keep them. When there is a table generate_output.c says.
 */
#include "cmd/generate/logprob_table.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/terminal_size.h"
#include "cli/terminal_text.h"
#include "cli/token_cells.h"
#include "cli/wrap.h"

#define LEAST_WIDTH   19
#define LONGEST_TOKEN 24 /* columns */
#define BAR           10
#define BAR_FROM      48 /* narrower lines have no bars */
#define PERCENT       7  /* "100.00%" */
#define GAP           2
#define INDENT        4 /* of the likeliest in lines of their own */

/* A mark from left to right, which is not seen. */
#define LEFT_TO_RIGHT "\xe2\x80\x8e"

/* A table on its way. */
struct writer {
    struct gen_bytes *text;
    const struct logprob_table *table;
    size_t longest;   /* most columns of a token, its borders counted */
    size_t token;     /* columns for the token of a row */
    size_t bar;       /* the column where bars begin; 0: there are none */
    size_t likeliest; /* that of the likeliest; not after the token's: in lines of their own */
    size_t column;    /* where the next character goes */
};

/* ---- the place -------------------------------------------------------------------------------*/

/* Whether characters are UTF-8 by LC_ALL, LC_CTYPE, LANG. */
static bool has_blocks(void) {
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool found = locale != (locale_t)0 && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    if (locale != (locale_t)0) {
        freelocale(locale);
    }
    return found;
}

void logprob_table_fit(struct logprob_table *table, const struct text_out *out) {
    size_t columns = out->fd >= 0 ? terminal_columns(out->fd) : 0;
    /* Some terminals break a line that is full. */
    table->width = columns > 0 ? size_max(columns - 1, LEAST_WIDTH) : WRAP_WIDTH;
}

struct logprob_table logprob_table_for(const struct text_out *out, bool color,
                                       const struct gen_tokenizer *tokenizer) {
    struct logprob_table table = {.tokenizer = tokenizer,
                                  .color = color,
                                  .blocks = has_blocks(),
                                  .keeps_direction = terminal_text_needed(out)};
    logprob_table_fit(&table, out);
    return table;
}

/* ---- pieces of a line ------------------------------------------------------------------------*/

static void put(struct writer *writer, const char *text, size_t columns) {
    alloc_append(writer->text, text, strlen(text));
    writer->column += columns;
}

static void put_ascii(struct writer *writer, const char *text) {
    put(writer, text, strlen(text));
}

static void go_to(struct writer *writer, size_t column) {
    while (writer->column < column) {
        put(writer, " ", 1);
    }
}

/* End a line, without blanks that nobody sees. */
static void end_line(struct writer *writer) {
    struct gen_bytes *text = writer->text;
    while (text->n > 0 && text->data[text->n - 1] == ' ') {
        text->n--;
    }
    put(writer, "\n", 0);
    writer->column = 0;
}

/* "99.12%", "<0.01%" */
static void write_percent(char text[20], double logprob) {
    double percent = 100.0 * exp(logprob);
    if (percent < 0.01) {
        snprintf(text, 20, "<0.01%%");
    } else {
        snprintf(text, 20, "%.2f%%", percent);
    }
}

/* A bar of BAR columns in eighths of a column, or in #. */
static void put_bar(struct writer *writer, double p) {
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    size_t eighths = (size_t)(p * BAR * 8 + 0.5);
    eighths = size_min(eighths, BAR * 8);
    if (!writer->table->blocks) {
        for (size_t i = 0; i < (eighths + 4) / 8; i++) {
            put(writer, "#", 1);
        }
        return;
    }
    for (size_t i = 0; i < eighths / 8; i++) {
        put(writer, "█", 1);
    }
    put(writer, parts[eighths % 8], eighths % 8 > 0 ? 1 : 0);
}

/* ---- tokens ----------------------------------------------------------------------------------*/

/* A token as it is shown. */
struct shown {
    struct token_cells cells;
    char number[16]; /* in the place of a text */
    size_t columns;  /* of all its cells */
    bool special, right_to_left;
};

static void find_shown(struct shown *shown, const struct writer *writer, int32_t id) {
    const struct gen_tokenizer *tokenizer = writer->table->tokenizer;
    size_t n = 0;
    const char *bytes = tokenizer != NULL ? gen_tokenizer_piece(tokenizer, id, &n) : "";
    *shown =
        (struct shown){.special = tokenizer != NULL && gen_tokenizer_is_special(tokenizer, id)};
    if (n == 0) {
        snprintf(shown->number, sizeof shown->number, "#%d", (int)id);
        bytes = shown->number;
        n = strlen(bytes);
    }
    shown->cells = (struct token_cells){bytes, n, writer->table->color, shown->special, false};
    struct token_cells all = shown->cells;
    struct token_cell cell;
    while (token_cells_next(&all, &cell)) {
        shown->columns += cell.columns;
        shown->right_to_left = shown->right_to_left || cell.right_to_left;
    }
}

static size_t borders(const struct writer *writer) {
    return writer->table->color ? 0 : 2;
}

/* Columns that it takes, cut if need be. */
static size_t columns_of(const struct writer *writer, const struct shown *shown) {
    return size_min(shown->columns + borders(writer), writer->longest);
}

/* The cells of a token that fit into `most` columns. */
static void put_cells(struct writer *writer, const struct shown *shown, size_t most) {
    bool is_cut = shown->columns > most;
    size_t room = is_cut ? most - 3 : most;
    struct token_cells cells = shown->cells;
    struct token_cell cell;
    while (token_cells_next(&cells, &cell) && cell.columns <= room) {
        alloc_append(writer->text, cell.text, cell.n);
        writer->column += cell.columns;
        room -= cell.columns;
    }
    if (is_cut) {
        put_ascii(writer, "...");
    }
}

/* `color` is one of the ordinary ones. */
static void put_token(struct writer *writer, const struct shown *shown, const char *color) {
    const struct logprob_table *table = writer->table;
    const char *mark = table->keeps_direction && shown->right_to_left ? LEFT_TO_RIGHT : "";
    size_t most = columns_of(writer, shown) - borders(writer);
    put(writer, mark, 0);
    if (table->color) {
        put(writer, shown->special ? TOKEN_COLOR_SPECIAL : color, 0);
    } else {
        put_ascii(writer, shown->special ? "[" : "|");
    }
    put_cells(writer, shown, most);
    if (table->color) {
        put(writer, TOKEN_COLOR_END, 0);
    } else {
        put_ascii(writer, shown->special ? "]" : "|");
    }
    put(writer, mark, 0);
}

/* One of the likeliest, in a new line where the last one has no room. */
static void put_likely(struct writer *writer, const struct gen_logprob *likely) {
    char percent[20];
    struct shown shown;
    find_shown(&shown, writer, likely->id);
    write_percent(percent, (double)likely->logprob);
    size_t columns = columns_of(writer, &shown) + 1 + strlen(percent);
    if (writer->column > writer->likeliest &&
        writer->column + GAP + columns > writer->table->width) {
        end_line(writer);
    }
    go_to(writer, writer->column > writer->likeliest ? writer->column + GAP : writer->likeliest);
    put_token(writer, &shown, token_colors[1]);
    put_ascii(writer, " ");
    put_ascii(writer, percent);
}

/* ---- rows ------------------------------------------------------------------------------------*/

/* The token `id`, which nothing is known of where logprob is NAN, and the n likeliest. */
static void put_row(struct writer *writer, int32_t id, double logprob,
                    const struct gen_logprob *likeliest, size_t n) {
    char percent[20] = "-";
    struct shown shown;
    find_shown(&shown, writer, id);
    put_token(writer, &shown, token_colors[0]);
    if (!isnan(logprob)) {
        write_percent(percent, logprob);
    }
    go_to(writer, writer->token + GAP + PERCENT - strlen(percent));
    put_ascii(writer, percent);
    if (writer->bar > 0 && !isnan(logprob)) {
        go_to(writer, writer->bar);
        put_bar(writer, exp(logprob));
    }
    if (n > 0 && !isnan(logprob) && writer->likeliest <= writer->token) {
        end_line(writer);
    }
    for (size_t i = 0; i < n && !isnan(logprob); i++) {
        put_likely(writer, &likeliest[i]);
    }
    end_line(writer);
}

static void put_heading(struct writer *writer, const char *name, bool has_likeliest) {
    put_ascii(writer, name);
    go_to(writer, writer->token + GAP);
    put_ascii(writer, writer->bar > 0 ? "probability" : "prob.");
    if (has_likeliest && writer->likeliest > writer->token) {
        go_to(writer, writer->likeliest);
        put_ascii(writer, "likeliest");
    }
    end_line(writer);
}

/* Where columns are; the first is as wide as its widest token. */
static void set_columns(struct writer *writer, const struct gen_result *result, bool has_prompt,
                        bool has_new) {
    size_t width = writer->table->width;
    size_t widest = strlen("new token");
    writer->longest = size_min(LONGEST_TOKEN, width - PERCENT - GAP);
    struct shown shown;
    for (size_t i = 0; has_prompt && i < result->n_prompt_ids; i++) {
        find_shown(&shown, writer, result->prompt_ids[i]);
        widest = size_max(widest, columns_of(writer, &shown));
    }
    for (size_t i = 0; has_new && i < result->n_new_ids; i++) {
        find_shown(&shown, writer, result->new_ids[i]);
        widest = size_max(widest, columns_of(writer, &shown));
    }
    writer->token = widest;
    writer->bar = width >= BAR_FROM ? widest + GAP + PERCENT + 1 : 0;
    writer->likeliest = writer->bar > 0 ? writer->bar + BAR + GAP : widest + GAP + PERCENT + GAP;
    /* Room for the longest token and its percents, else they go below. */
    if (writer->likeliest + LONGEST_TOKEN > width) {
        writer->likeliest = INDENT;
        writer->longest = size_min(writer->longest, width - INDENT - 1 - PERCENT);
    }
}

void logprob_table_append(struct gen_bytes *text, const struct logprob_table *table,
                          const struct gen_result *result) {
    struct writer writer = {.text = text, .table = table};
    bool has_prompt = result->prompt_logprobs != NULL && result->n_prompt_ids > 0;
    size_t n = result->n_logprobs;
    bool has_new = n > 0 && result->n_new_ids > 0;
    set_columns(&writer, result, has_prompt, has_new);
    if (has_prompt) {
        put_heading(&writer, "prompt", n > 0);
        for (size_t i = 0; i < result->n_prompt_ids; i++) {
            put_row(&writer, result->prompt_ids[i], result->prompt_logprobs[i],
                    result->prompt_best + i * n, n);
        }
    }
    if (has_new) {
        put_heading(&writer, "new token", true);
        for (size_t i = 0; i < result->n_new_ids; i++) {
            put_row(&writer, result->chosen[i].id, (double)result->chosen[i].logprob,
                    result->logprobs + i * n, n);
        }
    }
}

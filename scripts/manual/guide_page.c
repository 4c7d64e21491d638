/**
 * guide_page.c - the man page gen-guide(7) from guide.md. Of Markdown it knows what that file uses:
 * headings, paragraphs, lists, blocks of code, tables, `code`, **strong** and [links](of files).
 */
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "manual.h"
#include "roff.h"

/* A heading has just been put, which needs no request for the paragraph after it. */
static bool is_after_heading;

static void put_gap(const char *request) {
    if (!is_after_heading || strcmp(request, ".PP") != 0) {
        roff_request(request);
    }
    is_after_heading = false;
}

/* A line without its newline; false at the end. */
static bool next_line(FILE *file, struct gen_bytes *line) {
    int c;
    line->n = 0;
    while ((c = getc(file)) != EOF && c != '\n') {
        char byte = (char)c;
        alloc_append(line, &byte, 1);
    }
    bool any = line->n > 0 || c == '\n';
    alloc_append(line, "", 1);
    line->n--;
    return any;
}

static bool begins(const struct gen_bytes *line, const char *with) {
    return strncmp(line->data, with, strlen(with)) == 0;
}

/* ---- running text ----------------------------------------------------------------------------*/

/* A word ends: the next one has room in the line, or begins another. */
static void put_blank(size_t next) {
    if (roff_column + next > 70) {
        roff_end_line();
    } else if (roff_column > 0) {
        roff_exactly(" ", 1);
    }
}

/* Where the file that a link leads to is named: nothing, since its text says enough. */
static const char *after_link(const char *at) {
    const char *end = strchr(at, ')');
    return strncmp(at, "](", 2) == 0 && end != NULL ? end + 1 : NULL;
}

/* One paragraph with its marks. */
static void put_marked(const char *text) {
    bool bold = false;
    text += strspn(text, " ");
    while (*text != '\0') {
        const char *after = after_link(text);
        if (*text == ' ') {
            text += strspn(text, " ");
            put_blank(strcspn(text, " "));
        } else if (*text == '`' || strncmp(text, "**", 2) == 0) {
            bold = !bold;
            fputs(bold ? "\\fB" : "\\fR", stdout);
            roff_column += 3;
            text += *text == '`' ? 1 : 2;
        } else if (*text == '[' && strstr(text, "](") != NULL &&
                   strchr(text, ']') == strstr(text, "](")) {
            text++;
        } else if (after != NULL) {
            text = after;
        } else {
            roff_exactly(text, 1);
            text++;
        }
    }
    roff_end_line();
}

/* ---- tables ----------------------------------------------------------------------------------*/

#define MOST_COLUMNS 8

/* The cells of a row: where they begin and how long they are, without blanks around them. */
static size_t find_cells(const char *row, const char *cells[MOST_COLUMNS], size_t n[MOST_COLUMNS]) {
    size_t found = 0;
    while (*row == '|' && row[1] != '\0' && found < MOST_COLUMNS) {
        row += 1 + strspn(row + 1, " ");
        size_t length = strcspn(row, "|");
        cells[found] = row;
        row += length;
        while (length > 0 && cells[found][length - 1] == ' ') {
            length--;
        }
        n[found++] = length;
    }
    return found;
}

/* Columns that a page has, about. */
#define PAGE_WIDTH 72

/* A cell without marks of code, which are no part of its width. */
static void put_cell(const char *cell, size_t n, size_t width) {
    for (size_t i = 0; i < n; i++) {
        if (cell[i] != '`') {
            roff_exactly(&cell[i], 1);
            width--;
        }
    }
    while (width-- > 0) {
        roff_exactly(" ", 1);
    }
}

static size_t cell_width(const char *cell, size_t n) {
    size_t width = n;
    for (size_t i = 0; i < n; i++) {
        width -= cell[i] == '`';
    }
    return width;
}

/* Rows in columns. */
static void put_columns(const struct gen_bytes *rows, size_t n_rows, const size_t *width) {
    const char *cells[MOST_COLUMNS];
    size_t n[MOST_COLUMNS];
    put_gap(".PP");
    roff_request(".EX");
    for (size_t i = 0; i < n_rows; i++) {
        size_t n_cells = find_cells(rows[i].data, cells, n);
        for (size_t j = 0; j < n_cells && !begins(&rows[i], "|---"); j++) {
            bool is_last = j + 1 == n_cells;
            put_cell(cells[j], n[j], is_last ? cell_width(cells[j], n[j]) : width[j] + 2);
        }
        roff_end_line();
    }
    roff_request(".EE");
}

static void put_marked_cell(const char *cell, size_t n) {
    struct gen_bytes text = {0};
    alloc_append(&text, cell, n);
    alloc_append(&text, "", 1);
    put_marked(text.data);
    gen_bytes_release(&text);
}

/* Rows too wide for a page: each a paragraph after its first cell; the first row, where it says
 * something, a line before them. */
static void put_list(const struct gen_bytes *rows, size_t n_rows) {
    const char *cells[MOST_COLUMNS];
    size_t n[MOST_COLUMNS];
    for (size_t i = 0; i < n_rows; i++) {
        size_t n_cells = find_cells(rows[i].data, cells, n);
        if (begins(&rows[i], "|---") || n_cells == 0 || n[0] == 0) {
            continue;
        }
        put_gap(i == 0 ? ".PP" : ".TP");
        for (size_t j = 0; j < n_cells; j++) {
            if (n[j] > 0) {
                put_marked_cell(cells[j], n[j]);
            }
        }
    }
}

static void put_table(const struct gen_bytes *rows, size_t n_rows) {
    const char *cells[MOST_COLUMNS];
    size_t n[MOST_COLUMNS], width[MOST_COLUMNS] = {0}, all = 0;
    for (size_t i = 0; i < n_rows; i++) {
        size_t n_cells = find_cells(rows[i].data, cells, n);
        for (size_t j = 0; j < n_cells && !begins(&rows[i], "|---"); j++) {
            width[j] = size_max(width[j], cell_width(cells[j], n[j]));
        }
    }
    for (size_t j = 0; j < MOST_COLUMNS; j++) {
        all += width[j] > 0 ? width[j] + 2 : 0;
    }
    if (all <= PAGE_WIDTH) {
        put_columns(rows, n_rows, width);
    } else {
        put_list(rows, n_rows);
    }
}

/* ---- blocks ----------------------------------------------------------------------------------*/

/* The lines up to the end of a block of code. */
static void put_code(FILE *file, struct gen_bytes *line) {
    put_gap(".PP");
    roff_request(".RS 4");
    roff_request(".EX");
    while (next_line(file, line) && !begins(line, "```")) {
        roff_exactly(line->data, line->n);
        roff_exactly("\n", 1);
    }
    roff_request(".EE");
    roff_request(".RE");
}

static void put_heading(const struct gen_bytes *line) {
    bool is_section = begins(line, "## ");
    roff_end_line();
    printf("%s ", is_section ? ".SH" : ".SS");
    roff_column = 4;
    for (const char *c = line->data + (is_section ? 3 : 4); *c != '\0'; c++) {
        char upper = (char)(is_section && *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        if (*c != '`') {
            roff_exactly(&upper, 1);
        }
    }
    roff_end_line();
    is_after_heading = true;
}

/* What has been gathered: a paragraph, or an item of a list. */
static void put_paragraph(struct gen_bytes *text) {
    if (text->n > 0) {
        bool is_item = strncmp(text->data, "- ", 2) == 0;
        put_gap(is_item ? ".IP \\(bu 2" : ".PP");
        alloc_append(text, "", 1);
        put_marked(text->data + (is_item ? 2 : 0));
    }
    text->n = 0;
}

/* All lines of a table, of which the first has been read; *line is then the one after it. */
static bool take_table(FILE *file, struct gen_bytes *line) {
    struct gen_bytes *rows = NULL;
    size_t n = 0, capacity = 0;
    bool more = true;
    while (more && begins(line, "|")) {
        alloc_grow(&rows, &capacity, n + 1, sizeof *rows);
        rows[n] = (struct gen_bytes){0};
        alloc_append(&rows[n++], line->data, line->n + 1);
        more = next_line(file, line);
    }
    put_table(rows, n);
    for (size_t i = 0; i < n; i++) {
        gen_bytes_release(&rows[i]);
    }
    free(rows);
    return more;
}

static void put_body(FILE *file) {
    struct gen_bytes line = {0}, text = {0};
    bool more = next_line(file, &line);
    while (more) {
        bool is_table = begins(&line, "|");
        if (begins(&line, "```") || begins(&line, "##") || is_table || line.n == 0 ||
            begins(&line, "- ")) {
            put_paragraph(&text);
        }
        if (begins(&line, "```")) {
            put_code(file, &line);
        } else if (begins(&line, "##")) {
            put_heading(&line);
        } else if (!is_table && line.n > 0) {
            alloc_append(&text, " ", text.n > 0 ? 1 : 0);
            alloc_append(&text, line.data + (text.n > 0 ? strspn(line.data, " ") : 0),
                         strlen(line.data + (text.n > 0 ? strspn(line.data, " ") : 0)));
        }
        more = is_table ? take_table(file, &line) : next_line(file, &line);
    }
    put_paragraph(&text);
    roff_end_line();
    gen_bytes_release(&line);
    gen_bytes_release(&text);
}

bool put_guide(const char *path) {
    FILE *file = fopen(path, "r");
    struct gen_bytes line = {0};
    bool good = file != NULL && next_line(file, &line) && begins(&line, "# ");
    if (good) {
        const char *colon = strstr(line.data, ": ");
        printf(".\\\" Made by scripts/manual of guide.md; changes belong there.\n");
        printf(".TH GEN\\-GUIDE 7 %s \"gen %s\" \"Miscellaneous\"\n", MANUAL_DATE, GEN_VERSION);
        roff_section("NAME");
        printf("gen\\-guide \\-");
        roff_column = 1;
        roff_text(colon != NULL ? colon + 2 : line.data + 2);
        roff_end_line();
        roff_section("DESCRIPTION");
        is_after_heading = true;
        put_body(file);
    }
    if (file != NULL) {
        fclose(file);
    }
    gen_bytes_release(&line);
    return good;
}

#include "train/corpus.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "format/json.h"
#include "train/digest.h"

/* A document longer than this is cut where that is possible. */
#define PIECE_BYTES ((size_t)1 << 20)
/* Pieces tokenized together: until they have so many bytes, or are so many. */
#define BATCH_BYTES  ((size_t)8 << 20)
#define BATCH_PIECES 4096

static const char separator[] = "<|endoftext|>";

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text);
    size_t n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

enum gen_status corpus_open(struct corpus *corpus, const char *const *paths, size_t n,
                            const char *field, struct gen_error *err) {
    *corpus = (struct corpus){.field = field};
    corpus->files = memory_new(n, sizeof *corpus->files);
    if (corpus->files == NULL) {
        return error_no_memory(err, "the list of files");
    }
    for (size_t i = 0; i < n; i++) {
        struct corpus_file *file = &corpus->files[corpus->n_files++];
        error_path(&file->where, paths[i]);
        file->jsonl = ends_with(paths[i], ".jsonl");
        enum gen_status status = file_map_open(&file->map, paths[i], err);
        if (status != GEN_OK) {
            return status;
        }
    }
    return GEN_OK;
}

void corpus_release(struct corpus *corpus) {
    for (size_t i = 0; i < corpus->n_files; i++) {
        file_map_close(&corpus->files[i].map);
    }
    memory_free(corpus->files);
    *corpus = (struct corpus){0};
}

uint64_t corpus_bytes(const struct corpus *corpus) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < corpus->n_files; i++) {
        bytes += corpus->files[i].map.size;
    }
    return bytes;
}

uint64_t corpus_digest(const struct corpus *corpus) {
    struct digest digest = {0};
    for (size_t i = 0; i < corpus->n_files; i++) {
        const struct corpus_file *file = &corpus->files[i];
        digest_add_text(&digest, file->map.data, file->map.size);
        digest_add_u64(&digest, file->jsonl);
        if (file->jsonl) {
            digest_add_text(&digest, corpus->field, strlen(corpus->field));
        }
    }
    return digest_value(&digest);
}

/* ---- pieces ----------------------------------------------------------------------------------*/

/* Part of a document, or all of it; of a JSONL file, a line. */
struct piece {
    const struct corpus_file *file;
    const char *text;
    size_t n;
    size_t line; /* number of its first line, from 1 */
    bool last;   /* the document ends with it */
};

/* Where the walk through the files is. */
struct walk {
    const struct corpus *corpus;
    size_t file;
    size_t at;     /* in the file */
    size_t line;   /* number of the line there, from 0 */
    bool begun;    /* a part of the document was given out already */
    uint64_t done; /* bytes of the files before */
};

/* The bytes of a line without its end, and where the next one begins. */
static size_t line_length(const char *text, size_t n, size_t *next) {
    const char *end = memchr(text, '\n', n);
    size_t length = end == NULL ? n : (size_t)(end - text);
    *next = end == NULL ? n : length + 1;
    return length > 0 && end != NULL && text[length - 1] == '\r' ? length - 1 : length;
}

static bool is_separator(const char *line, size_t n) {
    return n == sizeof separator - 1 && memcmp(line, separator, n) == 0;
}

/* A visible ASCII character: no part of any white space. */
static bool is_visible(char c) {
    return c > ' ' && c < 0x7f;
}

/* Whether a piece of text may end before `at`, where a line begins. */
static bool may_cut(const char *text, size_t at, size_t n) {
    return at >= 2 && at < n && is_visible(text[at]) && is_visible(text[at - 2]);
}

/* Without the end of the last line. */
static size_t without_newline(const char *text, size_t n) {
    n -= n > 0 && text[n - 1] == '\n';
    return n - (n > 0 && text[n - 1] == '\r');
}

/* The next piece of a text file that has bytes left. */
static void next_text(struct walk *walk, struct piece *piece) {
    const char *text = (const char *)piece->file->map.data + walk->at;
    size_t left = piece->file->map.size - walk->at;
    size_t n = 0;
    size_t end = 0; /* behind the separator, if there is one */
    piece->last = true;
    while (end == 0 && n < left) {
        size_t next;
        size_t length = line_length(text + n, left - n, &next);
        walk->line++;
        if (is_separator(text + n, length)) {
            end = n + next;
            break;
        }
        n += next;
        if (n >= PIECE_BYTES && may_cut(text, n, left)) {
            piece->last = false;
            break;
        }
    }
    walk->at += end > 0 ? end : n;
    piece->text = text;
    piece->n = piece->last ? without_newline(text, n) : n;
}

static void next_line(struct walk *walk, struct piece *piece) {
    size_t next;
    if (walk->at == 0) {
        walk->at = json_mark_length(piece->file->map.data, piece->file->map.size);
    }
    piece->text = (const char *)piece->file->map.data + walk->at;
    piece->n = line_length(piece->text, piece->file->map.size - walk->at, &next);
    piece->last = true;
    walk->line++;
    walk->at += next;
}

static bool is_blank(const struct piece *piece) {
    size_t i = 0;
    while (i < piece->n && memchr(" \t\r", piece->text[i], 3) != NULL) {
        i++;
    }
    return i == piece->n;
}

/* The next piece that has something in it; false at the end of the last file. */
static bool walk_next(struct walk *walk, struct piece *piece) {
    while (walk->file < walk->corpus->n_files) {
        const struct corpus_file *file = &walk->corpus->files[walk->file];
        if (walk->at == file->map.size) {
            walk->done += file->map.size;
            *walk =
                (struct walk){.corpus = walk->corpus, .file = walk->file + 1, .done = walk->done};
            continue;
        }
        *piece = (struct piece){.file = file, .line = walk->line + 1};
        if (file->jsonl) {
            next_line(walk, piece);
            if (!is_blank(piece)) {
                return true;
            }
            continue;
        }
        next_text(walk, piece);
        bool begun = walk->begun;
        walk->begun = !piece->last;
        if (piece->n > 0 || begun) {
            return true;
        }
    }
    return false;
}

/* ---- tokens of one piece ---------------------------------------------------------------------*/

/* Index of the first byte that is NUL or no UTF-8, or n. */
static size_t find_bad_byte(const char *text, size_t n) {
    const unsigned char *bytes = (const unsigned char *)text;
    size_t i = 0;
    while (i < n) {
        const uint64_t ones = 0x0101010101010101;
        uint64_t word = n - i >= 8 ? bytes_u64(bytes + i) : 0;
        if ((((word - ones) | word) & ones << 7) == 0) {
            i += 8; /* eight characters of ASCII, none of them NUL */
            continue;
        }
        int length = bytes_utf8(bytes + i, n - i, NULL);
        if (length <= 0 || bytes[i] == 0) {
            return i;
        }
        i += (size_t)length;
    }
    return n;
}

static enum gen_status check_text(const struct piece *piece, struct gen_error *err) {
    size_t bad = find_bad_byte(piece->text, piece->n);
    if (bad == piece->n) {
        return GEN_OK;
    }
    size_t line = piece->line;
    for (size_t i = 0; i < bad; i++) {
        line += piece->text[i] == '\n';
    }
    unsigned byte = (unsigned char)piece->text[bad];
    return error_set(err, GEN_BAD_FILE,
                     byte == 0 ? "%s: line %zu has a NUL byte, so this is no text file"
                               : "%s: line %zu is not valid UTF-8 at byte %02x (convert the file "
                                 "to UTF-8 first)",
                     piece->file->where.text, line, byte);
}

struct tokenizing {
    const struct corpus *corpus;
    const struct gen_tokenizer *tokenizer;
    struct piece pieces[BATCH_PIECES];
    struct gen_ids ids[BATCH_PIECES];
    bool failed[BATCH_PIECES];
    size_t n;
};

/* The document of a JSON line: *text points into *object, which is to be deleted in any case. */
static enum gen_status parse_line(const char **text, cJSON **object, const struct piece *piece,
                                  const char *field, struct gen_error *err) {
    char where[sizeof piece->file->where.text + 40];
    snprintf(where, sizeof where, "%s: line %zu", piece->file->where.text, piece->line);
    enum gen_status status = json_parse(object, piece->text, piece->n, where, err);
    if (status != GEN_OK) {
        return status;
    }
    const cJSON *member = json_member(*object, field);
    if (!cJSON_IsString(member)) {
        struct error_quoted quoted;
        return error_set(err, GEN_BAD_FILE,
                         "%s has no member \"%s\" that is text (choose another field)", where,
                         error_quote(&quoted, field, strlen(field)));
    }
    *text = member->valuestring;
    return GEN_OK;
}

static enum gen_status encode_json(const struct tokenizing *work, const struct piece *piece,
                                   struct gen_ids *ids, struct gen_error *err) {
    cJSON *object = NULL;
    const char *text = NULL;
    enum gen_status status = parse_line(&text, &object, piece, work->corpus->field, err);
    if (status == GEN_OK) {
        status = gen_tokenizer_encode(work->tokenizer, text, strlen(text), false, ids, err);
    }
    cJSON_Delete(object);
    return status;
}

static enum gen_status encode(const struct tokenizing *work, const struct piece *piece,
                              struct gen_ids *ids, struct gen_error *err) {
    ids->n = 0;
    enum gen_status status;
    if (piece->file->jsonl) {
        status = encode_json(work, piece, ids, err);
        if (status == GEN_OK && ids->n == 0) {
            return GEN_OK;
        }
    } else {
        status = check_text(piece, err);
        if (status == GEN_OK) {
            status = gen_tokenizer_encode(work->tokenizer, piece->text, piece->n, false, ids, err);
        }
    }
    int32_t eos = gen_tokenizer_eos(work->tokenizer);
    if (status == GEN_OK && piece->last && gen_ids_append(ids, &eos, 1) != GEN_OK) {
        status = error_no_memory(err, "token ids");
    }
    return status;
}

static void encode_share(void *context, size_t begin, size_t end, int thread) {
    struct tokenizing *work = context;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        work->failed[i] = encode(work, &work->pieces[i], &work->ids[i], NULL) != GEN_OK;
    }
}

/* ---- all of them -----------------------------------------------------------------------------*/

static void collect(struct tokenizing *work, struct walk *walk) {
    size_t bytes = 0;
    work->n = 0;
    while (work->n < BATCH_PIECES && bytes < BATCH_BYTES &&
           walk_next(walk, &work->pieces[work->n])) {
        bytes += work->pieces[work->n].n;
        work->n++;
    }
}

/* Pass the ids of a batch on; of the pieces that failed, the first is what the user hears of. */
static enum gen_status deliver(struct tokenizing *work, const struct corpus_sink *sink,
                               struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < work->n && status == GEN_OK; i++) {
        if (work->failed[i]) {
            status = encode(work, &work->pieces[i], &work->ids[i], err);
        }
        if (status == GEN_OK) {
            status = sink->take(sink->context, work->ids[i].data, work->ids[i].n, err);
        }
    }
    return status;
}

enum gen_status corpus_tokenize(const struct corpus *corpus, const struct gen_tokenizer *tokenizer,
                                struct thread_pool *pool, const struct corpus_sink *sink,
                                struct gen_error *err) {
    struct tokenizing *work = memory_new(1, sizeof *work);
    if (work == NULL) {
        return error_no_memory(err, "tokenizing");
    }
    work->corpus = corpus;
    work->tokenizer = tokenizer;
    struct walk walk = {.corpus = corpus};
    enum gen_status status = GEN_OK;
    for (collect(work, &walk); status == GEN_OK && work->n > 0; collect(work, &walk)) {
        thread_pool_run(pool, work->n, 1, encode_share, work);
        status = deliver(work, sink, err);
        if (status == GEN_OK) {
            status = sink->progress(sink->context, walk.done + walk.at, err);
        }
    }
    for (size_t i = 0; i < BATCH_PIECES; i++) {
        gen_ids_release(&work->ids[i]);
    }
    memory_free(work);
    return status;
}

/* ---- text ------------------------------------------------------------------------------------*/

static enum gen_status read_piece(const struct corpus *corpus, const struct piece *piece,
                                  const struct corpus_reader *reader, struct gen_error *err) {
    if (!piece->file->jsonl) {
        enum gen_status status = check_text(piece, err);
        return status == GEN_OK
                   ? reader->take(reader->context, piece->text, piece->n, piece->last, err)
                   : status;
    }
    cJSON *object = NULL;
    const char *text = NULL;
    enum gen_status status = parse_line(&text, &object, piece, corpus->field, err);
    if (status == GEN_OK) {
        status = reader->take(reader->context, text, strlen(text), true, err);
    }
    cJSON_Delete(object);
    return status;
}

enum gen_status corpus_read(const struct corpus *corpus, const struct corpus_reader *reader,
                            struct gen_error *err) {
    struct walk walk = {.corpus = corpus};
    struct piece piece;
    bool any = false;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && walk_next(&walk, &piece)) {
        any = true;
        status = read_piece(corpus, &piece, reader, err);
        if (status == GEN_OK) {
            status = reader->progress(reader->context, walk.done + walk.at, err);
        }
    }
    return status == GEN_OK && !any ? corpus_error_empty(corpus, err) : status;
}

enum gen_status corpus_error_empty(const struct corpus *corpus, struct gen_error *err) {
    return error_set(err, GEN_BAD_FILE, "%s%s: there is no text in %s", corpus->files[0].where.text,
                     corpus->n_files > 1 ? " and others" : "", corpus->n_files > 1 ? "them" : "it");
}

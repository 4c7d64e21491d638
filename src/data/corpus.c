/**
 * corpus.c - the files of a corpus, and of their pieces the texts and token ids, on several
 * threads. Where pieces begin and end is found in corpus_walk.c; the ids go to dataset.c, the texts
 * to vocabulary.c.
 */
#include "data/corpus.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/memory.h"
#include "data/corpus_walk.h"
#include "text/documents.h"
#include "text/json_line.h"
#include "text/lines.h"

/* Pieces tokenized together: until they have so many bytes, or are so many. */
#define BATCH_BYTES  ((size_t)8 << 20)
#define BATCH_PIECES 4096

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
        file->jsonl = text_is_json_lines(paths[i]);
        enum gen_status status = file_map_open(&file->map, paths[i], err);
        if (status != GEN_OK) {
            return status;
        }
        const char *other = text_looks_like(file->map.data, file->map.size);
        if (other != NULL) {
            return error_set(err, GEN_BAD_FILE, "%s: %s", file->where.text, other);
        }
        if (text_mark(file->map.data, file->map.size, true) == TEXT_MARK_UTF16) {
            return error_set(err, GEN_BAD_FILE, "%s: " TEXT_UTF16_PROBLEM, file->where.text);
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
    if (corpus->special) {
        digest_add_u64(&digest, 1);
    }
    return digest_value(&digest);
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

static enum gen_status check_text(const struct corpus_piece *piece, struct gen_error *err) {
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
    struct corpus_piece pieces[BATCH_PIECES];
    struct gen_ids ids[BATCH_PIECES];
    bool failed[BATCH_PIECES];
    size_t n;
};

/* The document of a JSON line: *text points into *object, which is to be deleted in any case. */
static enum gen_status parse_line(const char **text, cJSON **object,
                                  const struct corpus_piece *piece, const char *field,
                                  struct gen_error *err) {
    char where[sizeof piece->file->where.text + 40];
    snprintf(where, sizeof where, "%s: line %zu", piece->file->where.text, piece->line);
    enum gen_status status = json_parse_line(object, piece->text, piece->n, where, err);
    if (status != GEN_OK) {
        return status;
    }
    const cJSON *member = json_member(*object, field);
    if (!cJSON_IsString(member)) {
        struct error_quoted quoted;
        char names[200];
        json_list_members(names, sizeof names, *object);
        error_quote(&quoted, field, strlen(field));
        return member != NULL
                   ? error_set(err, GEN_BAD_FILE,
                               "%s has a member \"%s\" that must be text, but is %s (choose "
                               "another field)",
                               where, quoted.text, json_kind(member))
                   : error_set(err, GEN_BAD_FILE,
                               "%s has no member \"%s\", but %s (choose another field)", where,
                               quoted.text, names);
    }
    *text = member->valuestring;
    return GEN_OK;
}

/* Tokenize text of a piece; what its vocabulary lacks is said of the file and the line. */
static enum gen_status encode_text(const struct tokenizing *work, const struct corpus_piece *piece,
                                   const char *text, size_t n, struct gen_ids *ids,
                                   struct gen_error *err) {
    struct gen_error cause;
    enum gen_status status =
        gen_tokenizer_encode(work->tokenizer, text, n, work->corpus->special, ids, &cause);
    if (status == GEN_OK || status == GEN_NO_MEMORY) {
        return status == GEN_OK ? GEN_OK : error_no_memory(err, "token ids");
    }
    return error_set(err, status, "%s: from line %zu on: %s", piece->file->where.text, piece->line,
                     cause.message);
}

static enum gen_status add_eos(const struct tokenizing *work, struct gen_ids *ids,
                               struct gen_error *err) {
    int32_t eos = gen_tokenizer_eos(work->tokenizer);
    return gen_ids_append(ids, &eos, 1) == GEN_OK ? GEN_OK : error_no_memory(err, "token ids");
}

/* The next document of n > 0 bytes of text from JSON; *next is where the one after it begins. */
static size_t next_document(const char *text, size_t n, size_t *next) {
    size_t length = text_document(text, n, next);
    return length < n ? text_without_line_end(text, length) : n;
}

static enum gen_status encode_documents(const struct tokenizing *work,
                                        const struct corpus_piece *piece, const char *text,
                                        struct gen_ids *ids, struct gen_error *err) {
    size_t n = strlen(text);
    enum gen_status status = GEN_OK;
    for (size_t next; n > 0 && status == GEN_OK; text += next, n -= next) {
        size_t length = next_document(text, n, &next);
        if (length > 0) {
            status = encode_text(work, piece, text, length, ids, err);
            status = status == GEN_OK ? add_eos(work, ids, err) : status;
        }
    }
    return status;
}

static enum gen_status encode_json(const struct tokenizing *work, const struct corpus_piece *piece,
                                   struct gen_ids *ids, struct gen_error *err) {
    cJSON *object = NULL;
    const char *text = NULL;
    enum gen_status status = parse_line(&text, &object, piece, work->corpus->field, err);
    if (status == GEN_OK) {
        status = encode_documents(work, piece, text, ids, err);
    }
    cJSON_Delete(object);
    return status;
}

static enum gen_status encode(const struct tokenizing *work, const struct corpus_piece *piece,
                              struct gen_ids *ids, struct gen_error *err) {
    ids->n = 0;
    if (piece->file->jsonl) {
        return encode_json(work, piece, ids, err);
    }
    enum gen_status status = check_text(piece, err);
    if (status == GEN_OK) {
        status = encode_text(work, piece, piece->text, piece->n, ids, err);
    }
    return status == GEN_OK && piece->last ? add_eos(work, ids, err) : status;
}

static void encode_share(void *context, size_t begin, size_t end, int thread) {
    struct tokenizing *work = context;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        work->failed[i] = encode(work, &work->pieces[i], &work->ids[i], NULL) != GEN_OK;
    }
}

/* ---- all of them -----------------------------------------------------------------------------*/

static void collect(struct tokenizing *work, struct corpus_walk *walk) {
    size_t bytes = 0;
    work->n = 0;
    while (work->n < BATCH_PIECES && bytes < BATCH_BYTES &&
           corpus_walk_next(walk, &work->pieces[work->n])) {
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
    struct corpus_walk walk = {.corpus = corpus, .tokenizer = tokenizer};
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

static enum gen_status read_piece(const struct corpus *corpus, const struct corpus_piece *piece,
                                  const struct corpus_reader *reader, struct gen_error *err) {
    if (!piece->file->jsonl) {
        enum gen_status status = check_text(piece, err);
        return status == GEN_OK
                   ? reader->take(reader->context, piece->text, piece->n, piece->ends_line, err)
                   : status;
    }
    cJSON *object = NULL;
    const char *text = NULL;
    enum gen_status status = parse_line(&text, &object, piece, corpus->field, err);
    size_t n = status == GEN_OK ? strlen(text) : 0;
    for (size_t next; n > 0 && status == GEN_OK; text += next, n -= next) {
        size_t length = next_document(text, n, &next);
        bool ends_line = next == n || length < text_document(text, n, &next);
        status = reader->take(reader->context, text, length, ends_line, err);
    }
    cJSON_Delete(object);
    return status;
}

enum gen_status corpus_read(const struct corpus *corpus, const struct corpus_reader *reader,
                            struct gen_error *err) {
    struct corpus_walk walk = {.corpus = corpus};
    struct corpus_piece piece;
    bool any = false;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && corpus_walk_next(&walk, &piece)) {
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

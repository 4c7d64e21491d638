/**
 * base_file.h - log probabilities of all tokens at many places, 16 bits each, in the format of
 * llama-perplexity's --kl-divergence-base. Numbers are little-endian:
 *
 *   "_logits_"                     8 bytes
 *   n_ctx, n_vocab, n_windows      3 x int32
 *   ids                            n_windows x n_ctx x int32
 *   rows                           n_windows x (n_ctx - 1 - n_ctx / 2), after ids n_ctx / 2 ...
 * n_ctx - 2 scale, least                 2 x float32 q                            n_vocab x uint16,
 * and one more where n_vocab is odd
 *
 * The log probability of an id is scale q + least. What is more than 16 below the likeliest is at
 * the least, and counts as nothing where it is read: LEFT_OUT.
 */
#ifndef EVAL_BASE_FILE_H
#define EVAL_BASE_FILE_H

#include "base/error.h"
#include "base/file.h"
#include "gen_eval.h"

/** Log probabilities of a file up to here are left out, as llama-perplexity does. */
#define BASE_FILE_LEFT_OUT (-16.0)

struct gen_base_file {
    struct file_map map;
    struct error_quoted name; /**< for messages */
    int32_t n_ctx, n_vocab;
    size_t n_windows;
    int32_t *ids; /**< [n_windows * n_ctx] */
    size_t rows_at, row_bytes;
};

/** Bytes of a row. */
size_t base_file_row_bytes(size_t n_vocab);
/** Rows of a window. */
size_t base_file_rows(size_t n_ctx);

/** Log probabilities of row `row` of a window as floats[n_vocab]. False: they are no such, as they
 *  are above 0 or not finite. */
bool base_file_read_row(const struct gen_base_file *file, size_t window, size_t row, float *out);

struct gen_base_writer {
    struct file_writer file;
};

/** What comes before the rows. */
enum gen_status base_file_put_head(struct file_writer *writer, int32_t n_ctx, int32_t n_vocab,
                                   size_t n_windows, const int32_t *ids, struct gen_error *err);
/** A row of bytes of logits, `log_sum` being the log of the sum of e^(logit - greatest). */
void base_file_make_row(unsigned char *out, const float *logits, size_t n_vocab, float greatest,
                        float log_sum);

#endif

/** checker.h - what the checks of gen_model_check() share. */
#ifndef CHECK_CHECKER_H
#define CHECK_CHECKER_H

#include "base/error.h"
#include "base/threads.h"
#include "model/model.h"

/** A run of the checks. */
struct checker {
    const struct gen_model *model;
    const struct gen_check_options *options;
    struct thread_pool *pool;
    struct gen_check_summary summary; /**< of the check at hand */
    uint64_t done, total;             /**< bytes of tensors */
    struct gen_error *err;
};

/** Count one finding that is wrong, or odd, and tell the first few. */
void checker_wrong(struct checker *checker, const char *format, ...) ERROR_PRINTF(2, 3);
void checker_odd(struct checker *checker, const char *format, ...) ERROR_PRINTF(2, 3);

/** So many more bytes were read; GEN_CANCELED where the caller does not want to go on. */
enum gen_status checker_progress(struct checker *checker, uint64_t bytes);

/** The checks. Each sets summary.n. */
enum gen_status check_sums(struct checker *checker);
enum gen_status check_numbers(struct checker *checker);
enum gen_status check_norms(struct checker *checker);
enum gen_status check_tokens(struct checker *checker);
enum gen_status check_special_ids(struct checker *checker);

#endif

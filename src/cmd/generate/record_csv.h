/**
 * record_csv.h - records of a CSV file as RFC 4180 has them, whose first one names the fields.
 */
#ifndef CMD_GENERATE_RECORD_CSV_H
#define CMD_GENERATE_RECORD_CSV_H

#include "cmd/record/record_fields.h"

/** The names. Start from {0}. */
struct record_csv {
    char **names;
    size_t n, capacity;
};

/** Whether a quoted field is open at the end of a line, so that the record goes on in the next one;
 *  `open` says whether one was at its beginning. */
bool record_csv_is_open(bool open, const char *line, size_t n);

/** Take the names of the first record; none may be empty or there twice. */
enum gen_status record_csv_read_names(struct record_csv *csv, const char *record, size_t n,
                                      const char *where, struct gen_error *err);
/**
 * The fields of a record, as texts, in the place of what there was; one that is empty and an option
 * is null. There must be as many as names.
 */
enum gen_status record_csv_read(const struct record_csv *csv, struct record_fields *fields,
                                const char *record, size_t n, const char *where,
                                struct gen_error *err);
void record_csv_release(struct record_csv *csv);

#endif

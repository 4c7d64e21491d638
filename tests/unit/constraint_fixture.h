/**
 * constraint_fixture.h - for tests of constraints: whether a text is allowed, and whether masks say
 * what single tokens say.
 */
#ifndef CONSTRAINT_FIXTURE_H
#define CONSTRAINT_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"
#include "gen.h"

/** The pieces of the small vocabulary of the tests; made at the first call, never freed. */
const struct gen_pieces *constraint_fixture_pieces(void);
const struct gen_tokenizer *constraint_fixture_tokenizer(void);

/** Whether the n bytes are a whole text, read byte by byte, and as tokens; both must say the same.
 */
bool constraint_fixture_allows(struct gen_constraint *constraint, const char *text, size_t n);

/** Each bit of the mask is what the matcher says of that token. */
void constraint_fixture_check_mask(struct gen_matcher *matcher);

/**
 * A text drawn from the masks, up to n tokens, appended to `text`; every mask is checked where
 * `check`. True: it may end there.
 */
bool constraint_fixture_draw(struct gen_constraint *constraint, struct rng *rng, size_t n,
                             bool check, struct gen_bytes *text);

#endif

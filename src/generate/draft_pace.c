/**
 * draft_pace.c - how far to guess: the length of drafts with which the model reads most ids a
 * second, what that may cost before it has brought anything, and how long texts are left alone at
 * which guesses fail. Guessing itself is drafter_model.c's.
 */
#include "generate/draft_pace.h"

#include "base/memory.h"
#include "base/size.h"

/* The part of all time that guessing may cost at any moment, besides what it has saved. */
#define GIVEN 0.015
/* Ids of a text that are counted on, to have something to give at its beginning. */
#define AHEAD_MOST 64

/* A draft must make so much of a difference: less is within what is measured wrong. */
#define WORTH_IT 1.02

/* Passes of which one is without a draft, so that it is known how long these take: the longer a
 * text, the longer. */
#define PLAIN_EVERY 32

/* What is expected of a row more before it was measured, as a part of a pass: little, so that it is
 * measured. */
#define NEXT_ROW 0.04

/* What a guess counts one draft later, for its text and for all. */
#define FADES     0.9
#define FADES_ALL 0.98
/* Guesses that what is known of other texts counts as, when a text begins. */
#define KNOWN_BEFORE 3.0

/* Passes for which a text is left alone. */
#define REST_LEAST 8
#define REST_MOST  256
/* If not even that much trust would make guessing worth it there is no need to try. */
#define BEST_TRUST 0.9

/* It is not worth reading less of a text than that. */
#define READ_LEAST 32

bool draft_pace_init(struct draft_pace *pace, size_t n_slots, double ratio) {
    *pace = (struct draft_pace){.ratio = ratio, .odds = {.right = 1.0, .tried = 2.0}};
    pace->texts = memory_new(n_slots, sizeof *pace->texts);
    return pace->texts != NULL;
}

void draft_pace_release(struct draft_pace *pace) {
    memory_free(pace->texts);
    *pace = (struct draft_pace){0};
}

/* ---- what is known ---------------------------------------------------------------------------*/

/* A new value of something that is measured over and over: what was interrupted counts little. */
static double blend(double old, double now) {
    now = now < 2.0 * old ? now : 2.0 * old;
    return old + 0.25 * (now - old);
}

/* The first time may have to fetch things from afar. */
static void add_time(struct draft_times *times, size_t n_rows, double seconds) {
    size_t n = times->n[n_rows]++;
    double old = times->seconds[n_rows];
    times->seconds[n_rows] = n == 0                    ? seconds
                             : n == 1 && seconds < old ? seconds
                                                       : blend(old, seconds);
}

/* How long n_rows rows take; `otherwise`, for one row, where nothing was measured. */
static double time_of(const struct draft_times *times, size_t n_rows, double otherwise) {
    size_t below = n_rows, above = n_rows;
    while (below > 0 && times->n[below] == 0) {
        below--;
    }
    while (above <= DRAFT_ROWS && times->n[above] == 0) {
        above++;
    }
    if (below == n_rows || (below == 0 && above <= DRAFT_ROWS)) {
        return times->seconds[below == n_rows ? n_rows : above];
    }
    if (above <= DRAFT_ROWS) {
        double share = (double)(n_rows - below) / (double)(above - below);
        return times->seconds[below] + share * (times->seconds[above] - times->seconds[below]);
    }
    double known = below > 0 ? times->seconds[below] : otherwise;
    size_t n_more = n_rows - (below > 0 ? below : 1);
    return known * (1.0 + NEXT_ROW * (double)n_more);
}

static double pass_of(const struct draft_pace *pace, size_t n_rows) {
    return time_of(&pace->passes, n_rows, 0.0);
}

static double step_of(const struct draft_pace *pace, size_t n_rows) {
    return time_of(&pace->steps, n_rows, pace->ratio * pass_of(pace, 1));
}

/* Seconds an id that the draft model reads. */
static double reading_of(const struct draft_pace *pace) {
    double expected =
        pace->ratio * (pace->seconds_per_id > 0.0 ? pace->seconds_per_id : pass_of(pace, 1) / 4.0);
    return pace->draft_seconds_per_id > 0.0 ? pace->draft_seconds_per_id : expected;
}

static const struct draft_trust *trust_of(const struct draft_pace *pace,
                                          const struct draft *draft) {
    return &pace->texts[draft->text->seat.slot];
}

/* How probable it is that a guess at a text is right, if all before it are. */
static double probability(const struct draft_odds *odds) {
    return odds->right / odds->tried;
}

static size_t n_left(const struct draft *draft) {
    const struct sequence *sequence = &draft->text->sequence;
    return sequence->n_new_max - (sequence->ids.n - sequence->n_before);
}

void draft_pace_seat(struct draft_pace *pace, int32_t slot) {
    double p = probability(&pace->odds);
    pace->texts[slot] = (struct draft_trust){
        .odds = {.right = p * KNOWN_BEFORE, .tried = KNOWN_BEFORE}, .interval = REST_LEAST};
}

/* ---- what is best ----------------------------------------------------------------------------*/

/* The texts of a pass that may have guesses. */
struct question {
    const struct draft_pace *pace;
    const struct draft *drafts;
    size_t n_drafts, n_plain;
    double unit;  /* seconds an id without guesses */
    double trust; /* of all texts, in the place of what is known of each; 0: that */
};

/* Some lengths, and what is expected of them. */
struct offer {
    size_t lengths[DRAFT_ROWS];
    size_t n_rows, n_texts, depth;
    double seconds, ids;
};

/* Of at most n_most guesses at a text those that are worth a row; adds what they bring. */
static size_t worthwhile(const struct question *question, size_t i, size_t n_most, double *ids) {
    const struct draft *draft = &question->drafts[i];
    const struct draft_trust *trust = trust_of(question->pace, draft);
    bool is_free = draft->n == 0 && (question->trust > 0.0 || trust->rest == 0);
    double p = question->trust > 0.0 ? question->trust : probability(&trust->odds);
    size_t n_plain = question->n_plain;
    double row = pass_of(question->pace, n_plain + 1) - pass_of(question->pace, n_plain);
    double right = p;
    size_t n = 0;
    while (is_free && n < n_most && n < draft->n_most && right * question->unit > row) {
        *ids += right;
        right *= p;
        n++;
    }
    return n;
}

/* With drafts of at most n_most ids. */
static struct offer offer_of(const struct question *question, size_t n_most) {
    struct offer offer = {.ids = (double)question->n_plain};
    for (size_t i = 0; i < question->n_drafts; i++) {
        size_t n = worthwhile(question, i, n_most, &offer.ids);
        offer.lengths[i] = n;
        offer.n_rows += n;
        offer.n_texts += n > 0;
        offer.depth = size_max(offer.depth, n);
    }
    size_t n_rows = size_min(question->n_plain + offer.n_rows, DRAFT_ROWS);
    offer.seconds = pass_of(question->pace, n_rows) +
                    (double)offer.depth * step_of(question->pace, offer.n_texts);
    return offer;
}

/* The best one; none of its lengths is above 0 where guessing is not worth it. */
static struct offer best_offer(const struct question *question) {
    struct offer best = offer_of(question, 0);
    double best_rate = WORTH_IT / question->unit;
    for (size_t n = 1; n <= DRAFT_MOST; n++) {
        struct offer offer = offer_of(question, n);
        if (offer.depth == n && offer.ids / offer.seconds > best_rate) {
            best = offer;
            best_rate = offer.ids / offer.seconds;
        }
    }
    return best;
}

/* Try one id of a text that has been left alone long enough. */
static struct offer try_offer(struct question *question, struct draft_pace *pace) {
    struct offer offer = offer_of(question, 0);
    question->trust = BEST_TRUST;
    bool is_possible = best_offer(question).depth > 0;
    for (size_t i = 0; i < question->n_drafts && offer.n_rows == 0; i++) {
        struct draft_trust *trust = &pace->texts[question->drafts[i].text->seat.slot];
        if (question->drafts[i].n > 0 || trust->rest > 0) {
            continue;
        }
        trust->rest = is_possible ? trust->interval : REST_MOST;
        if (is_possible) {
            offer.lengths[i] = offer.n_rows = offer.n_texts = offer.depth = 1;
            offer.seconds = pass_of(pace, question->n_plain + 1) + step_of(pace, 1);
        }
    }
    return offer;
}

/* ---- what may be given -----------------------------------------------------------------------*/

/* Seconds that may be lost by now. */
static double given(const struct question *question) {
    const struct draft_pace *pace = question->pace;
    double ahead = 0.0;
    for (size_t i = 0; i < question->n_drafts; i++) {
        ahead += (double)size_min(n_left(&question->drafts[i]) / 2, AHEAD_MOST);
    }
    return GIVEN * (pace->spent + ahead * question->unit) - pace->lost;
}

/* Seconds that an offer will have saved of a text, half of what is left of it. */
static double saving(const struct question *question, const struct offer *offer) {
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < question->n_drafts; i++) {
        least = offer->lengths[i] > 0 ? size_min(least, n_left(&question->drafts[i])) : least;
    }
    double for_each = question->unit - offer->seconds / offer->ids;
    return for_each > 0.0 ? for_each * (double)(least / 2) : 0.0;
}

struct draft_plan draft_pace_plan(struct draft_pace *pace, const struct draft *drafts,
                                  size_t n_drafts, size_t n_plain) {
    struct draft_plan plan = {.most_read = SIZE_MAX};
    struct question question = {pace, drafts, n_drafts, n_plain, 0.0, 0.0};
    pace->drafting = 0.0;
    pace->n_accepted = 0;
    for (size_t i = 0; i < n_drafts && pace->fixed > 0; i++) {
        plan.lengths[i] = drafts[i].n == 0 ? size_min(pace->fixed, drafts[i].n_most) : 0;
    }
    /* How long it takes without guesses must be known first. */
    if (pace->fixed > 0 || pace->passes.n[n_plain] < 2 || pace->since_plain >= PLAIN_EVERY) {
        return plan;
    }
    question.unit = pass_of(pace, n_plain) / (double)n_plain;
    for (size_t i = 0; i < n_drafts; i++) {
        struct draft_trust *trust = &pace->texts[drafts[i].text->seat.slot];
        trust->rest -= trust->rest > 0;
    }
    struct offer offer = best_offer(&question);
    double will_save = saving(&question, &offer);
    offer = offer.depth > 0 ? offer : try_offer(&question, pace);
    double loss = offer.seconds - pass_of(pace, n_plain);
    double left = given(&question) - loss;
    if (offer.depth == 0 || left < 0.0) {
        return plan;
    }
    for (size_t i = 0; i < n_drafts; i++) {
        plan.lengths[i] = offer.lengths[i];
    }
    left = left < will_save ? left : will_save;
    double n_read = left / (reading_of(pace) * (double)offer.n_texts);
    plan.most_read = n_read < READ_LEAST ? READ_LEAST : n_read < 1e9 ? (size_t)n_read : SIZE_MAX;
    return plan;
}

/* ---- what comes of it ------------------------------------------------------------------------*/

void draft_pace_step(struct draft_pace *pace, size_t n_rows, double seconds) {
    pace->drafting += seconds;
    if (n_rows <= DRAFT_ROWS) {
        add_time(&pace->steps, n_rows, seconds);
    }
}

void draft_pace_read(struct draft_pace *pace, size_t n_ids, double seconds) {
    double each = seconds / (double)n_ids;
    pace->drafting += seconds;
    pace->draft_seconds_per_id =
        pace->draft_seconds_per_id > 0.0 ? blend(pace->draft_seconds_per_id, each) : each;
}

static void add_guesses(struct draft_odds *odds, double fades, size_t n, size_t n_accepted) {
    odds->right = odds->right * fades + (double)n_accepted;
    odds->tried = odds->tried * fades + (double)(n_accepted + (n_accepted < n));
}

void draft_pace_learn(struct draft_pace *pace, int32_t slot, size_t n, size_t n_accepted) {
    struct draft_trust *trust = &pace->texts[slot];
    add_guesses(&trust->odds, FADES, n, n_accepted);
    add_guesses(&pace->odds, FADES_ALL, n, n_accepted);
    trust->interval = n_accepted > 0
                          ? size_max(trust->interval / 4, 1)
                          : size_min(size_max(trust->interval * 2, REST_LEAST), REST_MOST);
    trust->rest = n_accepted > 0 ? size_min(trust->rest, trust->interval) : trust->rest;
    pace->n_accepted += n_accepted;
}

void draft_pace_passed(struct draft_pace *pace, size_t n_plain, size_t n_drafted, double seconds) {
    size_t n_rows = n_plain + n_drafted;
    pace->spent += seconds + pace->drafting;
    if (n_drafted > 0) {
        double unit = pass_of(pace, n_plain) / (double)n_plain;
        double saved = unit * (double)(n_plain + pace->n_accepted);
        pace->lost += pace->drafting + seconds - saved;
        pace->since_plain++;
    } else {
        pace->lost += pace->drafting;
        pace->since_plain = 0;
    }
    if (n_rows <= DRAFT_ROWS) {
        add_time(&pace->passes, n_rows, seconds);
    } else if (n_drafted == 0) {
        double each = seconds / (double)n_rows;
        pace->seconds_per_id =
            pace->seconds_per_id > 0.0 ? blend(pace->seconds_per_id, each) : each;
    }
    pace->drafting = 0.0;
    pace->n_accepted = 0;
}

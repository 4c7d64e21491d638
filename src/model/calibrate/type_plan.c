/**
 * type_plan.c - the choice of types: which are worth their bytes, and for which tensors. What each
 * costs is measured in type_costs.c.
 */
#include "model/calibrate/type_plan.h"

#include <stdio.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "model/calibrate/type_costs.h"

/* Tensors begin at multiples of this in a GGUF. */
#define ALIGNMENT 32

struct planned {
    struct type_costs costs;
    enum tensor_type type;
};

struct type_plan {
    struct planned *tensors; /* in the order of the table of tensors; vectors are not among them */
    size_t n;
};

static uint64_t bytes_of(const struct type_costs *costs, enum tensor_type type) {
    const struct tensor_type_info *info = tensor_type_info(type);
    uint64_t blocks = (uint64_t)costs->n_rows * (costs->n_in / info->block_size);
    return (blocks * info->block_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* The smallest, of several the best. */
static enum tensor_type smallest(const struct type_costs *costs) {
    enum tensor_type best = costs->source;
    for (int t = 0; t < TENSOR_N_TYPES; t++) {
        enum tensor_type type = (enum tensor_type)t;
        uint64_t bytes = bytes_of(costs, type), least = bytes_of(costs, best);
        if (costs->can[t] &&
            (bytes < least || (bytes == least && costs->loss[t] < costs->loss[best]))) {
            best = type;
        }
    }
    return best;
}

enum gen_status type_plan_new(struct type_plan **out, struct calibration *calibration,
                              struct gen_error *err) {
    struct type_plan *plan = memory_new(1, sizeof *plan);
    struct type_meter *meter = NULL;
    *out = plan;
    enum gen_status status = plan == NULL ? error_no_memory(err, "a choice of types")
                                          : type_meter_new(&meter, calibration, err);
    if (status == GEN_OK) {
        plan->tensors = memory_new(type_meter_n_tensors(meter), sizeof *plan->tensors);
        status = plan->tensors != NULL ? GEN_OK : error_no_memory(err, "a choice of types");
    }
    while (status == GEN_OK && plan->n < type_meter_n_tensors(meter)) {
        struct planned *planned = &plan->tensors[plan->n];
        status = type_meter_next(meter, &planned->costs, err);
        if (status == GEN_OK) {
            planned->type = smallest(&planned->costs);
            plan->n++;
        }
    }
    type_meter_free(meter);
    return status;
}

void type_plan_free(struct type_plan *plan) {
    if (plan != NULL) {
        memory_free(plan->tensors);
        memory_free(plan);
    }
}

/* A change of one tensor's type. */
struct change {
    struct planned *planned;
    enum tensor_type type;
    uint64_t bytes; /* more than now */
    double gain;    /* loss less for each byte */
};

/* The change that gains most for its bytes, of those that take at most `left`; planned NULL: there
 * is none. */
static struct change best_change(const struct type_plan *plan, uint64_t left) {
    struct change best = {.planned = NULL};
    for (size_t i = 0; i < plan->n; i++) {
        struct planned *planned = &plan->tensors[i];
        const struct type_costs *costs = &planned->costs;
        uint64_t now = bytes_of(costs, planned->type);
        for (int t = 0; t < TENSOR_N_TYPES; t++) {
            uint64_t bytes = bytes_of(costs, (enum tensor_type)t);
            if (!costs->can[t] || bytes < now || bytes - now > left ||
                costs->loss[t] >= costs->loss[planned->type]) {
                continue;
            }
            double gain = (costs->loss[planned->type] - costs->loss[t]) /
                          (double)(bytes > now ? bytes - now : 1);
            if (best.planned == NULL || gain > best.gain) {
                best = (struct change){planned, (enum tensor_type)t, bytes - now, gain};
            }
        }
    }
    return best;
}

void type_plan_spend(struct type_plan *plan, uint64_t left) {
    for (struct change change = best_change(plan, left); change.planned != NULL;
         change = best_change(plan, left)) {
        change.planned->type = change.type;
        left -= change.bytes;
    }
}

enum tensor_type type_plan_type(const struct type_plan *plan, const struct tensor_spec *spec,
                                int32_t layer) {
    for (size_t i = 0; i < plan->n; i++) {
        const struct type_costs *costs = &plan->tensors[i].costs;
        if (costs->spec == spec && costs->layer == layer) {
            return plan->tensors[i].type;
        }
    }
    return TENSOR_F32;
}

enum tensor_type type_plan_main(const struct type_plan *plan) {
    uint64_t bytes[TENSOR_N_TYPES] = {0};
    int most = TENSOR_F32;
    for (size_t i = 0; i < plan->n; i++) {
        bytes[plan->tensors[i].type] += bytes_of(&plan->tensors[i].costs, plan->tensors[i].type);
    }
    for (int t = 0; t < TENSOR_N_TYPES; t++) {
        most = bytes[t] > bytes[most] ? t : most;
    }
    return (enum tensor_type)most;
}

static double bits_of(int type) {
    const struct tensor_type_info *info = tensor_type_info((enum tensor_type)type);
    return 8.0 * (double)info->block_bytes / (double)info->block_size;
}

const char *type_plan_describe(struct type_plan_text *out, const struct type_plan *plan) {
    size_t counts[TENSOR_N_TYPES] = {0};
    size_t at = 0;
    out->text[0] = '\0';
    for (size_t i = 0; i < plan->n; i++) {
        counts[plan->tensors[i].type]++;
    }
    for (;;) {
        int next = -1;
        for (int t = 0; t < TENSOR_N_TYPES; t++) {
            if (counts[t] > 0 && (next < 0 || bits_of(t) < bits_of(next))) {
                next = t;
            }
        }
        if (next < 0 || at >= sizeof out->text) {
            return out->text;
        }
        at +=
            (size_t)snprintf(out->text + at, sizeof out->text - at, "%s%zu %s", at > 0 ? ", " : "",
                             counts[next], tensor_type_info((enum tensor_type)next)->option_name);
        counts[next] = 0;
    }
}

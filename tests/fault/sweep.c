/**
 * sweep.c - the driver of the fault injector: runs each case of cases.c once whole, counts its
 * calls, and then runs it again and again, each time with another call failing. What comes out is
 * judged by judge.c.
 *
 *   sweep PROGRAM GOLDEN SCRATCH [--full] [--case NAME] [--most N] [--seed N]
 *
 * --full makes every single call fail. Without it at most N (100) calls of a kind are tried in each
 * way: one at random out of every N-th part of them, by the seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"
#include "judge.h"
#include "program.h"
#include "tree.h"

#define PATH_SIZE   4096
#define WORKERS_MAX 16
#define SHOWN       20 /* findings that are printed, of each case */

static const char *const kind_names[] = FAULT_NAMES;

struct settings {
    struct places places;
    const char *scratch;
    const char *only; /* the case to run, or NULL */
    unsigned most;    /* calls of a kind to fail in one way; 0: all */
    unsigned seed;
    int n_workers;
};

/* What workers report, in memory they share. */
struct tally {
    atomic_uint injected[FAULT_KINDS];
    atomic_uint failed, done, wrong; /* exit status 1, exit status 0, against the law */
};

static void *shared_memory(size_t n) {
    void *memory = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        driver_failed("mmap");
    }
    return memory;
}

/* ---- one worker ----------------------------------------------------------------------------- */

struct worker {
    const struct settings *settings;
    const struct fault_case *what;
    struct tally *tally;
    struct fault_counts *counts; /* of the run that is going on */
    char directory[PATH_SIZE];   /* d, in, err, counts are in it */
    struct tree before;
    struct outcome whole;
    struct fault_counts whole_counts;
};

static void write_file(const char *directory, const char *name, const char *bytes, size_t n) {
    char path[PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, n, file) != n || fclose(file) != 0) {
        driver_failed(path);
    }
}

/* The directory of a worker, and the whole run, with which every other is compared. */
static void worker_begin(struct worker *worker, int index) {
    const struct fault_case *what = worker->what;
    const struct fault_counts none = {0};
    char inner[PATH_SIZE + 16];
    snprintf(worker->directory, sizeof worker->directory, "%s/%d", worker->settings->scratch,
             index);
    snprintf(inner, sizeof inner, "%s/d", worker->directory);
    mkdir(worker->directory, 0777);
    mkdir(inner, 0777);
    write_file(worker->directory, "in", what->input, what->input != NULL ? strlen(what->input) : 0);
    write_file(worker->directory, "counts", (const char *)&none, sizeof none);
    snprintf(inner, sizeof inner, "%s/counts", worker->directory);
    FILE *file = fopen(inner, "r+b");
    worker->counts =
        file == NULL ? MAP_FAILED
                     : mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    if (worker->counts == MAP_FAILED) {
        driver_failed(inner);
    }
    fclose(file);
    snprintf(inner, sizeof inner, "%s/d", worker->directory);
    if (what->before != NULL) {
        program_shell(&worker->settings->places, inner, what->before);
    }
    tree_read(&worker->before, inner);
    program_run(&worker->whole, &worker->settings->places, what, worker->directory, NULL);
    memcpy(&worker->whole_counts, worker->counts, sizeof none);
    tree_restore(&worker->before, &worker->whole.files, inner);
    if (worker->whole.status != 0) {
        fprintf(stderr, "%s: fails by itself: %s\n", what->name, worker->whole.err);
        _exit(2);
    }
}

static void worker_end(struct worker *worker) {
    char inner[PATH_SIZE + 16];
    const struct tree nothing = {0};
    snprintf(inner, sizeof inner, "%s/d", worker->directory);
    tree_restore(&nothing, &worker->before, inner);
}

/* The findings of one case are printed whole, one after the other. */
static void report(const struct worker *worker, const char *fault, const char *wrong,
                   const struct outcome *now) {
    if (atomic_fetch_add(&worker->tally->wrong, 1) < SHOWN) {
        int n = (int)(now->n_err < 3000 ? now->n_err : 3000);
        printf("%s: GEN_FAULT=%s: %s\n    gen %s\n%.*s", worker->what->name, fault, wrong,
               worker->what->command, n, now->err);
        fflush(stdout);
    }
}

/* Training goes on from what a run left, to the very end that the whole run had. Only a line of the
 * metrics that could not be written is gone, and with it a point of the curve. */
static const char *go_on(const struct worker *worker) {
    struct outcome end;
    program_run(&end, &worker->settings->places, worker->what, worker->directory, NULL);
    const char *wrong = end.status != 0 ? "fails when it is run again" : NULL;
    for (size_t i = 0; wrong == NULL && i < worker->whole.files.n; i++) {
        const struct tree_file *file = &worker->whole.files.files[i];
        const struct tree_file *now = tree_find(&end.files, file->name);
        bool metrics = strstr(file->name, ".jsonl") != NULL || strstr(file->name, ".svg") != NULL;
        if (now == NULL || !(metrics || tree_file_equal(file, now))) {
            wrong = "run again it comes to another end";
        }
    }
    outcome_free(&end);
    return wrong;
}

static void try_one(struct worker *worker, enum fault_kind kind, const char *way, unsigned call) {
    char fault[64], text[512], inner[PATH_SIZE + 16];
    struct outcome now;
    snprintf(fault, sizeof fault, "%s:%u:%s", kind_names[kind], call, way);
    memset(worker->counts, 0, sizeof *worker->counts);
    program_run(&now, &worker->settings->places, worker->what, worker->directory, fault);
    const struct trial trial = {worker->what, kind, way, &worker->before, &worker->whole, &now};
    const char *wrong = judge(text, sizeof text, &trial);
    if (wrong == NULL && now.status == 1 && worker->what->again) {
        unsigned injected = atomic_load(&worker->counts->injected);
        wrong = go_on(worker);
        atomic_store(&worker->counts->injected, injected);
        tree_free(&now.files);
        snprintf(inner, sizeof inner, "%s/d", worker->directory);
        tree_read(&now.files, inner);
    }
    if (wrong != NULL) {
        report(worker, fault, wrong, &now);
    }
    if (atomic_load(&worker->counts->injected) > 0) {
        atomic_fetch_add(&worker->tally->injected[kind], 1);
        atomic_fetch_add(now.status == 0 ? &worker->tally->done : &worker->tally->failed, 1);
    }
    snprintf(inner, sizeof inner, "%s/d", worker->directory);
    tree_restore(&worker->before, &now.files, inner);
    outcome_free(&now);
}

/* The call to fail out of part `part` of `n_parts`: each has one, whatever worker has the part. */
static unsigned choose_call(const struct settings *settings, unsigned n, unsigned n_parts,
                            unsigned part) {
    unsigned begin = (unsigned)((unsigned long long)n * part / n_parts);
    unsigned end = (unsigned)((unsigned long long)n * (part + 1) / n_parts);
    unsigned random = (settings->seed * 2654435761u + part) * 2654435761u;
    return begin + (random >> 8) % (end - begin) + 1;
}

static void worker_run(struct worker *worker, int index) {
    const struct settings *settings = worker->settings;
    unsigned turn = 0;
    worker_begin(worker, index);
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        unsigned n = worker->whole_counts.calls[kind];
        unsigned n_parts = settings->most == 0 || n < settings->most ? n : settings->most;
        for (int way = 0; fault_ways[kind][way] != NULL; way++) {
            for (unsigned part = 0; part < n_parts; part++) {
                if (turn++ % (unsigned)settings->n_workers == (unsigned)index) {
                    try_one(worker, (enum fault_kind)kind, fault_ways[kind][way],
                            choose_call(settings, n, n_parts, part));
                }
            }
        }
    }
    worker_end(worker);
}

/* ---- all cases ------------------------------------------------------------------------------ */

static unsigned sum(const struct tally *tally) {
    unsigned n = 0;
    for (int i = 0; i < FAULT_KINDS; i++) {
        n += tally->injected[i];
    }
    return n;
}

static void print_tally(const char *name, const struct tally *tally, double seconds) {
    printf("%-40s %5u injected, %5u failed, %4u done all the same, %u wrong (%.0f s)\n   ", name,
           sum(tally), tally->failed, tally->done, tally->wrong, seconds);
    for (int i = 0; i < FAULT_KINDS; i++) {
        if (tally->injected[i] > 0) {
            printf(" %s %u", kind_names[i], tally->injected[i]);
        }
    }
    printf("\n");
}

static double clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void run_case(const struct settings *settings, const struct fault_case *what,
                     struct tally *total) {
    struct tally *tally = shared_memory(sizeof *tally);
    double start = clock_now();
    fflush(NULL);
    for (int i = 0; i < settings->n_workers; i++) {
        pid_t child = fork();
        if (child < 0) {
            driver_failed("fork");
        }
        if (child == 0) {
            struct worker worker = {.settings = settings, .what = what, .tally = tally};
            worker_run(&worker, i);
            fflush(NULL);
            _exit(0);
        }
    }
    for (int i = 0, status; i < settings->n_workers; i++) {
        if (wait(&status) < 0 || status != 0) {
            atomic_fetch_add(&tally->wrong, 1);
        }
    }
    print_tally(what->name, tally, clock_now() - start);
    for (int i = 0; i < FAULT_KINDS; i++) {
        total->injected[i] += tally->injected[i];
    }
    total->failed += tally->failed;
    total->done += tally->done;
    total->wrong += tally->wrong;
    munmap(tally, sizeof *tally);
}

static void usage(void) {
    fprintf(stderr, "usage: sweep PROGRAM GOLDEN SCRATCH [--full] [--case NAME] [--most N] "
                    "[--seed N]\n");
    exit(2);
}

static void parse(struct settings *settings, int argc, char **argv) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (argc < 4) {
        usage();
    }
    *settings = (struct settings){.places = {.program = argv[1], .golden = argv[2]},
                                  .scratch = argv[3],
                                  .most = 100,
                                  .n_workers = cores < 1             ? 1
                                               : cores > WORKERS_MAX ? WORKERS_MAX
                                                                     : (int)cores};
    for (int i = 4; i < argc; i++) {
        if (strcmp(argv[i], "--full") == 0) {
            settings->most = 0;
        } else if (strcmp(argv[i], "--case") == 0 && i + 1 < argc) {
            settings->only = argv[++i];
        } else if (strcmp(argv[i], "--most") == 0 && i + 1 < argc) {
            settings->most = (unsigned)atoi(argv[++i]);
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            settings->seed = (unsigned)atoi(argv[++i]);
        } else {
            usage();
        }
    }
}

int main(int argc, char **argv) {
    static struct tally total;
    struct settings settings;
    struct tree made_before, made_after;
    char made[PATH_SIZE];
    parse(&settings, argc, argv);
    snprintf(made, sizeof made, "%s/made", settings.scratch);
    settings.places.made = made;
    mkdir(made, 0777);
    program_shell(&settings.places, made, fault_cases_fixtures);
    tree_read(&made_before, made);
    double start = clock_now();
    for (int i = 0; i < n_fault_cases; i++) {
        if (settings.only == NULL || strstr(fault_cases[i].name, settings.only) != NULL) {
            run_case(&settings, &fault_cases[i], &total);
        }
    }
    tree_read(&made_after, made);
    if (!tree_equal(&made_before, &made_after)) {
        printf("an input was changed\n");
        total.wrong++;
    }
    tree_free(&made_before);
    tree_free(&made_after);
    print_tally("all", &total, clock_now() - start);
    return total.wrong > 0 || sum(&total) == 0 ? 1 : 0;
}

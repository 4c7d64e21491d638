/**
 * train_chart.c - the drawing of a run's losses as SVG: the range that is shown, axes, curves,
 * legend. Where the points come from is train_metrics.c's affair.
 */
#include "cmd/train/train_chart.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/size.h"
#include "cli/svg_out.h"
#include "cli/text_out.h"

/* The drawing, and in it the field of the curves. */
#define WIDTH  800.0
#define HEIGHT 460.0
#define LEFT   70.0
#define RIGHT  780.0
#define TOP    66.0
#define BOTTOM 400.0

/* Most points of a curve: neighbours are averaged. */
#define MAX_POINTS 600

/* From so many points on, a smoothed curve is drawn over them: a mean of this share of them. */
#define SMOOTH_FROM  50
#define SMOOTH_SHARE 15

/* What is shown, in steps and nats, and the nats between two lines of the grid. */
struct range {
    double first, last, low, high;
    double tick;
};

struct chart {
    struct text_out out;
    struct range range;
};

/* ---- what is shown ---------------------------------------------------------------------------*/

/* Point i of the n_shown that a curve of n points is drawn with: a mean of neighbours. */
static struct train_point shown_point(const struct train_curve *curve, size_t n_shown, size_t i) {
    size_t begin = i * curve->n / n_shown;
    size_t end = (i + 1) * curve->n / n_shown;
    struct train_point mean = {.step = curve->points[(begin + end - 1) / 2].step};
    for (size_t at = begin; at < end; at++) {
        mean.loss += curve->points[at].loss / (double)(end - begin);
    }
    return mean;
}

static size_t n_shown(const struct train_curve *curve) {
    return size_min(curve->n, MAX_POINTS);
}

/* The mean of the points around point i: as many before as after it, but at the end. */
static struct train_point smooth_point(const struct train_curve *curve, size_t n, size_t i) {
    size_t most = n / SMOOTH_SHARE / 2 + 1;
    size_t before = size_min(i, most);
    size_t after = size_min(i, most);
    after = size_min(n - 1 - i, after);
    struct train_point mean = {.step = shown_point(curve, n, i).step};
    for (size_t at = i - before; at <= i + after; at++) {
        mean.loss += shown_point(curve, n, at).loss / (double)(before + after + 1);
    }
    return mean;
}

static void widen(struct range *range, const struct train_curve *curve) {
    for (size_t i = 0; i < n_shown(curve); i++) {
        struct train_point point = shown_point(curve, n_shown(curve), i);
        if (!isfinite(point.loss)) {
            continue; /* of a run that went astray */
        }
        range->low = fmin(range->low, point.loss);
        range->high = fmax(range->high, point.loss);
        range->first = fmin(range->first, (double)point.step);
        range->last = fmax(range->last, (double)point.step);
    }
}

static struct range find_range(const struct train_metrics *metrics) {
    struct range range = {INFINITY, -INFINITY, INFINITY, -INFINITY, 1};
    widen(&range, &metrics->loss);
    widen(&range, &metrics->valid);
    if (!(range.high > range.low)) {
        range.low = range.low > -INFINITY && range.low < INFINITY ? range.low - 0.5 : 0;
        range.high = range.low + 1;
    }
    if (!(range.last > range.first)) {
        range.first = 0;
        range.last = range.last > 0 ? range.last : 1;
    }
    range.tick = svg_tick(range.high - range.low, 6);
    range.low = floor(range.low / range.tick) * range.tick;
    range.high = ceil(range.high / range.tick) * range.tick;
    return range;
}

static double x_of(const struct range *range, double step) {
    return LEFT + (step - range->first) / (range->last - range->first) * (RIGHT - LEFT);
}

static double y_of(const struct range *range, double loss) {
    return BOTTOM - (loss - range->low) / (range->high - range->low) * (BOTTOM - TOP);
}

/* ---- drawing ---------------------------------------------------------------------------------*/

static void put_head(struct chart *chart, const char *title) {
    svg_put(&chart->out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" width=\"%g\" "
            "height=\"%g\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    text_out_string(&chart->out,
                    "<style>\n"
                    ".back { fill: #fff; }\n"
                    "text { fill: #222; }\n"
                    ".grid { stroke: #ddd; stroke-width: 1; }\n"
                    ".curve { fill: none; stroke-width: 1.5; stroke-linejoin: round; }\n"
                    ".noise { stroke-width: 1; stroke-opacity: 0.35; }\n"
                    ".train { stroke: #2563b0; }\n"
                    ".valid { stroke: #c2410c; }\n"
                    ".dot { fill: #c2410c; }\n"
                    "@media (prefers-color-scheme: dark) {\n"
                    "  .back { fill: #16181d; }\n"
                    "  text { fill: #ddd; }\n"
                    "  .grid { stroke: #3a3d45; }\n"
                    "  .train { stroke: #7db2f0; }\n"
                    "  .valid { stroke: #f59a5b; }\n"
                    "  .dot { fill: #f59a5b; }\n"
                    "}\n"
                    "</style>\n");
    svg_put(&chart->out, "<rect width=\"%g\" height=\"%g\" class=\"back\"/>\n", WIDTH, HEIGHT);
    svg_put(&chart->out, "<text x=\"%g\" y=\"28\" font-size=\"16\">Loss%s", LEFT,
            title != NULL ? " of " : ": no checkpoint yet");
    svg_put_escaped(&chart->out, title != NULL ? title : "");
    svg_put(&chart->out, "</text>\n");
}

static void put_axes(struct chart *chart) {
    const struct range *range = &chart->range;
    int n = (int)floor((range->high - range->low) / range->tick + 0.5);
    for (int i = 0; i <= n; i++) {
        double loss = range->low + i * range->tick;
        double y = y_of(range, loss);
        svg_put(&chart->out, "<line class=\"grid\" x1=\"%g\" y1=\"%.1f\" x2=\"%g\" y2=\"%.1f\"/>\n",
                LEFT, y, RIGHT, y);
        svg_put(&chart->out, "<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n",
                LEFT - 8, y + 4, loss);
    }
    double tick = fmax(1, svg_tick(range->last - range->first, 7));
    double first = ceil(range->first / tick) * tick;
    n = (int)floor((range->last - first) / tick);
    for (int i = 0; i <= n; i++) {
        double step = first + i * tick;
        double x = x_of(range, step);
        svg_put(&chart->out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\"/>\n",
                x, TOP, x, BOTTOM);
        svg_put(&chart->out, "<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%.0f</text>\n", x,
                BOTTOM + 20, step);
    }
    svg_put(&chart->out, "<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">steps</text>\n",
            (LEFT + RIGHT) / 2, BOTTOM + 45);
    svg_put(
        &chart->out,
        "<text transform=\"translate(20 %g) rotate(-90)\" text-anchor=\"middle\">loss (nats per "
        "token)</text>\n",
        (TOP + BOTTOM) / 2);
}

/* A point of a curve, as shown_point() and smooth_point() find it. */
typedef struct train_point point_of(const struct train_curve *curve, size_t n, size_t i);

static void put_line(struct chart *chart, const struct train_curve *curve, const char *class,
                     point_of *find) {
    size_t n = n_shown(curve);
    svg_put(&chart->out, "<polyline class=\"curve %s\" points=\"", class);
    const char *space = "";
    for (size_t i = 0; i < n; i++) {
        struct train_point point = find(curve, n, i);
        if (isfinite(point.loss)) {
            svg_put(&chart->out, "%s%.1f,%.1f", space, x_of(&chart->range, (double)point.step),
                    y_of(&chart->range, point.loss));
            space = " ";
        }
    }
    svg_put(&chart->out, "\"/>\n");
}

static void put_curve(struct chart *chart, const struct train_curve *curve, const char *class) {
    size_t n = n_shown(curve);
    if (n >= SMOOTH_FROM) {
        char noise[40];
        snprintf(noise, sizeof noise, "noise %s", class);
        put_line(chart, curve, noise, shown_point);
        put_line(chart, curve, class, smooth_point);
    } else if (n > 0) {
        put_line(chart, curve, class, shown_point);
    }
}

static void put_dots(struct chart *chart, const struct train_curve *curve) {
    size_t n = n_shown(curve);
    for (size_t i = 0; i < n && n <= 60; i++) {
        struct train_point point = shown_point(curve, n, i);
        if (!isfinite(point.loss)) {
            continue;
        }
        svg_put(&chart->out, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n",
                x_of(&chart->range, (double)point.step), y_of(&chart->range, point.loss));
    }
}

/* A line of the legend, between title and field; `x` is where it begins. */
static void put_legend(struct chart *chart, const struct train_curve *curve, const char *class,
                       const char *name, double x) {
    if (curve->n == 0) {
        return;
    }
    const struct train_point *last = &curve->points[curve->n - 1];
    svg_put(&chart->out, "<line class=\"curve %s\" x1=\"%g\" y1=\"46\" x2=\"%g\" y2=\"46\"/>\n",
            class, x, x + 30);
    svg_put(&chart->out, "<text x=\"%g\" y=\"50\">%s, at step %" PRIu64 ": %.4f</text>\n", x + 38,
            name, last->step, last->loss);
}

bool train_chart_check(const char *path) {
    struct stat status;
    bool there = stat(path, &status) == 0;
    if (!there || (S_ISREG(status.st_mode) && status.st_size == 0)) {
        const struct train_metrics nothing = {0};
        return train_chart_write(path, &nothing, NULL);
    }
    return text_out_check(path);
}

bool train_chart_write(const char *path, const struct train_metrics *metrics, const char *title) {
    struct chart chart = {.range = find_range(metrics)};
    const char *slash = title != NULL ? strrchr(title, '/') : NULL;
    if (!text_out_open(&chart.out, path)) {
        return false;
    }
    put_head(&chart, slash != NULL ? slash + 1 : title);
    put_axes(&chart);
    put_curve(&chart, &metrics->loss, "train");
    put_curve(&chart, &metrics->valid, "valid");
    put_dots(&chart, &metrics->valid);
    put_legend(&chart, &metrics->loss, "train", "training", LEFT);
    put_legend(&chart, &metrics->valid, "valid", "validation", LEFT + 280);
    svg_put(&chart.out, "</svg>\n");
    return text_out_close(&chart.out);
}

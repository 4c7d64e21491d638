/**
 * compare_chart.c - the picture of `gen compare --svg`: a point for each model, its quality over
 * the size of its file or over its speed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/svg_out.h"
#include "cmd/eval/compare_report.h"

/* The drawing, and in it the field of the points. */
#define WIDTH  800.0
#define HEIGHT 460.0
#define LEFT   80.0
#define RIGHT  700.0
#define TOP    50.0
#define BOTTOM 400.0

/* Size of the letters of names, about. */
#define CHARACTER 7.0
#define LINE      15.0

struct axis {
    double low, high, tick;
    const char *name;
};

/* A name next to its point: from where to where, and the height of its line. */
struct label {
    double left, right, y;
};

struct chart {
    const struct compare_job *job;
    bool over_speed;
    struct text_out *out;
    struct axis x, y;
    struct label *labels; /* [n_labels] those that are drawn */
    size_t n_labels;
};

static double x_value(const struct chart *chart, const struct compared *model) {
    return chart->over_speed ? model->decode_speed
                             : (double)gen_model_file_size(model->load.model) / 1e6;
}

static double y_value(const struct chart *chart, const struct compared *model) {
    return chart->job->task != NULL ? model->choices.acc : model->bits_per_byte;
}

/* There may be no bits per byte, as of a model without a tokenizer. */
static bool is_shown(const struct chart *chart, const struct compared *model) {
    return isfinite(x_value(chart, model)) && isfinite(y_value(chart, model));
}

/* An axis that has all values, with some room around them. */
static struct axis make_axis(const char *name, double low, double high) {
    struct axis axis = {.name = name};
    double room = high > low ? (high - low) * 0.1 : fmax(fabs(low) * 0.1, 0.1);
    axis.tick = svg_tick(high - low + 2 * room, 6);
    axis.low = floor((low - room) / axis.tick) * axis.tick;
    axis.high = ceil((high + room) / axis.tick) * axis.tick;
    return axis;
}

static void find_axes(struct chart *chart) {
    double low[2] = {INFINITY, INFINITY};
    double high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < chart->job->n; i++) {
        const struct compared *model = &chart->job->models[i];
        const double values[2] = {x_value(chart, model), y_value(chart, model)};
        for (size_t k = 0; k < 2 && is_shown(chart, model); k++) {
            low[k] = fmin(low[k], values[k]);
            high[k] = fmax(high[k], values[k]);
        }
    }
    for (size_t k = 0; k < 2 && !(low[k] <= high[k]); k++) {
        low[k] = 0;
        high[k] = 1;
    }
    chart->x = make_axis(chart->over_speed ? "tokens per second, decoding" : "size of the file, MB",
                         low[0], high[0]);
    chart->y = make_axis(chart->job->task != NULL ? "acc (more is better)"
                                                  : "bits per byte (less is better)",
                         low[1], high[1]);
}

static double x_of(const struct chart *chart, double value) {
    return LEFT + (value - chart->x.low) / (chart->x.high - chart->x.low) * (RIGHT - LEFT);
}

static double y_of(const struct chart *chart, double value) {
    return BOTTOM - (value - chart->y.low) / (chart->y.high - chart->y.low) * (BOTTOM - TOP);
}

static void put_head(struct chart *chart) {
    svg_put(chart->out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" width=\"%g\" "
            "height=\"%g\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    text_out_string(chart->out, "<style>\n"
                                ".back { fill: #fff; }\n"
                                "text { fill: #222; }\n"
                                ".grid { stroke: #ddd; stroke-width: 1; }\n"
                                ".dot { fill: #2563b0; }\n"
                                "@media (prefers-color-scheme: dark) {\n"
                                "  .back { fill: #16181d; }\n"
                                "  text { fill: #ddd; }\n"
                                "  .grid { stroke: #3a3d45; }\n"
                                "  .dot { fill: #7db2f0; }\n"
                                "}\n"
                                "</style>\n");
    svg_put(chart->out, "<rect width=\"%g\" height=\"%g\" class=\"back\"/>\n", WIDTH, HEIGHT);
    svg_put(chart->out, "<text x=\"%g\" y=\"28\" font-size=\"16\">", LEFT);
    svg_put_escaped(chart->out, chart->job->text != NULL   ? chart->job->text
                                : chart->job->task != NULL ? chart->job->task
                                                           : chart->job->base_file);
    svg_put(chart->out, "</text>\n");
}

static void put_axes(struct chart *chart) {
    struct text_out *out = chart->out;
    int n = (int)((chart->y.high - chart->y.low) / chart->y.tick + 0.5);
    for (int i = 0; i <= n; i++) {
        double value = chart->y.low + i * chart->y.tick;
        double y = y_of(chart, value);
        svg_put(out, "<line class=\"grid\" x1=\"%g\" y1=\"%.1f\" x2=\"%g\" y2=\"%.1f\"/>\n", LEFT,
                y, RIGHT, y);
        svg_put(out, "<text x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%.6g</text>\n", LEFT - 8, y + 4,
                value);
    }
    n = (int)((chart->x.high - chart->x.low) / chart->x.tick + 0.5);
    for (int i = 0; i <= n; i++) {
        double value = chart->x.low + i * chart->x.tick;
        double x = x_of(chart, value);
        svg_put(out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%g\" x2=\"%.1f\" y2=\"%g\"/>\n", x, TOP,
                x, BOTTOM);
        svg_put(out, "<text x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%.6g</text>\n", x,
                BOTTOM + 20, value);
    }
    svg_put(out, "<text x=\"%g\" y=\"%g\" text-anchor=\"middle\">%s</text>\n", (LEFT + RIGHT) / 2,
            BOTTOM + 45, chart->x.name);
    svg_put(out,
            "<text transform=\"translate(20 %g) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
            (TOP + BOTTOM) / 2, chart->y.name);
}

static bool is_covered(const struct chart *chart, const struct label *label) {
    bool is = false;
    for (size_t i = 0; i < chart->n_labels; i++) {
        const struct label *other = &chart->labels[i];
        is = is || (label->left < other->right && other->left < label->right &&
                    fabs(label->y - other->y) < LINE);
    }
    return is;
}

/* Where a name goes: towards the middle of the drawing, which has room for it, and below names that
 * are in its place. */
static struct label place(struct chart *chart, const char *name, double x, double y) {
    double length = CHARACTER * (double)strlen(name);
    bool on_left = x > WIDTH / 2;
    struct label label = {.left = on_left ? x - 9 - length : x + 9, .y = y - 7};
    label.right = label.left + length;
    while (is_covered(chart, &label)) {
        label.y += LINE;
    }
    chart->labels[chart->n_labels++] = label;
    return label;
}

static void put_point(struct chart *chart, const struct compared *model) {
    double x = x_of(chart, x_value(chart, model));
    double y = y_of(chart, y_value(chart, model));
    struct label label = place(chart, compare_label(model), x, y);
    bool on_left = label.left < x;
    svg_put(chart->out, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>\n", x, y);
    svg_put(chart->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">",
            on_left ? label.right : label.left, label.y, on_left ? "end" : "start");
    svg_put_escaped(chart->out, compare_label(model));
    svg_put(chart->out, "</text>\n");
}

void compare_chart_write(struct text_out *out, const struct compare_job *job, bool over_speed) {
    struct chart chart = {.job = job, .over_speed = over_speed, .out = out};
    chart.labels = alloc_new(job->n, sizeof *chart.labels);
    find_axes(&chart);
    put_head(&chart);
    put_axes(&chart);
    for (size_t i = 0; i < job->n; i++) {
        if (is_shown(&chart, &job->models[i])) {
            put_point(&chart, &job->models[i]);
        }
    }
    svg_put(out, "</svg>\n");
    free(chart.labels);
}

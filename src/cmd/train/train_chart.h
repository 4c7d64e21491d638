/**
 * train_chart.h - the loss curve of a run as an SVG drawing.
 */
#ifndef CMD_TRAIN_TRAIN_CHART_H
#define CMD_TRAIN_TRAIN_CHART_H

#include <stdbool.h>

#include "cmd/train/train_metrics.h"

/**
 * Draw the loss of the training steps and of the validations over the steps; where there are many,
 * pale and with a smoothed curve over it. `title` names the model; NULL: there is nothing to show
 * yet. Colours follow the viewer's choice of light or dark. False after a message.
 */
bool train_chart_write(const char *path, const struct train_metrics *metrics, const char *title);

/**
 * Whether the file can be written, to be known before hours of training; what it holds stays. A new
 * or empty one becomes a drawing without curves, for viewers that look at once. False after a
 * message.
 */
bool train_chart_check(const char *path);

#endif

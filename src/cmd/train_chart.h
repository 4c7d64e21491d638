/**
 * train_chart.h - the loss curve of a run as an SVG drawing.
 */
#ifndef CMD_TRAIN_CHART_H
#define CMD_TRAIN_CHART_H

#include <stdbool.h>

#include "cmd/train_metrics.h"

/**
 * Draw the loss of the training steps, smoothed where there are many, and of the validations over
 * the steps. Colours follow the viewer's choice of light or dark. False after a message.
 */
bool train_chart_write(const char *path, const struct train_metrics *metrics, const char *title);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Mean, standard deviation and confidence interval of repeated runs. */
#ifndef JB_CMD_REPEAT_H
#define JB_CMD_REPEAT_H

#include <stddef.h>

/* Welford's running sums: no run is kept, none loses digits. */
struct jb_series {
    size_t count;
    double mean, squares; /* sum of squared distances from the mean */
    double highest;
};

void jb_series_add(struct jb_series *series, double value);

/* Sample standard deviation (n - 1); 0 for fewer than two values. */
double jb_series_deviation(const struct jb_series *series);

/* Half width of the 95 % confidence interval of the mean by Student's t; 0 for
 * fewer than two values. */
double jb_series_ci95(const struct jb_series *series);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "repeat.h"

#include <math.h>

/* Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom. */
static const double repeat_t95[] = {
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
};

/* Beyond the table: the first correction terms of the expansion around the
 * normal quantile z, t = z + (z^3 + z) / (4 n); 0.001 off at n = 31. */
static double repeat_quantile(size_t freedom)
{
    static const double z = 1.959964;

    if (freedom <= sizeof(repeat_t95) / sizeof(repeat_t95[0]))
        return repeat_t95[freedom - 1];
    return z + (z * z * z + z) / (4.0 * (double)freedom);
}

void jb_series_add(struct jb_series *series, double value)
{
    double off = value - series->mean;

    series->count++;
    series->mean += off / (double)series->count;
    series->squares += off * (value - series->mean);
    if (series->count == 1 || value > series->highest)
        series->highest = value;
}

double jb_series_deviation(const struct jb_series *series)
{
    if (series->count < 2)
        return 0.0;
    return sqrt(series->squares / (double)(series->count - 1));
}

double jb_series_ci95(const struct jb_series *series)
{
    if (series->count < 2)
        return 0.0;
    return repeat_quantile(series->count - 1) * jb_series_deviation(series) /
           sqrt((double)series->count);
}

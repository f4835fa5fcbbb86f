#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cross-validate the estimate model, then write it as C.

    train.py DATA.csv             print the figures
    train.py DATA.csv --write     also write model_table.[ch] and test vectors

See README.md. Nothing here is random but the seeded shuffles.
"""

import argparse
import os
import re
import sys

import numpy as np

import emit
import kernel
import spec

SHUFFLES = range(100, 110)
CUTOFFS = (2009, 2010, 2011, 2012, 2014, 2016, 2018, 2019, 2020)
HORIZON = 6  # years after the cut-off that a back test looks at


def largest_first(groups, k=5):
    """Folds without a seed: groups by size, each to the emptiest fold."""
    names, sizes = np.unique(groups, return_counts=True)
    load, fold = np.zeros(k), {}
    for i in np.lexsort((names, -sizes)):
        j = int(np.argmin(load))
        load[j] += sizes[i]
        fold[names[i]] = j
    return np.array([fold[g] for g in groups])


def shuffled(groups, seed, k=5):
    names = np.random.RandomState(seed).permutation(np.unique(groups))
    fold = dict(zip(names, np.arange(len(names)) % k))
    return np.array([fold[g] for g in groups])


def known(d, name):
    """Servers for which every feature of this model is known."""
    return ~np.isnan(spec.features(d, name)).any(axis=1)


def cross(d, name, folds, groups=None):
    """Out-of-fold (low, expected, high) in log watts; NaN where the model
    does not apply. Lengths, weights and quantiles come from inside."""
    x, ok = spec.features(d, name), known(d, name)
    logs = np.log(d["watts"])
    out = np.full((3,) + logs.shape, np.nan)
    groups = d["group"] if groups is None else groups
    for f in np.unique(folds):
        tr, te = ok & (folds != f), ok & (folds == f)
        if te.any():
            m = kernel.train(x[tr], logs[tr], groups[tr])
            out[:, te] = kernel.predict(m, x[te])
    return out


def errors(d, p):
    return 100 * np.abs(np.exp(p[1]) / d["watts"] - 1)


def inside(d, p):
    logs = np.log(d["watts"])
    return 100.0 * ((logs >= p[0]) & (logs <= p[2]))


def bootstrap(values, groups, n=4000):
    """95 % interval of the mean, resampling HW_Models, not rows."""
    names, inv = np.unique(groups, return_inverse=True)
    s = np.bincount(inv, values.sum(axis=1))
    c = np.bincount(inv) * values.shape[1]
    pick = np.random.RandomState(7).randint(len(names), size=(n, len(names)))
    return np.percentile(s[pick].sum(1) / c[pick].sum(1), [2.5, 97.5])


def line(title, d, p, use):
    e, c, g = errors(d, p)[use], inside(d, p)[use], d["group"][use]
    half = np.median(np.exp((p[2] - p[0])[use] / 2) - 1) * 100
    print("  %-34s %5d  %5.2f (%.2f..%.2f)  %5.1f (%.1f..%.1f)  +-%.0f %%"
          % ((title, e.size, e.mean()) + tuple(bootstrap(e, g))
             + (c.mean(),) + tuple(bootstrap(c, g)) + (half,)))


def heading(text):
    print("\n%s" % text)
    print("  %-34s %5s  %-21s  %-19s  %s"
          % ("", "rows", "MAPE % (95 % CI)", "coverage % (95 % CI)",
             "half width"))


def unseen_servers(d):
    folds = largest_first(d["group"])
    heading("Unseen servers: 5 folds grouped by HW_Model (the bars)")
    out = {name: cross(d, name, folds) for name in spec.MODELS}
    for name, p in out.items():
        line(name + ", 530 servers with TDP+L3", d, p, d["bar"])
    for name, p in out.items():
        line(name + ", every server", d, p, known(d, name))
    p = out["full"]
    c, e = inside(d, p)[d["bar"]], errors(d, p)[d["bar"]]
    print("  full by load, 0..100 %%: MAPE %s"
          % " ".join("%.1f" % v for v in e.mean(axis=0)))
    print("  %22s: coverage %s"
          % ("", " ".join("%.0f" % v for v in c.mean(axis=0))))
    for lo, hi in ((2004, 2009), (2010, 2012), (2013, 2017), (2018, 2022)):
        line("full, servers of %d..%d" % (lo, hi), d, p,
             d["bar"] & (d["year"] >= lo) & (d["year"] <= hi))
    return out


def shuffles(d):
    print("\nThe same with %d shuffled groupings (530 servers):"
          " MAPE and coverage, mean [min..max]" % len(SHUFFLES))
    for name in spec.MODELS:
        e, c = [], []
        for seed in SHUFFLES:
            p = cross(d, name, shuffled(d["group"], seed))
            e.append(errors(d, p)[d["bar"]].mean())
            c.append(inside(d, p)[d["bar"]].mean())
        print("  %-8s %5.2f [%.2f..%.2f]   %4.1f [%.1f..%.1f]"
              % (name, np.mean(e), min(e), max(e), np.mean(c), min(c),
                 max(c)))


def as_available(d, out):
    """What a running machine would get, not what the results page says."""
    folds = largest_first(d["group"])
    heading("As available at run time (same folds)")
    listed = np.zeros(len(folds), bool)
    for f in np.unique(folds):
        te = folds == f
        listed[te] = np.isin(d["key"][te], d["key"][~te])
    powercap = (d["amd"] == 0) & (d["arch_year"] >= 2011)
    has = known(d, "full")
    for title, tdp in (("TDP: fold's CPU table, powercap",
                        listed | powercap), ("TDP: fold's CPU table only",
                                             listed)):
        p = np.where((tdp & has)[:, None], out["full"], out["reduced"])
        line(title, d, p, d["bar"])
        line(title + ", all", d, p, known(d, "reduced"))
    small = dict(d, mem=np.floor(d["mem"] * 0.97))
    p = crossed_shift(d, small, folds)
    line("full, MemTotal 3 % below installed", d, p, d["bar"])


def crossed_shift(d, shown, folds):
    """Train on the results' features, predict on the ones shown."""
    x, ok, logs = spec.features(d, "full"), known(d, "full"), np.log(
        d["watts"])
    y = spec.features(shown, "full")
    out = np.full((3,) + logs.shape, np.nan)
    for f in np.unique(folds):
        tr, te = ok & (folds != f), ok & (folds == f)
        m = kernel.train(x[tr], logs[tr], d["group"][tr])
        out[:, te] = kernel.predict(m, y[te])
    return out


def family(name):
    """HW_Model without what is in brackets, case and punctuation."""
    name = re.split(r"[(,\[]", name.lower())[0]
    return re.sub(r"[^a-z0-9]", "", name)


def unseen_families(d):
    heading("Stricter: folds by HW_Model without brackets, case, punctuation")
    groups = np.array([family(g) for g in d["group"]])
    for name in spec.MODELS:
        p = cross(d, name, largest_first(groups), groups)
        line(name, d, p, d["bar"])


def unseen_cpus(d):
    heading("Unseen CPU model, and unseen architecture (no widening)")
    for name in spec.MODELS:
        p = cross(d, name, largest_first(d["key"]))
        line(name + ", folds by CPU model", d, p, d["bar"])
    names, arch = np.unique(d["arch"], return_inverse=True)
    for name in spec.MODELS:
        p = cross(d, name, arch)
        line(name + ", one architecture out", d, p, known(d, name))


def back_test(d, name, cutoff, last, clamp=True):
    """Train up to a year, predict younger architectures until `last`.
    Returns log watts, (low, expected, high), years beyond, and who."""
    x, ok, logs = spec.features(d, name), known(d, name), np.log(d["watts"])
    tr = ok & (d["year"] <= cutoff)
    top = d["arch_year"][tr].max()
    te = (ok & (d["year"] > cutoff) & (d["year"] <= last)
          & (d["arch_year"] > top))
    if clamp and "arch_year" in spec.MODELS[name]:
        j = spec.MODELS[name].index("arch_year")
        x[:, j] = np.minimum(x[:, j], top)
    m = kernel.train(x[tr], logs[tr], d["group"][tr])
    return te, np.array(kernel.predict(m, x[te])), d["arch_year"][te] - top


def needed(d, te, p):
    """Factor by which each interval had to be wider to hold."""
    r = np.log(d["watts"][te]) - p[1]
    return np.maximum(r / (p[2] - p[1]), r / (p[0] - p[1]))


def widening(d, name, last):
    """Per year beyond the youngest architecture, so that back tests that
    end at `last` hold at the nominal rate; each cut-off weighs the same."""
    need, years, weight = [], [], []
    for cutoff in [c for c in CUTOFFS if c < last - 1]:
        te, p, y = back_test(d, name, cutoff, min(last, cutoff + HORIZON))
        if te.sum() < 5:
            continue
        n = needed(d, te, p)
        need.append(n.ravel())
        years.append(np.repeat(y, n.shape[1]))
        weight.append(np.full(n.size, 1.0 / n.size))
    need, years = np.concatenate(need), np.concatenate(years)
    weight = np.concatenate(weight)
    per_year = np.maximum(need - 1, 0) / years
    by = np.argsort(per_year)
    cum = np.cumsum(weight[by]) / weight.sum()
    return float(per_year[by][np.searchsorted(cum, kernel.RATE)])


def widen(p, factor):
    return np.array([p[1] + (p[0] - p[1]) * factor, p[1],
                     p[1] + (p[2] - p[1]) * factor])


def extrapolation(d):
    heading("Train <= 2016, test after (younger architectures); widening"
            " learnt <= 2016")
    for name in ("full", "reduced"):
        te, free, _ = back_test(d, name, 2016, 9999, clamp=False)
        te, p, years = back_test(d, name, 2016, 9999)
        g = widening(d, name, 2016)
        sub = {k: v[te] for k, v in d.items()}
        every = np.ones(te.sum(), bool)
        line(name + ", year not clamped", sub, free, every)
        line(name + ", year clamped", sub, p, every)
        wide = widen(p, (1 + g * years)[:, None])
        line(name + ", and widened %.2f/year" % g, sub, wide, every)
    te, p, _ = back_test(d, "minimal", 2016, 9999)
    sub = {k: v[te] for k, v in d.items()}
    every = np.ones(te.sum(), bool)
    line("minimal", sub, p, every)
    w = unknown_factor({k: v[d["year"] <= 2016] for k, v in d.items()}, 2016)
    line("minimal, widened x %.2f" % w, sub, widen(p, w), every)


def unknown_factor(d, last):
    """For an architecture that is not known at all: what one architecture
    left out needs, or a back test needs, whichever is more."""
    _, arch = np.unique(d["arch"], return_inverse=True)
    p = cross(d, "minimal", arch)
    one_out = needed(d, np.ones(len(arch), bool), p)
    worst = float(np.quantile(one_out, kernel.RATE))
    later = []
    for cutoff in [c for c in CUTOFFS if c < last - 1]:
        te, p, _ = back_test(d, "minimal", cutoff,
                             min(last, cutoff + HORIZON))
        if te.sum() >= 5:
            later.append(np.quantile(needed(d, te, p), kernel.RATE))
    return max(1.0, worst, float(np.median(later)))


def between_loads(d):
    w = d["watts"]
    straight = (w[:, 0:-2] + w[:, 2:]) / 2
    e = 100 * np.abs(straight / w[:, 1:-1] - 1)
    print("\nStraight line over 20 points of load instead of measuring the"
          " middle: %.2f %% (mean), so\ninterpolating over 10 points adds"
          " about a quarter of that" % e.mean())


def final(d, name):
    x, ok = spec.features(d, name), known(d, name)
    m = kernel.train(x[ok], np.log(d["watts"][ok]), d["group"][ok])
    m["widen_year"] = 0
    m["widen_unknown"] = 1000
    if name == "minimal":
        m["widen_unknown"] = int(np.rint(1000 * unknown_factor(d, 9999)))
    else:
        m["widen_year"] = int(np.rint(1000 * widening(d, name, 9999)))
    return m


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("data")
    ap.add_argument("--write", action="store_true")
    args = ap.parse_args()
    d = spec.load(args.data)
    print("SPECpower_ssj2008 (spec.org): %d servers with 11 loads, %d of them"
          " with TDP and L3 given" % (len(d["key"]), d["bar"].sum()))
    out = unseen_servers(d)
    shuffles(d)
    as_available(d, out)
    unseen_families(d)
    unseen_cpus(d)
    extrapolation(d)
    between_loads(d)
    models = {name: final(d, name) for name in spec.MODELS}
    print("\nExported models")
    for name, m in models.items():
        print("  %-8s %d servers, %d points, %d features; widening %.2f per"
              " year, x %.2f if unknown"
              % (name, m["servers"], len(m["points"]),
                 len(spec.MODELS[name]), m["widen_year"] / 1000,
                 m["widen_unknown"] / 1000))
    if args.write:
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                            "..", "..")
        emit.table(root, d, models)
        emit.vectors(root, d, models)
    return 0


if __name__ == "__main__":
    sys.exit(main())

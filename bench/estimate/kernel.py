# SPDX-License-Identifier: Apache-2.0
"""Gaussian process with a Laplacian kernel, and its fixed-point form.

log P(load k) = mean_k + x.slope_k + sum_j weight_jk exp(-|x - x_j|_1)

where x is the machine's features, each divided by its own length. Servers
with the same features are merged, which is exact: a point seen n times has
1/n of the noise.
"""

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

STEP = 4096  # a coordinate's counts per length
WEIGHT = 10**5  # counts per unit of a weight (nepers)
SLOPE = 10**8  # counts per neper and count of a coordinate
RATE = 0.90  # of the interval


def merge(x, y):
    """Distinct rows of x, how often, mean of y, sum of squares within."""
    u, inv, n = np.unique(x, axis=0, return_inverse=True, return_counts=True)
    inv = inv.ravel()
    s = np.zeros((len(u), y.shape[1]))
    np.add.at(s, inv, y)
    mean = s / n[:, None]
    return u, n, mean, ((y - mean[inv]) ** 2).sum(axis=0)


def learn(a, y, steps=30):
    """Lengths and variances: maximum of the marginal likelihood of the
    curve's mean level, with log-normal priors on the lengths (about 5 standard
    deviations of the feature)."""
    u, n, m, ssw = merge(a, y.mean(axis=1)[:, None])
    m, ssw, extra = m[:, 0], ssw[0], len(a) - len(u)
    dims = u.shape[1]
    gaps = [np.abs(c[:, None] - c[None]) for c in u.T]
    lin = u @ u.T
    eye = np.eye(len(u))

    def loss(th):
        s2, sn, sl, sc = np.exp(th[dims:])
        k = s2 * np.exp(-sum(g / np.exp(t) for g, t in zip(gaps, th)))
        c = cho_factor(k + sl * lin + sc + np.diag(sn / n), lower=True)
        ki = cho_solve(c, eye)
        al = ki @ m
        prior = th[:dims] - np.log(5)
        f = 0.5 * (m @ al + ssw / sn + extra * th[dims + 1] + prior @ prior)
        f += np.log(np.diag(c[0])).sum()
        q = 0.5 * (ki - np.outer(al, al))
        qk = q * k
        grad = [(qk * g).sum() / np.exp(t) for g, t in zip(gaps, th)]
        grad = np.r_[np.array(grad) + prior, qk.sum(),
                     (np.diag(q) / n).sum() * sn + 0.5 * (extra - ssw / sn),
                     (q * lin).sum() * sl, q.sum() * sc]
        return f, grad

    start = np.log(np.r_[np.full(dims, 5.0), 0.1, 0.02, 0.02, 1.0])
    bounds = np.log([(0.2, 300)] * dims
                    + [(1e-4, 10), (1e-3, 1), (1e-6, 1), (1e-2, 100)])
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds,
                    options={"maxiter": steps}).x


def taxicab(a, b):
    return sum(np.abs(p[:, None] - q[None]) for p, q in zip(a.T, b.T))


def counts(x, model):
    """Coordinates in counts, as C computes them (half away from zero)."""
    z = (x - model["origin"]) * model["gain"]
    return np.sign(z) * np.floor(np.abs(z) + 0.5)


def left_out(a, r, groups, dist, var):
    """Residuals and spreads of servers whose whole group is left out.

    Exact for the process: inv(Ki[G,G]) Ki[G] r, no refit needed."""
    s2, sn, sl, sc = var
    k = s2 * np.exp(-dist) + sl * a @ a.T + sc
    ki = np.linalg.inv(k + sn * np.eye(len(a)))
    kr = ki @ r
    res, near = np.zeros_like(r), np.zeros(len(a))
    for g in np.unique(groups):
        i = np.flatnonzero(groups == g)
        o = np.flatnonzero(groups != g)
        res[i] = np.linalg.solve(ki[np.ix_(i, i)], kr[i])
        near[i] = dist[np.ix_(i, o)].min(axis=1)
    return res, spread(near, s2, sn)


def spread(near, s2, sn):
    """Standard deviation of log P knowing the nearest training point only."""
    return np.sqrt(sn + s2 * (1 - np.exp(-2 * near)))


def order(scores, rate):
    """Conformal quantiles of each column: k-th smallest of n, k from n+1."""
    s = np.sort(scores, axis=0)
    n = len(s)
    tail = (1 - rate) / 2
    lo = max(int(np.floor((n + 1) * tail)), 1) - 1
    hi = min(int(np.ceil((n + 1) * (1 - tail))), n) - 1
    return s[lo], s[hi]


def train(x, logs, groups):
    """Fit, quantise, calibrate. x: features, logs: log watts at the loads."""
    mu, sd = x.mean(axis=0), x.std(axis=0) + 1e-9
    a = (x - mu) / sd
    level = logs.mean(axis=0)
    r = logs - level
    th = learn(a, r)
    dims = x.shape[1]
    ls, var = np.exp(th[:dims]), np.exp(th[dims:])
    s2, sn, sl, sc = var
    model = {"origin": mu, "gain": STEP / (sd * ls)}
    z = counts(x, model)
    u, n, mean, _ = merge(z, r)
    b = u / STEP * ls
    k = s2 * np.exp(-taxicab(u, u) / STEP) + sl * b @ b.T + sc
    al = np.linalg.solve(k + np.diag(sn / n), mean)
    model["points"] = u.astype(int)
    model["weights"] = np.rint(s2 * al * WEIGHT).astype(int)
    slope = (sl * b.T @ al) * (ls / STEP)[:, None]
    model["slopes"] = np.rint(slope * SLOPE).astype(int)
    model["level"] = np.rint((level + sc * al.sum(axis=0))
                             * WEIGHT).astype(int)
    model["signal"] = int(np.rint(s2 * 1e6))
    model["noise"] = int(np.rint(sn * 1e6))
    model["lengths"] = ls
    res, sp = left_out(z / STEP * ls, r, groups, taxicab(z, z) / STEP, var)
    lo, hi = order(res / sp[:, None], RATE)
    model["low"] = np.rint(lo * 1000).astype(int)
    model["high"] = np.rint(hi * 1000).astype(int)
    model["servers"] = len(x)
    return model


def predict(model, x, widen=None):
    """Log watts low, expected, high at the 11 loads from the fixed-point
    table; the curves do not fall as the load rises."""
    z = counts(x, model)
    d = taxicab(z, model["points"]) / STEP
    mid = (model["level"] / WEIGHT + z @ model["slopes"] / SLOPE
           + np.exp(-d) @ model["weights"] / WEIGHT)
    sp = spread(d.min(axis=1), model["signal"] / 1e6, model["noise"] / 1e6)
    if widen is not None:
        sp = sp * widen
    rise = lambda t: np.maximum.accumulate(t, axis=1)
    mid = rise(mid)
    low = rise(mid + sp[:, None] * model["low"] / 1000)
    high = rise(mid + sp[:, None] * model["high"] / 1000)
    return low, mid, high

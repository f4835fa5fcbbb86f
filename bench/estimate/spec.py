# SPDX-License-Identifier: Apache-2.0
"""The SPECpower_ssj2008 results as arrays, and what a running machine knows.

Every feature here is one that a C program can read on Linux without help;
what the results hold beyond that (power supplies, DIMMs, BIOS settings, form
factor) is left out on purpose, see README.md.
"""

import csv
import re

import numpy as np

LOADS = ["ActiveIdle"] + ["%d_AvgPower" % p for p in range(10, 101, 10)]
FLOOR_L3_KB = 2000  # below this, and for CPUs without L3: "none"

# name: (year it reached servers, is it AMD, has it an L3, FB-DIMM era)
ARCHS = {
    "netburst": (2004, 0, 0, 0),
    "core": (2006, 0, 0, 1),
    "penryn": (2008, 0, 0, 1),
    "nehalem": (2009, 0, 1, 0),
    "westmere": (2010, 0, 1, 0),
    "sandybridge": (2012, 0, 1, 0),
    "ivybridge": (2013, 0, 1, 0),
    "haswell": (2014, 0, 1, 0),
    "skylake_client": (2015, 0, 1, 0),
    "broadwell": (2016, 0, 1, 0),
    "skylake_server": (2017, 0, 1, 0),
    "coffeelake": (2018, 0, 1, 0),
    "cascadelake": (2019, 0, 1, 0),
    "cooperlake": (2020, 0, 1, 0),
    "icelake_server": (2021, 0, 1, 0),
    "rocketlake": (2021, 0, 1, 0),
    "k8": (2006, 1, 0, 0),
    "k10_65nm": (2007, 1, 1, 0),
    "k10_45nm": (2009, 1, 1, 0),
    "bulldozer": (2011, 1, 1, 0),
    "zen1": (2017, 1, 1, 0),
    "zen2": (2019, 1, 1, 0),
    "zen3": (2021, 1, 1, 0),
    # Younger than the results: for the year, hence for the widening.
    "sapphirerapids": (2023, 0, 1, 0),
    "emeraldrapids": (2024, 0, 1, 0),
    "graniterapids": (2024, 0, 1, 0),
    "sierraforest": (2024, 0, 1, 0),
    "zen4": (2023, 1, 1, 0),
    "zen5": (2024, 1, 1, 0),
}

# CPUID family, first and last model, architecture. First match wins.
# 0x55 covers three generations: the name decides (see model.c), else this.
SIGNATURES = [
    ("intel", 6, 0x0F, 0x0F, "core"),
    ("intel", 6, 0x16, 0x16, "core"),
    ("intel", 6, 0x17, 0x17, "penryn"),
    ("intel", 6, 0x1D, 0x1D, "penryn"),
    ("intel", 6, 0x1A, 0x1A, "nehalem"),
    ("intel", 6, 0x1E, 0x1F, "nehalem"),
    ("intel", 6, 0x2E, 0x2E, "nehalem"),
    ("intel", 6, 0x25, 0x25, "westmere"),
    ("intel", 6, 0x2C, 0x2C, "westmere"),
    ("intel", 6, 0x2F, 0x2F, "westmere"),
    ("intel", 6, 0x2A, 0x2A, "sandybridge"),
    ("intel", 6, 0x2D, 0x2D, "sandybridge"),
    ("intel", 6, 0x3A, 0x3A, "ivybridge"),
    ("intel", 6, 0x3E, 0x3E, "ivybridge"),
    ("intel", 6, 0x3C, 0x3C, "haswell"),
    ("intel", 6, 0x3F, 0x3F, "haswell"),
    ("intel", 6, 0x47, 0x47, "broadwell"),
    ("intel", 6, 0x4F, 0x4F, "broadwell"),
    ("intel", 6, 0x56, 0x56, "broadwell"),
    ("intel", 6, 0x55, 0x55, "skylake_server"),
    ("intel", 6, 0x5E, 0x5E, "skylake_client"),
    ("intel", 6, 0x9E, 0x9E, "coffeelake"),
    ("intel", 6, 0x6A, 0x6A, "icelake_server"),
    ("intel", 6, 0x6C, 0x6C, "icelake_server"),
    ("intel", 6, 0xA7, 0xA7, "rocketlake"),
    ("intel", 6, 0x8F, 0x8F, "sapphirerapids"),
    ("intel", 6, 0xCF, 0xCF, "emeraldrapids"),
    ("intel", 6, 0xAD, 0xAE, "graniterapids"),
    ("intel", 6, 0xAF, 0xAF, "sierraforest"),
    ("intel", 15, 0x00, 0x06, "netburst"),
    ("amd", 15, 0x00, 0xFF, "k8"),
    ("amd", 16, 0x00, 0x03, "k10_65nm"),
    ("amd", 16, 0x04, 0x0A, "k10_45nm"),
    ("amd", 21, 0x00, 0x02, "bulldozer"),
    ("amd", 23, 0x00, 0x0F, "zen1"),
    ("amd", 23, 0x30, 0x3F, "zen2"),
    ("amd", 25, 0x00, 0x0F, "zen3"),
    ("amd", 25, 0x10, 0x1F, "zen4"),
    ("amd", 25, 0xA0, 0xAF, "zen4"),
    ("amd", 26, 0x00, 0x1F, "zen5"),
]


def arch_of_opteron(number):
    if number == "2216":
        return "k8"
    if number == "2356":
        return "k10_65nm"
    if number[0] in "28" or number[1] == "1":
        return "k10_45nm"
    return "bulldozer"


def arch_of_old_xeon(key):
    letter, series = re.match(r"xeon([a-z]?)(\d\d)\d\d", key).groups()
    if (letter and series == "55") or series in ("34", "75"):
        return "nehalem"
    if letter and series == "56":
        return "westmere"
    penryn = ("xeonl3360", "xeonx3350", "xeonx3360", "xeone3110")
    if series in ("54", "52") or key in penryn:
        return "penryn"
    return "core"


def arch_of(key):
    """Architecture of a CPU of the results, by its name."""
    fixed = {
        "pentiumd930": "netburst",
        "xeon-undefined": "netburst",
        "xeon7020": "netburst",
        "xeon7110m": "netburst",
        "corei3-540": "westmere",
        "corei5-4570": "haswell",
    }
    if key in fixed:
        return fixed[key]
    if key.startswith("epyc"):
        return {"1": "zen1", "2": "zen2", "3": "zen3"}[key[7]]
    if key.startswith("opteron"):
        return arch_of_opteron(key[7:11])
    m = re.match(r"xeone([357])-\d+[a-z]*?(v\d)?$", key)
    if m:
        if m[1] == "7":
            return "westmere"
        return {
            None: "sandybridge",
            "v2": "ivybridge",
            "v3": "haswell",
            "v4": "broadwell",
            "v5": "skylake_client",
            "v6": "coffeelake",
        }[m[2]]
    m = re.match(r"xeone-2(\d)", key)
    if m:
        return "rocketlake" if m[1] == "3" else "coffeelake"
    m = re.match(r"xeon(?:gold|platinum|silver)\d(\d)\d\d(\w*)", key)
    if m:
        if m[1] == "3":
            return "cooperlake" if m[2] in ("h", "hl") else "icelake_server"
        return {"1": "skylake_server", "2": "cascadelake"}[m[1]]
    return arch_of_old_xeon(key)


def number(text):
    return float(text) if text.strip() else np.nan


def load(path):
    """Columns of raw machine facts, one entry per server."""
    with open(path, newline="", encoding="utf-8") as f:
        rows = [r for r in csv.DictReader(f) if all(r[c] for c in LOADS)]
    col = lambda name: np.array([number(r[name]) for r in rows])
    d = {
        "key": np.array([r["CPUName"] for r in rows]),
        "group": np.array([r["HW_Model"] for r in rows]),
        "watts": np.array([[float(r[c]) for c in LOADS] for r in rows]),
        "chips": col("CPUChips"),
        "cores": col("CPUCores"),
        "threads": col("CPUThreads"),
        "mhz": col("HW_CPUFreq"),
        "mem": np.round(col("HW_MemAmountGB") * 1024),
        "l3": col("L3CacheKB"),
        "tdp": col("TDP"),
    }
    d["arch"] = np.array([arch_of(k) for k in d["key"]])
    traits = np.array([ARCHS[a] for a in d["arch"]])
    d["arch_year"], d["amd"], d["has_l3"], d["fbd"] = traits.T.astype(float)
    # Two servers claim a year before their CPU existed (typing errors).
    d["year"] = np.maximum(col("Hardware_Availability_Year"), d["arch_year"])
    # The 530 servers of the published baselines: TDP and L3 both given.
    d["bar"] = ~np.isnan(d["tdp"]) & ~np.isnan(d["l3"])
    d["l3"] = np.where(d["has_l3"] == 1, d["l3"], 0.0)
    return d


FEATURES = {
    "chips": lambda d: np.log2(d["chips"]),
    "cores_per_chip": lambda d: np.log2(d["cores"] / d["chips"]),
    "threads_per_core": lambda d: d["threads"] / d["cores"],
    "base_mhz": lambda d: np.log2(d["mhz"]),
    "tdp": lambda d: np.log2(d["tdp"]),
    "memory": lambda d: np.log2(d["mem"]),
    "arch_year": lambda d: d["arch_year"],
    "amd": lambda d: d["amd"],
    "l3": lambda d: np.log2(np.maximum(d["l3"], FLOOR_L3_KB)),
    "fbdimm": lambda d: d["fbd"] * (d["chips"] > 1),
}

MODELS = {
    "full": list(FEATURES),
    "reduced": [f for f in FEATURES if f != "tdp"],
    "minimal": ["chips", "cores_per_chip", "threads_per_core", "memory",
                "amd"],
}


def features(d, model):
    return np.column_stack([FEATURES[f](d) for f in MODELS[model]])

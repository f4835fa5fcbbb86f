/* SPDX-License-Identifier: Apache-2.0 */
/* Posterior mean of a Gaussian process with a Laplacian and a linear kernel:
 *
 *   log P_k = level_k + sum_f slope_fk z_f + sum_j weight_jk exp(-|z - z_j|_1)
 *
 * with z the machine's features in counts of 1/JB_ESTIMATE_STEP of a length.
 * The interval is the mean plus conformal quantiles of the standard deviation
 * that the nearest server of the data leaves (Rasmussen and Williams, Gaussian
 * Processes for Machine Learning, 2006, chapter 2, one training point). */
#include "model.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define MODEL_KEY_MAX 64
#define MODEL_LOAD_PPM 100000 /* between two loads of a curve */

_Static_assert(MODEL_LOAD_PPM *(JB_ESTIMATE_LOADS - 1) == 1000000,
               "the loads span 0 to 100 %");

/* ---- Names ---- */

static bool model_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char model_lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

static bool model_is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Words of /proc/cpuinfo's name that do not tell one CPU from another. */
static bool model_is_noise(const char *word, size_t len)
{
    static const char *const noise[] = { "intel",     "amd",     "cpu",
                                         "processor", "0",       "dual-core",
                                         "quad-core", "six-core" };
    static const char core[] = "-core"; /* as in 64-Core */

    for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
        if (strlen(noise[i]) == len && memcmp(noise[i], word, len) == 0)
            return true;
    }
    return len >= sizeof(core) && model_is_digit(word[0]) &&
           memcmp(word + len - sizeof(core) + 1, core, sizeof(core) - 1) == 0;
}

static size_t model_append_word(char *key, size_t used, const char *word,
                                size_t len)
{
    if (model_is_noise(word, len))
        return used;
    for (size_t i = 0; i < len && used + 1 < MODEL_KEY_MAX; i++) {
        if (model_is_digit(word[i]) || (word[i] >= 'a' && word[i] <= 'z'))
            key[used++] = word[i];
    }
    return used;
}

/* "Intel(R) Xeon(R) CPU E5-2660 v2 @ 2.20GHz" gives "xeone52660v2". */
static void model_make_key(const char *name, char key[MODEL_KEY_MAX])
{
    char word[MODEL_KEY_MAX];
    size_t used = 0;
    size_t len = 0;

    for (; *name != '\0' && *name != '@'; name++) {
        if (*name == '(') { /* (R), (TM) */
            name += strcspn(name, ")");
            if (*name == '\0')
                break;
            continue;
        }
        if (model_is_space(*name)) {
            used = model_append_word(key, used, word, len);
            len = 0;
            continue;
        }
        if (len < sizeof(word))
            word[len++] = model_lower(*name);
    }
    used = model_append_word(key, used, word, len);
    key[used] = '\0';
}

/* Megahertz of "@ 2.20GHz"; 0 if the name has none. */
static uint32_t model_parse_mhz(const char *name)
{
    const char *p = strchr(name, '@');
    uint32_t mhz = 0;
    uint32_t unit = 1000;
    bool fraction = false;

    if (p == NULL)
        return 0;
    for (p++; model_is_space(*p); p++)
        ;
    for (; model_is_digit(*p) || (*p == '.' && !fraction); p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        if (mhz > 100000 || unit == 0)
            return 0;
        if (fraction) {
            unit /= 10;
            mhz += (uint32_t)(*p - '0') * unit;
        } else {
            mhz = mhz * 10 + (uint32_t)(*p - '0') * 1000;
        }
    }
    return strncmp(p, "GHz", 3) == 0 ? mhz : 0;
}

/* CPUID family 6 model 55h is three generations: the second digit of the
 * number (81xx, 82xx, 83xx) tells them apart. */
static uint8_t model_split_skylake(const char *key)
{
    static const char *const tiers[] = { "xeonbronze", "xeonsilver", "xeongold",
                                         "xeonplatinum" };

    for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++) {
        size_t len = strlen(tiers[i]);

        if (strncmp(key, tiers[i], len) != 0 || !model_is_digit(key[len]))
            continue;
        if (key[len + 1] == '2')
            return JB_ESTIMATE_ARCH_CASCADELAKE;
        if (key[len + 1] == '3')
            return JB_ESTIMATE_ARCH_COOPERLAKE;
    }
    return JB_ESTIMATE_ARCH_SKYLAKE_SERVER;
}

static uint8_t model_find_arch(const char *key, const char *vendor,
                               unsigned family, unsigned model)
{
    bool intel = strcmp(vendor, "GenuineIntel") == 0;
    bool amd = strcmp(vendor, "AuthenticAMD") == 0;

    for (size_t i = 0; i < jb_estimate_signature_count; i++) {
        const struct jb_estimate_signature_row *s = &jb_estimate_signatures[i];

        if (!(s->amd ? amd : intel) || s->family != family ||
            model < s->model_first || model > s->model_last)
            continue;
        if (s->arch == JB_ESTIMATE_ARCH_SKYLAKE_SERVER)
            return model_split_skylake(key);
        return s->arch;
    }
    return JB_ESTIMATE_ARCH_UNKNOWN;
}

static const struct jb_estimate_cpu_row *model_find_cpu(const char *key)
{
    for (size_t i = 0; i < jb_estimate_cpu_count; i++) {
        if (strcmp(jb_estimate_cpus[i].key, key) == 0)
            return &jb_estimate_cpus[i];
    }
    return NULL;
}

static void model_fill(uint32_t *field, uint32_t value)
{
    if (*field == 0)
        *field = value;
}

int jb_estimate_identify(const char *name, const char *vendor, unsigned family,
                         unsigned model, struct jb_estimate_machine *m)
{
    char key[MODEL_KEY_MAX] = "";
    const struct jb_estimate_cpu_row *cpu;

    name = name == NULL ? "" : name;
    vendor = vendor == NULL ? "" : vendor;
    model_make_key(name, key);
    cpu = model_find_cpu(key);
    if (cpu != NULL) {
        m->arch = cpu->arch;
        m->amd = jb_estimate_archs[cpu->arch].amd;
        model_fill(&m->base_mhz, cpu->base_mhz);
        model_fill(&m->l3_kb, cpu->l3_kb);
        model_fill(&m->tdp_mw, (uint32_t)cpu->tdp_w * 1000);
        return 1;
    }
    m->arch = model_find_arch(key, vendor, family, model);
    m->amd = strcmp(vendor, "AuthenticAMD") == 0 ||
             strcmp(vendor, "HygonGenuine") == 0;
    model_fill(&m->base_mhz, model_parse_mhz(name));
    return 0;
}

/* ---- Prediction ---- */

static enum jb_estimate_level model_choose(const struct jb_estimate_machine *m)
{
    if (m->chips == 0 || m->cores < m->chips || m->threads < m->cores ||
        m->memory_mb == 0)
        return JB_ESTIMATE_NONE;
    if (m->arch == JB_ESTIMATE_ARCH_UNKNOWN ||
        m->arch >= JB_ESTIMATE_ARCH_COUNT || m->base_mhz == 0 ||
        (m->l3_kb == 0 && jb_estimate_archs[m->arch].has_l3))
        return JB_ESTIMATE_MINIMAL;
    return m->tdp_mw == 0 ? JB_ESTIMATE_REDUCED : JB_ESTIMATE_FULL;
}

static const struct jb_estimate_model *
model_of_level(enum jb_estimate_level level)
{
    if (level == JB_ESTIMATE_FULL)
        return &jb_estimate_full;
    return level == JB_ESTIMATE_REDUCED ? &jb_estimate_reduced
                                        : &jb_estimate_minimal;
}

static double model_feature(const struct jb_estimate_machine *m,
                            enum jb_estimate_feature feature)
{
    const struct jb_estimate_arch_row *arch =
        &jb_estimate_archs[m->arch < JB_ESTIMATE_ARCH_COUNT ? m->arch : 0];
    uint32_t l3_kb = arch->has_l3 ? m->l3_kb : 0;

    switch (feature) {
    case JB_ESTIMATE_FEATURE_CHIPS:
        return log2(m->chips);
    case JB_ESTIMATE_FEATURE_CORES_PER_CHIP:
        return log2((double)m->cores / m->chips);
    case JB_ESTIMATE_FEATURE_THREADS_PER_CORE:
        return (double)m->threads / m->cores;
    case JB_ESTIMATE_FEATURE_BASE_MHZ:
        return log2(m->base_mhz);
    case JB_ESTIMATE_FEATURE_TDP:
        return log2(m->tdp_mw / 1000.0);
    case JB_ESTIMATE_FEATURE_MEMORY:
        return log2(m->memory_mb);
    case JB_ESTIMATE_FEATURE_ARCH_YEAR: /* the trend is not continued */
        return arch->year < JB_ESTIMATE_YEAR_MAX ? arch->year
                                                 : JB_ESTIMATE_YEAR_MAX;
    case JB_ESTIMATE_FEATURE_AMD:
        return m->amd ? 1 : 0;
    case JB_ESTIMATE_FEATURE_L3:
        return log2(l3_kb > JB_ESTIMATE_L3_FLOOR_KB ? l3_kb
                                                    : JB_ESTIMATE_L3_FLOOR_KB);
    case JB_ESTIMATE_FEATURE_FBDIMM:
        return arch->fbdimm && m->chips > 1 ? 1 : 0;
    }
    return 0;
}

/* Features in counts; returns the flags that they raise. */
static unsigned model_place(const struct jb_estimate_model *t,
                            const struct jb_estimate_machine *m, double *z)
{
    unsigned flags = 0;

    for (size_t f = 0; f < t->features; f++) {
        double x = model_feature(m, (enum jb_estimate_feature)t->feature[f]);

        z[f] = round((x - t->origin[f]) * t->gain[f]);
        if (z[f] < t->first[f] || z[f] > t->last[f])
            flags |= JB_ESTIMATE_OUT_OF_RANGE;
    }
    return flags;
}

/* Mean of log watts at each load; returns the distance to the nearest point
 * of the data, in lengths. */
static double model_mean(const struct jb_estimate_model *t, const double *z,
                         double mean[JB_ESTIMATE_LOADS])
{
    double nearest = HUGE_VAL;

    for (size_t k = 0; k < JB_ESTIMATE_LOADS; k++) {
        mean[k] = (double)t->level[k] / JB_ESTIMATE_WEIGHT;
        for (size_t f = 0; f < t->features; f++)
            mean[k] +=
                z[f] * t->slope[f * JB_ESTIMATE_LOADS + k] / JB_ESTIMATE_SLOPE;
    }
    for (size_t j = 0; j < t->points; j++) {
        const int32_t *weight = &t->weight[j * JB_ESTIMATE_LOADS];
        double distance = 0;
        double near;

        for (size_t f = 0; f < t->features; f++)
            distance += fabs(z[f] - t->point[j * t->features + f]);
        distance /= JB_ESTIMATE_STEP;
        nearest = distance < nearest ? distance : nearest;
        near = exp(-distance) / JB_ESTIMATE_WEIGHT;
        for (size_t k = 0; k < JB_ESTIMATE_LOADS; k++)
            mean[k] += weight[k] * near;
    }
    return nearest;
}

static double model_spread(const struct jb_estimate_model *t, double nearest)
{
    return sqrt(t->noise_ppm / 1e6 +
                t->signal_ppm / 1e6 * (1 - exp(-2 * nearest)));
}

/* How much wider than calibrated, from the back tests of train.py. */
static double model_widen(const struct jb_estimate_model *t,
                          const struct jb_estimate_machine *m, unsigned *flags)
{
    int years;

    if (m->arch == JB_ESTIMATE_ARCH_UNKNOWN ||
        m->arch >= JB_ESTIMATE_ARCH_COUNT) {
        *flags |= JB_ESTIMATE_NEW_ARCH;
        return t->widen_unknown / 1000.0;
    }
    years = jb_estimate_archs[m->arch].year - JB_ESTIMATE_YEAR_MAX;
    if (years <= 0)
        return 1;
    *flags |= JB_ESTIMATE_NEW_ARCH;
    return 1 + years * t->widen_year / 1000.0;
}

/* Microwatts, not below the load before. The bounds of log watts keep the
 * number sane (1 mW to 1 GW) for any input. */
static int64_t model_microwatts(double log_watts, int64_t before)
{
    double clamped = fmin(fmax(log_watts, -7), 20);
    int64_t uw = llround(exp(clamped) * 1e6);

    return uw > before ? uw : before;
}

enum jb_estimate_level jb_estimate_curve(const struct jb_estimate_machine *m,
                                         struct jb_estimate_curve *out)
{
    enum jb_estimate_level level = model_choose(m);
    const struct jb_estimate_model *t;
    double z[JB_ESTIMATE_FEATURES_MAX];
    double mean[JB_ESTIMATE_LOADS];
    double spread;

    if (level == JB_ESTIMATE_NONE)
        return level;
    t = model_of_level(level);
    out->level = level;
    out->flags = model_place(t, m, z);
    spread = model_spread(t, model_mean(t, z, mean));
    spread *= model_widen(t, m, &out->flags);
    for (size_t k = 0; k < JB_ESTIMATE_LOADS; k++) {
        mean[k] = k > 0 ? fmax(mean[k], mean[k - 1]) : mean[k];
        out->expected_uw[k] = model_microwatts(mean[k], 0);
        out->low_uw[k] = model_microwatts(mean[k] + spread * t->low[k] / 1000,
                                          k > 0 ? out->low_uw[k - 1] : 0);
        out->high_uw[k] = model_microwatts(mean[k] + spread * t->high[k] / 1000,
                                           k > 0 ? out->high_uw[k - 1] : 0);
    }
    return level;
}

static int64_t model_between(const int64_t *curve, unsigned ppm)
{
    unsigned k = ppm / MODEL_LOAD_PPM;

    if (k >= JB_ESTIMATE_LOADS - 1)
        return curve[JB_ESTIMATE_LOADS - 1];
    return curve[k] + llround((double)(curve[k + 1] - curve[k]) *
                              (ppm % MODEL_LOAD_PPM) / MODEL_LOAD_PPM);
}

void jb_estimate_at(const struct jb_estimate_curve *curve,
                    unsigned utilisation_ppm, struct jb_estimate *out)
{
    out->low_uw = model_between(curve->low_uw, utilisation_ppm);
    out->expected_uw = model_between(curve->expected_uw, utilisation_ppm);
    out->high_uw = model_between(curve->high_uw, utilisation_ppm);
    out->level = curve->level;
    out->flags = curve->flags;
}

enum jb_estimate_level jb_estimate_power(const struct jb_estimate_machine *m,
                                         unsigned utilisation_ppm,
                                         struct jb_estimate *out)
{
    struct jb_estimate_curve curve;
    enum jb_estimate_level level = jb_estimate_curve(m, &curve);

    if (level != JB_ESTIMATE_NONE)
        jb_estimate_at(&curve, utilisation_ppm, out);
    return level;
}

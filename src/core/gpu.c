/* SPDX-License-Identifier: Apache-2.0 */
#include "gpu.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

enum {
    GPU_DISPLAY = 0x03,     /* PCI Code and ID Assignment, base classes */
    GPU_ACCELERATOR = 0x12, /* such as an MI300 without a display */
    GPU_CLASS_SHIFT = 16,
    GPU_TEXT_MAX = 24,
};

/* Of those with drivers for computing; ASPEED's and Matrox' are for a BMC. */
static const uint64_t gpu_makers[] = { 0x1002, 0x10de, 0x8086 };

static bool gpu_read_hex(const char *sysfs, const char *address,
                         const char *file, uint64_t *out)
{
    char path[JB_PATH_MAX];
    char text[GPU_TEXT_MAX];
    size_t length;

    return jb_path(path, NULL, "%s/bus/pci/devices/%s/%s", sysfs, address,
                   file) == JB_OK &&
           jb_file_read(path, text, sizeof(text), &length, NULL) == JB_OK &&
           jb_text_u64_any(text, length, out);
}

/* Intel's integrated GPU has this place in every client part; its energy is
 * the package's domain "uncore". */
static const char gpu_integrated[] = "0000:00:02.0";

static bool gpu_is_one(const char *sysfs, const char *address)
{
    uint64_t maker;
    uint64_t class;
    bool made = false;

    if (strcmp(address, gpu_integrated) == 0 ||
        !gpu_read_hex(sysfs, address, "vendor", &maker) ||
        !gpu_read_hex(sysfs, address, "class", &class))
        return false;
    for (size_t i = 0; i < sizeof(gpu_makers) / sizeof(gpu_makers[0]); i++)
        made |= maker == gpu_makers[i];
    class >>= GPU_CLASS_SHIFT;
    return made && (class == GPU_DISPLAY || class == GPU_ACCELERATOR);
}

/* Domains may have more digits than four (VMD): longer is higher. */
static bool gpu_is_before(const char *a, const char *b)
{
    size_t left = strcspn(a, ":");
    size_t right = strcspn(b, ":");

    return left == right ? strcmp(a, b) < 0 : left < right;
}

int jb_gpu_number(const char *sysfs, const char *address, uint16_t *out,
                  struct jb_error *err)
{
    char path[JB_PATH_MAX];
    JB_AUTO_CLOSEDIR DIR *dir = NULL;
    struct dirent *entry;
    uint16_t before = 0;
    int rc = jb_path(path, err, "%s/bus/pci/devices", sysfs);

    if (rc < 0)
        return rc;
    if (!gpu_is_one(sysfs, address))
        return jb_fail(err, JB_EABSENT, "%s/%s is no GPU", path, address);
    dir = opendir(path);
    if (!dir)
        return jb_fail_errno(err, errno, "%s", path);
    while ((entry = readdir(dir)))
        if (gpu_is_before(entry->d_name, address) &&
            gpu_is_one(sysfs, entry->d_name) && before < UINT16_MAX)
            before++;
    *out = before;
    return JB_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* UTC as text; the cases are from date -u. */
#include "base/clock.h"

#include "check.h"

static void test_text(void **state)
{
    static const struct {
        int64_t utc_ns;
        const char *want;
    } cases[] = {
        { 0, "1970-01-01T00:00:00.000Z" },
        { INT64_C(1672574400000000000), "2023-01-01T12:00:00.000Z" },
        { INT64_C(1672574400999999999), "2023-01-01T12:00:00.999Z" },
        { INT64_C(1709164799000000000), "2024-02-28T23:59:59.000Z" },
        { INT64_C(1709251199001000000), "2024-02-29T23:59:59.001Z" },
        { -1, "1969-12-31T23:59:59.999Z" },
        { -JB_NS_PER_S, "1969-12-31T23:59:59.000Z" },
        { INT64_MAX, "2262-04-11T23:47:16.854Z" },
        { INT64_MIN, "1677-09-21T00:12:43.145Z" },
    };

    (void)state;
    for (size_t i = 0; i < CHECK_COUNT(cases); i++) {
        char text[JB_UTC_TEXT_MAX];

        CHECK_TEXT(cases[i].want, jb_clock_utc_text(cases[i].utc_ns, text),
                   cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_text) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

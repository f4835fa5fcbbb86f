/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody else's program, as C17 and as C++17: says the library's version and
 * opens a session whose one source is a module. */
#include <joulebook/joulebook.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct jb_session_config config = { sizeof(config), "estimate", NULL, NULL,
                                        NULL,           NULL,       NULL };
    struct jb_session *session = NULL;
    struct jb_error error;
    char version[32];

    snprintf(version, sizeof(version), "%d.%d.%d", JB_VERSION_MAJOR,
             JB_VERSION_MINOR, JB_VERSION_PATCH);
    if (strcmp(version, jb_library_version()) != 0)
        return 1; /* headers and library are not of one version */
    printf("joulebook %s\n", jb_library_version());
    if (jb_session_open(&config, &session, &error) != JB_OK)
        printf("%s\n", error.text);
    jb_session_close(session);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "manual.h"

#include <ctype.h>
#include <string.h>

#include "arguments.h"
#include "registry.h"

/* What each visitor is told of a command; module ones are not loaded for it. */
typedef void manual_visit(FILE *out, const char *name, const char *summary);

static void manual_each(FILE *out, manual_visit *visit)
{
    for (size_t i = 0; jb_commands[i]; i++)
        visit(out, jb_commands[i]->name, jb_commands[i]->summary);
    for (size_t i = 0; jb_module_commands[i].name; i++)
        visit(out, jb_module_commands[i].name, jb_module_commands[i].summary);
}

static void manual_line(FILE *out, const char *name, const char *summary)
{
    fprintf(out, "  %-8s %s\n", name, summary);
}

void jb_manual_overview(FILE *out)
{
    fputs("Usage: joulebook COMMAND [OPTION...]\n"
          "Keeps the books on every joule of this machine.\n\n",
          out);
    manual_each(out, manual_line);
    fputs(
        "\n`joulebook COMMAND --help` explains one, `joulebook --version` "
        "names this release.\n"
        "First steps: `joulebook doctor`, then `joulebook stat -- sleep 1`.\n",
        out);
}

/* Text as roff prints it unchanged. */
static void manual_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '\'' || *text == '`')
            fputs(*text == '`' ? "\\(ga" : "\\(aq", out);
        else
            fputc(*text, out);
    }
}

static void manual_option(FILE *out, const struct jb_option *option)
{
    fputs(".TP\n", out);
    if (option->key)
        fprintf(out, "\\fB\\-%c\\fR, ", option->key);
    fputs("\\fB\\-\\-", out);
    manual_text(out, option->name);
    fputs("\\fR", out);
    if (option->type != JB_OPTION_FLAG && option->argument)
        fprintf(out, "=\\fI%s\\fR", option->argument);
    fputs("\n", out);
    manual_text(out, option->help);
    if (option->fallback) {
        fputs(" (default: ", out);
        manual_text(out, option->fallback);
        fputc(')', out);
    }
    fputc('\n', out);
}

static void manual_options(FILE *out, const struct jb_option *table)
{
    for (const struct jb_option *o = table; o && o->name; o++)
        manual_option(out, o);
}

static void manual_head(FILE *out, const char *name, const char *summary)
{
    fputs(".TH JOULEBOOK", out);
    for (const char *c = name; *c; c++)
        fputc(toupper((unsigned char)*c), out);
    fprintf(out, " 1 \"\" \"joulebook %s\" \"Joulebook\"\n.SH NAME\n",
            jb_version);
    fputs("joulebook", out);
    manual_text(out, name);
    fputs(" \\- ", out);
    manual_text(out, summary);
    fputs("\n.SH SYNOPSIS\n.B joulebook", out);
}

static void manual_tail(FILE *out)
{
    fputs(
        ".SH EXIT STATUS\n"
        "0 done; 1 failed; 2 wrong usage; 3 there is nothing to measure.\n"
        "The command of\n.B joulebook stat\nkeeps its own, 126 and 127 when it "
        "cannot be started, and its signal.\n"
        ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nno colours when set and not empty"
        "\n.TP\n.B JOULEBOOK_MODULES\nlook for modules in this directory first"
        "\n.TP\n.B JOULEBOOK_BROKER\nthe socket of a broker to ask for what "
        "may not be read directly"
        "\n.SH SEE ALSO\n.BR joulebook (1)",
        out);
    for (size_t i = 0; jb_commands[i]; i++)
        fprintf(out, ",\n.BR joulebook\\-%s (1)", jb_commands[i]->name);
    fputc('\n', out);
}

static void manual_page_of(const struct jb_command *command, FILE *out)
{
    char name[64];

    snprintf(name, sizeof(name), "-%s", command->name);
    manual_head(out, name, command->summary);
    fprintf(out, " %s\n[\\fIOPTION\\fR]... ", command->name);
    manual_text(out, command->arguments);
    fputs("\n.SH DESCRIPTION\n", out);
    manual_text(out, command->details ? command->details : command->summary);
    fputc('\n', out);
    if (command->options) {
        fputs(".SH OPTIONS\n", out);
        manual_options(out, command->options);
    }
    fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
    manual_options(out, jb_common_table);
    fputs(".TP\n\\fB\\-?\\fR, \\fB\\-\\-help\\fR\nprint a short help\n", out);
    manual_tail(out);
}

static void manual_row(FILE *out, const char *name, const char *summary)
{
    fprintf(out, ".TP\n.BR joulebook\\-%s (1)\n", name);
    manual_text(out, summary);
    fputc('\n', out);
}

void jb_manual_page(const struct jb_command *command, FILE *out)
{
    if (command) {
        manual_page_of(command, out);
        return;
    }
    manual_head(out, "", "keeps the books on every joule of this machine");
    fputs("\n\\fICOMMAND\\fR [\\fIOPTION\\fR]...\n.SH COMMANDS\n", out);
    manual_each(out, manual_row);
    fputs(".SH OPTIONS OF EVERY COMMAND\n", out);
    manual_options(out, jb_common_table);
    manual_tail(out);
}

static void manual_word(FILE *out, const char *name, const char *summary)
{
    (void)summary;
    fprintf(out, " %s", name);
}

static void manual_words(FILE *out, const struct jb_option *table)
{
    for (const struct jb_option *o = table; o && o->name; o++)
        fprintf(out, " --%s%s", o->name, o->type == JB_OPTION_FLAG ? "" : "=");
}

static void manual_case(FILE *out, const char *name, const char *summary)
{
    const struct jb_command *command;

    (void)summary;
    if (jb_command_find(name, &command, NULL) < 0)
        return;
    fprintf(out, "    %s) words+=\"", name);
    manual_words(out, command->options);
    fputs("\" ;;\n", out);
}

void jb_manual_completion(FILE *out)
{
    fputs("# Made by `joulebook help --completion bash`.\n"
          "_joulebook() {\n"
          "  local word=${COMP_WORDS[COMP_CWORD]} words\n"
          "  if ((COMP_CWORD == 1)); then\n"
          "    COMPREPLY=($(compgen -W \"",
          out);
    manual_each(out, manual_word);
    fputs("\" -- \"$word\"))\n    return\n  fi\n"
          "  [[ $word == -* && \" ${COMP_WORDS[*]:0:COMP_CWORD} \" != "
          "*' -- '* ]] || return\n"
          "  words=\"--help",
          out);
    manual_words(out, jb_common_table);
    fputs("\"\n  case ${COMP_WORDS[1]} in\n", out);
    manual_each(out, manual_case);
    fputs("  esac\n"
          "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "  [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace\n"
          "}\n"
          "complete -o default -F _joulebook joulebook\n",
          out);
}

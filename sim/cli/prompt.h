/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines that a person types, or that come from a file. */
#ifndef SIM_CLI_PROMPT_H
#define SIM_CLI_PROMPT_H

#include <glib.h>
#include <stdbool.h>

/**
 * prompt_words - which words may come after @before, what is typed so far of the line.
 * Return: NULL-terminated; NULL: names of files.
 */
typedef GStrv (*prompt_words)(const char *before);

/** prompt_is_terminal() - are standard input and output both a terminal? */
bool prompt_is_terminal(void);

/**
 * prompt_line() - read a line of standard input.
 * @prompt: what a terminal shows in front of it. There it can be edited and completed, and
 *	earlier ones come back, if the program was built with libedit.
 * Return: the line without its end; NULL when there is none.
 */
char *prompt_line(const char *prompt, prompt_words words);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Scripted handlers: the "handler NAME ... end" block, and the option that loads handlers. */
#ifndef SIM_SCN_HANDLER_H
#define SIM_SCN_HANDLER_H

#include "scn/lex.h"

/** handler_parse_head() - read what is after "handler". False after a failure. */
bool handler_parse_head(struct lex *l, struct handler_script *script);

/** handler_parse_line() - read the line of a block that starts with @word at @at. */
bool handler_parse_line(struct lex *l, const char *at, const char *word,
			struct handler_script *script);

/** handler_parse_use() - read what is after "use", and load it. */
bool handler_parse_use(struct lex *l, struct handler_script *script);

/**
 * handler_give() - load a handler from @path for all scenarios that are read from here on.
 * Return: FALSE with @error set when it cannot be one.
 */
gboolean handler_give(const char *path, GError **error);

/** handler_is_given() - is it one of those? */
bool handler_is_given(const struct handler_script *script);

/** handlers_append_given() - append them to @scripts, of struct handler_script. */
void handlers_append_given(GArray *scripts);

/** handler_print() - append the whole block, or the line; of one that was given nothing. */
void handler_print(GString *out, const struct handler_script *script);

/** handlers_parse() - read "NAME,NAME..." or "none" to a mask for struct release. */
bool handlers_parse(struct lex *l, const char *at, const char *text, guint64 *mask);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading lines: with libedit's keys, history and completion on a terminal, else as they come. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_LIBEDIT
#include <editline/readline.h>
#endif

#include "cli/prompt.h"

bool prompt_is_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static char *plain_line(const char *prompt)
{
	char *line = NULL;
	size_t size = 0;
	gssize len;

	if (prompt_is_terminal()) {
		fputs(prompt, stdout);
		fflush(stdout);
	}
	len = getline(&line, &size, stdin);
	if (len < 0) {
		free(line);
		return NULL;
	}
	if (len > 0 && line[len - 1] == '\n')
		line[len - 1] = '\0';
	return line;
}

#ifdef HAVE_LIBEDIT
/* libedit passes nothing on to what it calls. */
static prompt_words words_of;
static GStrv words_left;

static char *next_word(const char *word, int state)
{
	static guint at;

	if (state == 0)
		at = 0;
	while (words_left[at] != NULL)
		if (g_str_has_prefix(words_left[at++], word))
			return strdup(words_left[at - 1]);
	return NULL;
}

static char **complete(const char *word, int start, int end)
{
	g_autofree char *before = g_strndup(rl_line_buffer, start);
	char **found;

	(void)end;
	words_left = words_of(before);
	if (words_left == NULL)
		return NULL;
	rl_attempted_completion_over = 1;
	/* Behind "--policy=" more is to come. */
	found = rl_completion_matches(word, next_word);
	rl_completion_append_character = found != NULL && found[0] != NULL &&
					 g_str_has_suffix(found[0], "=") ? '\0' : ' ';
	g_clear_pointer(&words_left, g_strfreev);
	return found;
}

char *prompt_line(const char *prompt, prompt_words words)
{
	static bool begun;
	char *line;

	if (!prompt_is_terminal())
		return plain_line(prompt);
	words_of = words;
	if (!begun) {
		rl_readline_name = "luosim";
		rl_attempted_completion_function = complete;
		rl_basic_word_break_characters = " =";
		begun = true;
	}
	line = readline(prompt);
	if (line != NULL && *line != '\0')
		add_history(line);
	return line;
}
#else
char *prompt_line(const char *prompt, prompt_words words)
{
	(void)words;
	return plain_line(prompt);
}
#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Where in the source of a tree an address of its code is: what addr2line(1) says. */
#include <dlfcn.h>
#include <link.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"

extern char **environ;

/* "-i" prints inlined functions first; the file itself is named last. */
static FILE *ask(const char *path, const char *address, pid_t *pid)
{
	char *argv[] = { (char *)"addr2line", (char *)"-i", (char *)"-e", (char *)path,
			 (char *)address, NULL };
	posix_spawn_file_actions_t actions;
	int fds[2], err;

	if (pipe(fds))
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, fds[0]);
	err = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (!err)
		return fdopen(fds[0], "r");
	close(fds[0]);
	return NULL;
}

/* What kernel.mk has the compiler call the tree. */
#define TREE	"/tree/"

/* The first that is no header's, without "(discriminator 2)". */
static void read_place(FILE *from, char *place, size_t size)
{
	char line[sizeof(((struct tree_place *)NULL)->text)];

	while (fgets(line, sizeof(line), from)) {
		const char *name = strncmp(line, TREE, strlen(TREE)) ? line : line + strlen(TREE);

		line[strcspn(line, " \n")] = '\0';
		if (!*place || (!strstr(place, ".c:") && strstr(name, ".c:")))
			snprintf(place, size, "%s", name);
	}
	if (strchr(place, '?'))
		*place = '\0';
}

static void find(const struct luosim_tree *tree, struct tree_place *place)
{
	struct link_map *map;
	char address[24];
	FILE *answer;
	pid_t pid;

	if (dlinfo(tree->handle, RTLD_DI_LINKMAP, &map))
		return;
	/* It is where the call returns to. */
	snprintf(address, sizeof(address), "0x%llx",
		 (unsigned long long)((uintptr_t)place->where - map->l_addr - 1));
	answer = ask(map->l_name, address, &pid);
	if (!answer)
		return;
	read_place(answer, place->text, sizeof(place->text));
	fclose(answer);
	waitpid(pid, NULL, 0);
}

const char *tree_place(struct luosim_tree *tree, const void *where)
{
	u32 nr = ARRAY_SIZE(tree->places);

	for (u32 i = 0; i < nr && tree->places[i].where; i++)
		if (tree->places[i].where == where)
			return tree->places[i].text;
	for (u32 i = nr - 1; i > 0; i--)
		tree->places[i] = tree->places[i - 1];
	tree->places[0] = (struct tree_place){ .where = where };
	find(tree, &tree->places[0]);
	return tree->places[0].text;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading the object of a kernel tree, its variables, and the names of its functions. */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "machine/machine.h"

struct tree_symbol {
	u64 address, size;
	const char *name;
};

u64 tree_variables(const struct luosim_tree *tree)
{
	return (const char *)tree->kernel->data_end - (const char *)tree->kernel->data;
}

static int compare_symbols(const void *a, const void *b)
{
	const struct tree_symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static bool read_at(FILE *file, u64 offset, void *buf, u64 size)
{
	return !fseek(file, offset, SEEK_SET) && fread(buf, 1, size, file) == size;
}

/* "luo_file_finish.cold" and "kho_add.part.0" are of the function that comes before the dot. */
static void cut_names(char *names, u64 size)
{
	for (u64 i = 1; i < size; i++)
		if (names[i] == '.' && names[i - 1])
			names[i] = '\0';
}

static int take_symbols(struct luosim_tree *tree, FILE *file, const Elf64_Shdr *symtab,
			const Elf64_Shdr *strtab, u64 base)
{
	u64 nr = symtab->sh_size / sizeof(Elf64_Sym);
	Elf64_Sym *symbols = malloc(symtab->sh_size + 1);
	bool ok;

	tree->names = calloc(1, strtab->sh_size + 1);
	tree->symbols = calloc(nr + 1, sizeof(*tree->symbols));
	ok = symbols && tree->names && tree->symbols &&
	     read_at(file, symtab->sh_offset, symbols, symtab->sh_size) &&
	     read_at(file, strtab->sh_offset, tree->names, strtab->sh_size);
	if (ok)
		cut_names(tree->names, strtab->sh_size);
	for (u64 i = 0; ok && i < nr; i++) {
		if (ELF64_ST_TYPE(symbols[i].st_info) != STT_FUNC ||
		    symbols[i].st_name >= strtab->sh_size)
			continue;
		tree->symbols[tree->nr_symbols++] = (struct tree_symbol){
			.address = base + symbols[i].st_value, .size = symbols[i].st_size,
			.name = tree->names + symbols[i].st_name };
	}
	free(symbols);
	if (ok)
		qsort(tree->symbols, tree->nr_symbols, sizeof(*tree->symbols), compare_symbols);
	return ok ? 0 : -EINVAL;
}

/* The object's table of symbols, which loading it leaves in the file. */
static int read_symbols(struct luosim_tree *tree, const char *path)
{
	FILE *file = fopen(path, "rb");
	Elf64_Shdr *sections = NULL;
	struct link_map *map;
	Elf64_Ehdr header;
	int err = -EINVAL;

	if (!file)
		return -errno;
	if (dlinfo(tree->handle, RTLD_DI_LINKMAP, &map) || !read_at(file, 0, &header,
								     sizeof(header)))
		goto out;
	sections = calloc(header.e_shnum, sizeof(*sections));
	if (!sections || !read_at(file, header.e_shoff, sections,
				  header.e_shnum * sizeof(*sections)))
		goto out;
	for (u32 i = 0; i < header.e_shnum; i++)
		if (sections[i].sh_type == SHT_SYMTAB && sections[i].sh_link < header.e_shnum)
			err = take_symbols(tree, file, &sections[i],
					   &sections[sections[i].sh_link], map->l_addr);
out:
	free(sections);
	fclose(file);
	return err;
}

const char *tree_function(struct luosim_tree *tree, const void *where)
{
	u64 at = (uintptr_t)where;
	u32 from = 0, to = tree->nr_symbols;
	const struct tree_symbol *symbol;
	bool wrapped;

	while (to - from > 1) {
		u32 mid = from + (to - from) / 2;

		if (tree->symbols[mid].address <= at)
			from = mid;
		else
			to = mid;
	}
	symbol = &tree->symbols[from];
	/* Of a function that the glue stands in front of, the build leaves no size. */
	wrapped = from < to && !strncmp(symbol->name, "real_", 5);
	if (from == to || (!wrapped && at - symbol->address > symbol->size))
		return "?";
	return wrapped ? symbol->name + 5 : symbol->name;
}

bool tree_is_glue(const struct luosim_tree *tree, const void *where)
{
	return where >= tree->kernel->glue && where <= tree->kernel->glue_end;
}

void luosim_tree_unload(struct luosim_tree *tree)
{
	if (!tree)
		return;
	if (tree->handle)
		dlclose(tree->handle);
	free(tree->fresh);
	free(tree->symbols);
	free(tree->names);
	free(tree);
}

static const char *load(struct luosim_tree *tree, const char *path)
{
	const struct engine_kernel *kernel;

	tree->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!tree->handle)
		return "cannot be loaded, expected what luosim build-kernel has made";
	kernel = dlsym(tree->handle, "luosim_kernel");
	if (!kernel)
		return "is no kernel, expected what luosim build-kernel has made";
	if (kernel->abi != ENGINE_ABI)
		return "is of another version of luosim, expected to be built again";
	tree->kernel = kernel;
	if (read_symbols(tree, path))
		return "has no names of functions, expected to be built again";
	tree->fresh = malloc(tree_variables(tree));
	if (!tree->fresh)
		return "takes more memory than there is";
	memcpy(tree->fresh, kernel->data, tree_variables(tree));
	tree->info = (struct luosim_tree_info){
		.version = kernel->version, .commit = kernel->commit, .config = kernel->config,
		.missing = kernel->missing };
	return NULL;
}

struct luosim_tree *luosim_tree_load(const char *path, const char **wrong)
{
	struct luosim_tree *tree = calloc(1, sizeof(*tree));

	*wrong = tree ? load(tree, path) : "takes more memory than there is";
	if (!*wrong)
		return tree;
	luosim_tree_unload(tree);
	return NULL;
}

const struct luosim_tree_info *luosim_tree_info(const struct luosim_tree *tree)
{
	return &tree->info;
}

const int64_t *luosim_tree_counters(const struct luosim_tree *tree, size_t *nr)
{
	*nr = tree->kernel->counters_end - tree->kernel->counters;
	return (const int64_t *)tree->kernel->counters;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* Expressions of scripted handlers: what they say of a file. */
#include "handlers/handlers.h"
#include "machine/machine.h"

static u64 value_of(struct machine *m, enum script_term term, const struct file *file,
		    bool retrieved, u32 call)
{
	switch (term) {
	case TERM_RETRIEVED:
		return retrieved;
	case TERM_CALL:
		return call;
	case TERM_KERNEL:
		return m->kernel_nr;
	default:
		break;
	}
	if (!file)
		return 0;
	switch (term) {
	case TERM_FILE:
		return object_id(m, file);
	case TERM_INODE:
		return object_id(m, file_inode(file));
	case TERM_SIZE:
		return i_size_read(file_inode(file));
	case TERM_STATE:
		return kind_state(file);
	case TERM_SEALS:
		return file_inode(file)->seals;
	default:
		return 0;
	}
}

/* Division by zero is 0: an expression has a value whatever the file is like. */
static u64 apply(enum script_term op, u64 a, u64 b)
{
	switch (op) {
	case TERM_OR:
		return a || b;
	case TERM_AND:
		return a && b;
	case TERM_EQ:
		return a == b;
	case TERM_NE:
		return a != b;
	case TERM_LT:
		return a < b;
	case TERM_LE:
		return a <= b;
	case TERM_GT:
		return a > b;
	case TERM_GE:
		return a >= b;
	case TERM_BITOR:
		return a | b;
	case TERM_BITAND:
		return a & b;
	case TERM_ADD:
		return a + b;
	case TERM_SUB:
		return a - b;
	case TERM_MUL:
		return a * b;
	case TERM_DIV:
		return b ? a / b : 0;
	default:
		return b ? a % b : 0;
	}
}

u64 script_eval(struct machine *m, const struct script_expr *expr, const struct file *file,
		bool retrieved, u32 call)
{
	u64 stack[MAX_SCRIPT_TERMS];
	u32 nr = 0;

	for (u32 i = 0; i < expr->nr; i++) {
		enum script_term term = expr->term[i];

		if (term == TERM_NUMBER) {
			stack[nr++] = expr->number[i];
		} else if (term < TERM_OR) {
			stack[nr++] = value_of(m, term, file, retrieved, call);
		} else {
			nr--;
			stack[nr - 1] = apply(term, stack[nr - 1], stack[nr]);
		}
	}
	return stack[0];
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* What a real kernel answers to a program, and whether the model answers the same. */
#ifndef SIM_VM_ASK_H
#define SIM_VM_ASK_H

#include "replay/agreement.h"
#include "vm/qemu.h"

/**
 * struct answer - what came of it.
 * @console: the serial console; if it is there before, no machine is booted.
 * @line: the recording as it is written.
 */
struct answer {
	char *console, *line;
	struct recording *recording;
	struct agreement *agreement;
};

/**
 * ask() - run @program, and hold the model to it; false with @error set if that failed. With a
 * race there is no agreement, as there are many outcomes, see vm/race.h.
 */
bool ask(const struct vm *vm, const struct program *program, const struct overrides *overrides,
	 struct answer *answer, GError **error);
void answer_clear(struct answer *answer);

/** ask_confirmed() - what comes of the scenario @text, in words: "confirmed" and so on. */
char *ask_confirmed(const struct vm *vm, const char *text);

#endif

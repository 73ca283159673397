/* SPDX-License-Identifier: GPL-2.0-only */
/* luosim replay: recordings of real kernels against the model. */
#ifndef SIM_CLI_CMD_REPLAY_H
#define SIM_CLI_CMD_REPLAY_H

/** replay_main() - the subcommand; returns the exit status. */
int replay_main(int argc, char **argv);

#endif

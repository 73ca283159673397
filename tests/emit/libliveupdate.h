/* SPDX-License-Identifier: GPL-2.0-only */
/* What emitted selftests call of the kernel's tree, declared so that they can be compiled. */
#ifndef TESTS_EMIT_LIBLIVEUPDATE_H
#define TESTS_EMIT_LIBLIVEUPDATE_H

void ksft_print_header(void);
void ksft_set_plan(unsigned int nr);
void ksft_print_msg(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ksft_test_result(int ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ksft_test_result_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
unsigned int ksft_get_fail_cnt(void);
void ksft_exit_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void ksft_exit_fail_msg(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
void ksft_exit_fail(void) __attribute__((noreturn));
void ksft_finished(void) __attribute__((noreturn));

int luo_open_device(void);
int luo_retrieve_session(int dev, const char *name);
int luo_session_finish(int session);
void create_state_file(int dev, const char *session, int token, int stage);
void restore_and_read_stage(int session, int token, int *stage);
void daemonize_and_wait(void);

#endif

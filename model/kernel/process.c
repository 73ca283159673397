/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes: which one makes the calls, how one ends (kernel/exit.c), and how
 * descriptors go from one to another (net/core/scm.c). Each has one socket that
 * the others can write to.
 */
#include "machine/machine.h"

#define INBOX_LOCK	"sk_receive_queue.lock"

/* A file on its way in a message. */
struct scm_fp {
	struct file *file;
	struct list_head list;
};

static void process_init(struct process *p, const char *comm)
{
	strncpy(p->comm, comm, sizeof(p->comm) - 1);
	INIT_LIST_HEAD(&p->inbox);
}

void init_process(struct machine *m)
{
	struct process *init = &m->k->init_process;

	process_init(init, "init");
	INIT_LIST_HEAD(&m->k->processes);
	list_add_tail(&init->list, &m->k->processes);
	m->init_task.files = &init->files;
}

struct process *find_process(struct machine *m, const char *comm)
{
	struct process *p;

	list_for_each_entry(p, &m->k->processes, list)
		if (!strcmp(p->comm, comm))
			return p;
	return NULL;
}

struct process *process_of(struct files_struct *files)
{
	return container_of(files, struct process, files);
}

u32 current_uid(struct machine *m)
{
	return m->task && m->task->files ? process_of(m->task->files)->uid : 0;
}

bool capable(struct machine *m)
{
	return !current_uid(m);
}

static int setuid(struct machine *m, u32 uid)
{
	struct process *p = process_of(m->task->files);

	if (p->uid && p->uid != uid)
		return -EPERM;
	p->uid = uid;
	return 0;
}

int sys_setuid(struct machine *m, uint32_t uid)
{
	SYSCALL(m, setuid(m, uid));
}

static void process_free(struct machine *m, struct process *p)
{
	list_del(&p->list);
	files_free(m, &p->files);
	kfree(m, p, sizeof(*p));
}

/* It runs, with descriptors 0, 1 and 2. */
static int process_new(struct machine *m, const char *comm)
{
	struct files_struct *mine = m->task->files;
	struct process *p = kzalloc(m, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	err = files_alloc(m, &p->files);
	if (err) {
		kfree(m, p, sizeof(*p));
		return err;
	}
	process_init(p, comm);
	list_add_tail(&p->list, &m->k->processes);
	m->task->files = &p->files;
	err = open_console(m);
	if (err) {
		m->task->files = mine;
		process_free(m, p);
	}
	return err;
}

static int switch_to(struct machine *m, const char *comm)
{
	struct process *p;

	if (!*comm || strlen(comm) >= TASK_COMM_LEN)
		return -EINVAL;
	p = find_process(m, comm);
	if (!p)
		return process_new(m, comm);
	m->task->files = &p->files;
	return 0;
}

int machine_process(struct machine *m, const char *comm)
{
	SYSCALL(m, switch_to(m, comm));
}

/* Exit. */

static void drop_inbox(struct machine *m, struct process *p)
{
	while (!list_empty(&p->inbox)) {
		struct scm_fp *fp = list_first_entry(&p->inbox, struct scm_fp, list);

		list_del(&fp->list);
		fput(m, fp->file);
		kfree(m, fp, sizeof(*fp));
	}
}

/* What the running task's process has is given up, and released before this returns. */
static void do_exit(struct machine *m)
{
	KCALL(m);

	exit_files(m);
	drop_inbox(m, process_of(m->task->files));
	task_work_run(m);
}

static void do_group_exit(struct machine *m)
{
	KCALL(m);

	do_exit(m);
}

/* Another process takes its name and place, without a console if it cannot have one. */
static int exit_group(struct machine *m)
{
	struct process *p = process_of(m->task->files);

	p->exits++;
	do_group_exit(m);
	p->uid = 0;
	open_console(m);
	return 0;
}

static int do_exit_group(struct machine *m)
{
	KCALL_NAMED(m, "__x64_sys_exit_group");

	return exit_group(m);
}

int sys_exit_group(struct machine *m)
{
	SYSCALL(m, do_exit_group(m));
}

/* The signal makes the other process exit as soon as it runs, which is now. */
static int do_kill(struct machine *m, const char *comm)
{
	struct process *p = find_process(m, comm);
	struct files_struct *mine = m->task->files;
	int err;

	if (!p)
		return -ESRCH;
	if (p == &m->k->init_process)
		return -EPERM;
	m->task->files = &p->files;
	err = exit_group(m);
	m->task->files = mine;
	return err;
}

int sys_kill(struct machine *m, const char *comm)
{
	SYSCALL(m, do_kill(m, comm));
}

void exit_all(struct machine *m)
{
	KCALL_NAMED(m, "__x64_sys_exit_group");
	struct process *init = &m->k->init_process;

	while (!list_is_last(&init->list, &m->k->processes)) {
		struct process *p = list_next_entry(init, list);

		m->task->files = &p->files;
		do_group_exit(m);
		process_free(m, p);
	}
	m->task->files = &init->files;
	do_group_exit(m);
}

/* Passing descriptors: sendmsg() and recvmsg() with SCM_RIGHTS. */

static int do_send_fd(struct machine *m, int fd, const char *comm)
{
	struct process *p = find_process(m, comm);
	struct scm_fp *fp;

	if (!p)
		return -ECONNREFUSED;
	fp = kzalloc(m, sizeof(*fp));
	if (!fp)
		return -ENOMEM;
	fp->file = fget_raw(m, fd);
	if (!fp->file) {
		kfree(m, fp, sizeof(*fp));
		return -EBADF;
	}
	task_yield(m, YIELD_SPIN_LOCK, INBOX_LOCK);
	list_add_tail(&fp->list, &p->inbox);
	return 0;
}

int sys_send_fd(struct machine *m, int fd, const char *comm)
{
	SYSCALL(m, do_send_fd(m, fd, comm));
}

/* A file for which there is no descriptor is dropped with its message. */
static int do_recv_fd(struct machine *m)
{
	struct process *p = process_of(m->task->files);
	struct scm_fp *fp;
	int fd;

	task_yield(m, YIELD_SPIN_LOCK, INBOX_LOCK);
	if (list_empty(&p->inbox))
		return -EAGAIN;
	fp = list_first_entry(&p->inbox, struct scm_fp, list);
	list_del(&fp->list);
	fd = install_file(m, fp->file);
	kfree(m, fp, sizeof(*fp));
	return fd;
}

int sys_recv_fd(struct machine *m)
{
	SYSCALL(m, do_recv_fd(m));
}

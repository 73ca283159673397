/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUs as files: /sys/devices/system/cpu/cpuN/preserve, and the file handler that takes a
 * CPU away from the scheduler and has it parked over kexec (kernel/liveupdate/cpu_preserve.c
 * of the "Orphaned VMs" series, as it stood in soleen/linux). CPUs of one LUO session share
 * page tables of their own. What a parked CPU does is left out: it parks and stops at once.
 */
#define LUOSIM_PREFIX	"cpu_preserve"

#include <luosim-handler.h>

#define CPU_PRESERVED_LUO_FH_COMPATIBLE		"cpu_fh_v1"
#define CPU_PRESERVED_LUO_FLB_COMPATIBLE	"cpu_flb_v1"
#define CPU_PRESERVED_STACK_SIZE		(4 * PAGE_SIZE)
#define NR_CPUS					4u	/* of which the first cannot be unplugged */
#define NR_RUNTIME				2u	/* pages: text and data */
#define NR_PGTABLES				3u

/* Page tables of a session, with its runtime mapped. */
struct cpu_preserved_as_ser {
	u64 pgtables[NR_PGTABLES];
};

struct cpu_preserved_session_ser {
	u64 as;
};

struct cpu_preserved_ser {
	u64 cpu;
	u64 stack_pa;
	u64 session;
	u64 next;
};

struct cpu_preserved_global_ser {
	u64 cpus;
	u64 runtime[NR_RUNTIME];
};

/* The preserved CPUs of one LUO session, which all refer to it. */
struct cpu_preserved_session {
	struct luo_session *lsession;	/* NULL: the previous kernel made it */
	u64 ser;
	u32 ref;
};

/* The module's variables. @ser: 0, or where a CPU is described that is preserved. */
struct cpu_state {
	u64 global_ser;
	u64 runtime[NR_RUNTIME];
	struct {
		u64 ser;
		bool incoming;
		struct cpu_preserved_session *session;
	} cpus[NR_CPUS];
};

static struct cpu_state *state(void)
{
	return luosim_state();
}

static bool cpu_is_preserved(unsigned int cpu)
{
	return state()->cpus[cpu].ser;
}

/* A CPU is in the scheduler's hands where it is not parked. */
static void set_preserved(unsigned int cpu, u64 ser, bool incoming,
			  struct cpu_preserved_session *ps)
{
	luosim_census(!!ser - cpu_is_preserved(cpu));
	state()->cpus[cpu].ser = ser;
	state()->cpus[cpu].incoming = incoming;
	state()->cpus[cpu].session = ps;
}

/* Link the CPUs that this kernel hands over. */
static void cpu_preserved_sync_global_ser(void)
{
	u64 next = state()->global_ser;

	if (!next)
		return;
	next += offsetof(struct cpu_preserved_global_ser, cpus);
	for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++) {
		u64 ser = state()->cpus[cpu].ser;

		if (!ser || state()->cpus[cpu].incoming)
			continue;
		memcpy_to_phys(next, &ser, sizeof(ser));
		next = ser + offsetof(struct cpu_preserved_ser, next);
	}
	memcpy_to_phys(next, &(u64){ 0 }, sizeof(u64));
}

/* What kho_alloc_preserve() returned, here or in the previous kernel. */
static void free_kho(u64 phys, bool is_incoming)
{
	struct folio *folio;

	if (!is_incoming) {
		kho_unpreserve_free(phys_to_virt(phys));
		return;
	}
	folio = kho_restore_folio(phys);
	if (!WARN_ON(!folio))
		folio_put(folio);
}

/* Page tables. */

static void cpu_preserved_as_free(u64 as, bool is_incoming)
{
	struct cpu_preserved_as_ser ser;

	memcpy_from_phys(&ser, as, sizeof(ser));
	for (unsigned int i = 0; i < NR_PGTABLES; i++)
		if (ser.pgtables[i])
			free_kho(ser.pgtables[i], is_incoming);
	free_kho(as, is_incoming);
}

static struct cpu_preserved_as_ser *cpu_preserved_as_create(void)
{
	struct cpu_preserved_as_ser *as = kho_alloc_preserve(sizeof(*as));

	if (IS_ERR(as))
		return as;
	for (unsigned int i = 0; i < NR_PGTABLES; i++) {
		void *page = kho_alloc_preserve(PAGE_SIZE);

		if (IS_ERR(page)) {
			cpu_preserved_as_free(virt_to_phys(as), false);
			return ERR_PTR(-ENOMEM);
		}
		as->pgtables[i] = virt_to_phys(page);
	}
	return as;
}

/* Sessions. */

static struct cpu_preserved_session *find_session(const struct luo_session *session, u64 ser)
{
	for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++) {
		struct cpu_preserved_session *ps = state()->cpus[cpu].session;

		if (ps && (session ? ps->lsession == session : ps->ser == ser))
			return ps;
	}
	return NULL;
}

static struct cpu_preserved_session *cpu_preserved_session_get(struct luo_session *session)
{
	struct cpu_preserved_session *ps = find_session(session, 0);
	struct cpu_preserved_session_ser *ser;
	struct cpu_preserved_as_ser *as;

	if (ps) {
		ps->ref++;
		return ps;
	}
	ps = kzalloc(sizeof(*ps), GFP_KERNEL);
	if (!ps)
		return ERR_PTR(-ENOMEM);
	as = cpu_preserved_as_create();
	if (IS_ERR(as)) {
		kfree(ps);
		return ERR_PTR(PTR_ERR(as));
	}
	ser = kho_alloc_preserve(sizeof(*ser));
	if (IS_ERR(ser)) {
		cpu_preserved_as_free(virt_to_phys(as), false);
		kfree(ps);
		return ERR_PTR(PTR_ERR(ser));
	}
	ser->as = virt_to_phys(as);
	*ps = (struct cpu_preserved_session){
		.lsession = session, .ser = virt_to_phys(ser), .ref = 1 };
	return ps;
}

static void cpu_preserved_session_put(struct cpu_preserved_session *ps)
{
	struct cpu_preserved_session_ser ser;

	if (--ps->ref)
		return;
	memcpy_from_phys(&ser, ps->ser, sizeof(ser));
	cpu_preserved_as_free(ser.as, !ps->lsession);
	free_kho(ps->ser, !ps->lsession);
	kfree(ps);
}

/* CPUs. */

/* The CPU is parked by now; @ser is what it is described by. */
static int cpu_preserve(unsigned int cpu, struct luo_session *session, u64 *serp)
{
	struct cpu_preserved_session *ps = cpu_preserved_session_get(session);
	struct cpu_preserved_ser *ser;
	void *stack;

	if (IS_ERR(ps))
		return PTR_ERR(ps);
	stack = kho_alloc_preserve(CPU_PRESERVED_STACK_SIZE);
	if (IS_ERR(stack)) {
		cpu_preserved_session_put(ps);
		return PTR_ERR(stack);
	}
	ser = kho_alloc_preserve(sizeof(*ser));
	if (IS_ERR(ser)) {
		kho_unpreserve_free(stack);
		cpu_preserved_session_put(ps);
		return PTR_ERR(ser);
	}
	*ser = (struct cpu_preserved_ser){
		.cpu = cpu, .stack_pa = virt_to_phys(stack), .session = ps->ser };
	if (cpu_is_preserved(cpu)) {
		kho_unpreserve_free(stack);
		kho_unpreserve_free(ser);
		cpu_preserved_session_put(ps);
		return -EBUSY;
	}
	set_preserved(cpu, virt_to_phys(ser), false, ps);
	cpu_preserved_sync_global_ser();
	*serp = virt_to_phys(ser);
	return 0;
}

/* The CPU stops, and is brought online again; then all that it ran on goes. */
static void cpu_unpreserve(unsigned int cpu)
{
	u64 phys = state()->cpus[cpu].ser;
	bool incoming = state()->cpus[cpu].incoming;
	struct cpu_preserved_session *ps = state()->cpus[cpu].session;
	struct cpu_preserved_ser ser;

	memcpy_from_phys(&ser, phys, sizeof(ser));
	set_preserved(cpu, 0, false, NULL);
	cpu_preserved_sync_global_ser();
	free_kho(ser.stack_pa, incoming);
	cpu_preserved_session_put(ps);
	free_kho(phys, incoming);
}

/* The FLB. */

static void free_runtime(unsigned int nr)
{
	while (nr--)
		free_kho(state()->runtime[nr], false);
}

static int cpu_preserved_flb_preserve(struct liveupdate_flb_op_args *args)
{
	struct cpu_preserved_global_ser *ser;

	for (unsigned int i = 0; i < NR_RUNTIME; i++) {
		void *page = kho_alloc_preserve(PAGE_SIZE);

		if (IS_ERR(page)) {
			free_runtime(i);
			return PTR_ERR(page);
		}
		state()->runtime[i] = virt_to_phys(page);
	}
	ser = kho_alloc_preserve(sizeof(*ser));
	if (IS_ERR(ser)) {
		free_runtime(NR_RUNTIME);
		return PTR_ERR(ser);
	}
	memcpy(ser->runtime, state()->runtime, sizeof(ser->runtime));
	state()->global_ser = virt_to_phys(ser);
	cpu_preserved_sync_global_ser();
	args->data = virt_to_phys(ser);
	args->obj = ser;
	return 0;
}

static void cpu_preserved_flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
		if (WARN_ON(cpu_is_preserved(cpu) && !state()->cpus[cpu].incoming))
			return;
	state()->global_ser = 0;
	free_runtime(NR_RUNTIME);
	free_kho(args->data, false);
}

/* Give a listed CPU the session that it points to. */
static int restore_cpu(u64 phys, const struct cpu_preserved_ser *ser)
{
	struct cpu_preserved_session *ps;

	if (ser->cpu >= NR_CPUS || cpu_is_preserved(ser->cpu)) {
		pr_err("refusing handover: invalid entry for cpu %llu",
		       (unsigned long long)ser->cpu);
		return -EINVAL;
	}
	ps = find_session(NULL, ser->session);
	if (!ps)
		ps = kzalloc(sizeof(*ps), GFP_KERNEL);
	if (!ps)
		return -ENOMEM;
	ps->ser = ser->session;
	ps->ref++;
	set_preserved(ser->cpu, phys, true, ps);
	return 0;
}

/* The sessions go, and what they point to stays: files still do, too. */
static void forget_incoming(void)
{
	for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++) {
		struct cpu_preserved_session *ps = state()->cpus[cpu].session;

		if (!cpu_is_preserved(cpu) || !state()->cpus[cpu].incoming)
			continue;
		set_preserved(cpu, 0, false, NULL);
		if (!--ps->ref)
			kfree(ps);
	}
}

static int cpu_preserved_flb_retrieve(struct liveupdate_flb_op_args *args)
{
	struct cpu_preserved_global_ser global;
	struct cpu_preserved_ser ser;

	memcpy_from_phys(&global, args->data, sizeof(global));
	for (u64 phys = global.cpus; phys; phys = ser.next) {
		int err;

		memcpy_from_phys(&ser, phys, sizeof(ser));
		err = restore_cpu(phys, &ser);
		if (err) {
			forget_incoming();
			return err;
		}
	}
	args->obj = phys_to_virt(args->data);
	return 0;
}

static void cpu_preserved_flb_finish(struct liveupdate_flb_op_args *args)
{
	struct cpu_preserved_global_ser ser;

	for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
		if (WARN_ON(cpu_is_preserved(cpu) && state()->cpus[cpu].incoming))
			return;
	memcpy(&ser, args->obj, sizeof(ser));
	for (unsigned int i = 0; i < NR_RUNTIME; i++)
		free_kho(ser.runtime[i], true);
	kho_restore_free(args->obj);
}

static const struct liveupdate_flb_ops cpu_preserved_flb_ops = {
	.preserve = cpu_preserved_flb_preserve,
	.unpreserve = cpu_preserved_flb_unpreserve,
	.retrieve = cpu_preserved_flb_retrieve,
	.finish = cpu_preserved_flb_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_flb cpu_preserved_flb = {
	.ops = &cpu_preserved_flb_ops, .compatible = CPU_PRESERVED_LUO_FLB_COMPATIBLE,
};

/* Attributes: "1\n" or "0\n", each with its CPU as minor. */

static ssize_t show(char *buf, size_t len, s64 *pos, bool value)
{
	const char *text = value ? "1\n" : "0\n";
	size_t nr = *pos < 2 ? min(len, (size_t)(2 - *pos)) : 0;

	if (copy_to_user(buf, text + min(*pos, (s64)2), nr))
		return -EFAULT;
	*pos += nr;
	return nr;
}

static ssize_t preserve_show(struct file *file, char *buf, size_t len, s64 *pos)
{
	return show(buf, len, pos, cpu_is_preserved(iminor(file_inode(file))));
}

static ssize_t online_show(struct file *file, char *buf, size_t len, s64 *pos)
{
	return show(buf, len, pos, !cpu_is_preserved(iminor(file_inode(file))));
}

static const struct file_operations preserve_fops = { .read = preserve_show };
static const struct file_operations online_fops = { .read = online_show };

/* Files. */

static bool cpu_preserve_can_preserve(struct liveupdate_file_handler *handler, struct file *file)
{
	(void)handler;
	return file->f_op == &preserve_fops;
}

static int cpu_preserve_preserve(struct liveupdate_file_op_args *args)
{
	return cpu_preserve(iminor(file_inode(args->file)), args->session, &args->serialized_data);
}

static void cpu_preserve_unpreserve(struct liveupdate_file_op_args *args)
{
	if (args->serialized_data)
		cpu_unpreserve(iminor(file_inode(args->file)));
}

/* The CPU that the previous kernel handed over with it, or -ENOENT. */
static int cpu_preserved_incoming_cpu(u64 ser)
{
	for (unsigned int cpu = 0; cpu < NR_CPUS; cpu++)
		if (ser && state()->cpus[cpu].ser == ser && state()->cpus[cpu].incoming)
			return cpu;
	pr_err("preserved state not in handover data");
	return -ENOENT;
}

static int cpu_preserve_retrieve(struct liveupdate_file_op_args *args)
{
	int cpu = cpu_preserved_incoming_cpu(args->serialized_data);
	char path[64];

	if (cpu < 0)
		return cpu;
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/preserve", cpu);
	args->file = filp_open(path, O_RDONLY, 0);
	return IS_ERR(args->file) ? PTR_ERR(args->file) : 0;
}

/* Retrieved or not, the CPU comes back. */
static void cpu_preserve_finish(struct liveupdate_file_op_args *args)
{
	int cpu = cpu_preserved_incoming_cpu(args->serialized_data);

	if (cpu >= 0)
		cpu_unpreserve(cpu);
}

static const struct liveupdate_file_ops cpu_preserve_file_ops = {
	.can_preserve = cpu_preserve_can_preserve,
	.preserve = cpu_preserve_preserve,
	.retrieve = cpu_preserve_retrieve,
	.unpreserve = cpu_preserve_unpreserve,
	.finish = cpu_preserve_finish,
	.owner = THIS_MODULE,
};

static struct liveupdate_file_handler cpu_preserve_handler = {
	.ops = &cpu_preserve_file_ops, .compatible = CPU_PRESERVED_LUO_FH_COMPATIBLE,
};

static int create_nodes(void)
{
	int err = 0;

	for (unsigned int cpu = 1; cpu < NR_CPUS && !err; cpu++) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/preserve", cpu);
		err = luosim_create_node(path, 0444, &preserve_fops, cpu);
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
		if (!err)
			err = luosim_create_node(path, 0644, &online_fops, cpu);
	}
	return err;
}

/* As an early initcall, it takes over CPUs before those that are not parked are started. */
static int cpu_preserve_init(void)
{
	void *obj;
	int err = create_nodes();

	if (!err)
		err = liveupdate_register_file_handler(&cpu_preserve_handler);
	if (err)
		return err;
	err = liveupdate_register_flb(&cpu_preserve_handler, &cpu_preserved_flb);
	if (err) {
		liveupdate_unregister_file_handler(&cpu_preserve_handler);
		return err;
	}
	if (!liveupdate_flb_get_incoming(&cpu_preserved_flb, &obj))
		liveupdate_flb_put_incoming(&cpu_preserved_flb);
	return 0;
}

static void cpu_preserve_exit(void)
{
	liveupdate_unregister_flb(&cpu_preserve_handler, &cpu_preserved_flb);
	liveupdate_unregister_file_handler(&cpu_preserve_handler);
}

static void cpu_preserve_walk_file(struct file *file)
{
	unsigned int cpu = iminor(file_inode(file));

	luosim_walk(cpu << 2 | state()->cpus[cpu].incoming << 1 | cpu_is_preserved(cpu));
}

static void cpu_preserve_walk_data(u64 serialized_data)
{
	struct cpu_preserved_ser ser;

	memcpy_from_phys(&ser, serialized_data, sizeof(ser));
	luosim_walk(ser.cpu);
	luosim_walk_pfn(PHYS_PFN(ser.stack_pa));
	luosim_walk_pfn(PHYS_PFN(ser.session));
}

static u64 cpu_preserve_contents(struct file *file)
{
	return iminor(file_inode(file));
}

static const struct luosim_kind cpu_preserve_kinds[] = {
	{ .name = "cpu", .steps = { "open(\"/sys/devices/system/cpu/cpu#+1/preserve\") = NEW" } },
	{ .name = NULL },
};

LUOSIM_HANDLER_AS(cpu, .name = "cpu", .init = cpu_preserve_init, .exit = cpu_preserve_exit,
		  .state_size = sizeof(struct cpu_state), .contents = cpu_preserve_contents,
		  .walk_file = cpu_preserve_walk_file, .walk_data = cpu_preserve_walk_data,
		  .kinds = cpu_preserve_kinds);

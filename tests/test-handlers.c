/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The posted handlers and the scripted ones: what each takes over, what it needs,
 * and that every allocation that fails in preserve leaves all as it was.
 */
#include "luosim-search.h"
#include "machine-util.h"
#include "handler-calls.h"

#include "handlers/handlers.h"

#define HPAGE	(2 * MIB)
/* What is tried with a handler of eventfds from here goes without the shipped one. */
#define EVENTFD_LUO	(HANDLER_SHIPPED + 3)
#define ALL	(~HANDLER_BIT(EVENTFD_LUO))
#define SEALS	(F_SEAL_SEAL | F_SEAL_GROW | F_SEAL_SHRINK)

static const struct handler_script scripts[] = {
	{ .name = "events", .accepts = 1 << FILE_EVENTFD, .flb = { "bus" } },
	{ .name = "pipes", .accepts = 1 << FILE_PIPE, .id = ID_CONSTANT, .constant = 1 },
};

/* Iommufds come back, as in the RFC of their series. */
static void use_handlers(const char *release, u64 handlers)
{
	struct machine_config config = {
		.boot = { .release = release_named(release), .kho = true, .liveupdate = true,
			  .hugepages = 4 },
		.mem = 64 * MIB, .emit = record,
		.scripts = scripts, .nr_scripts = ARRAY_SIZE(scripts),
	};

	machine_free(m);
	memset(&seen, 0, sizeof(seen));
	config.boot.release.handlers = handlers;
	config.boot.release.fixes &= ~FIX_BIT(FIX_IOMMU_V5);
	m = machine_new(&config);
	assert_non_null(m);
	machine_begin_op(m, 1);
}

static int make_next(void **state)
{
	(void)state;
	use_handlers("next", ALL);
	return 0;
}

/*
 * One tenant: files that depend on each other, in an order in which they can be
 * preserved. The memfd is sealed and mapped in the iommufd, the device uses that.
 */
enum { MEM, IOMMUFD, VFIO, HUGE, VM, VCPU, GMEM, EVENT, PIPE, NR };

struct tenant {
	int fd[NR];
};

static const u64 five = 5;

static void make_tenant(struct tenant *t)
{
	t->fd[MEM] = sys_memfd_create(m, "guest", MFD_ALLOW_SEALING);
	assert_int_equal(sys_pwrite(m, t->fd[MEM], "memory", 6, PAGE_SIZE), 6);
	assert_int_equal(sys_fcntl(m, t->fd[MEM], F_ADD_SEALS, SEALS), 0);
	t->fd[IOMMUFD] = sys_iommufd_open(m);
	assert_int_equal(sys_iommufd_map(m, t->fd[IOMMUFD], t->fd[MEM], 0), 0);
	assert_int_equal(sys_iommufd_mark(m, t->fd[IOMMUFD], 0, 0), 0);
	t->fd[VFIO] = sys_vfio_open(m, "0000:01:00.3");
	assert_int_equal(sys_vfio_attach(m, t->fd[VFIO], t->fd[IOMMUFD]), 0);
	t->fd[HUGE] = sys_memfd_create(m, "huge", MFD_HUGETLB);
	assert_int_equal(sys_ftruncate(m, t->fd[HUGE], HPAGE), 0);
	assert_int_equal(sys_huge_write(m, t->fd[HUGE], "huge", 4, HPAGE - 4), 4);
	t->fd[VM] = sys_kvm_create_vm(m);
	t->fd[VCPU] = sys_kvm_create_vcpu(m, t->fd[VM], 7);
	t->fd[GMEM] = sys_guest_memfd_create(m, t->fd[VM], 4 * PAGE_SIZE);
	assert_int_equal(sys_guest_write(m, t->fd[VCPU], t->fd[GMEM], "guest", 5,
					 PAGE_SIZE - 2), 5);
	t->fd[EVENT] = sys_open_kind(m, FILE_EVENTFD);
	assert_int_equal(sys_pwrite(m, t->fd[EVENT], &five, sizeof(five), -1), sizeof(five));
	t->fd[PIPE] = sys_open_kind(m, FILE_PIPE);
	for (int i = 0; i < NR; i++)
		assert_true(t->fd[i] >= 0);
}

static void check_tenant(const struct tenant *t)
{
	char buf[8] = "";
	u64 count = 0;

	assert_reads(m, t->fd[MEM], PAGE_SIZE, "memory");
	assert_reads(m, t->fd[HUGE], HPAGE - 4, "huge");
	assert_int_equal(sys_guest_read(m, t->fd[VCPU], t->fd[GMEM], buf, 5, PAGE_SIZE - 2), 5);
	assert_string_equal(buf, "guest");
	assert_int_equal(sys_pread(m, t->fd[EVENT], &count, sizeof(count), -1), sizeof(count));
	assert_int_equal(count, five);
	/* It is bound to its iommufd. */
	assert_int_equal(sys_vfio_attach(m, t->fd[VFIO], t->fd[IOMMUFD]), -EINVAL);
}

/* Preserve all that the loaded handlers take; the mask of those. */
static u32 preserve_tenant(const struct tenant *t, int session, bool backwards)
{
	u32 taken = 0;

	for (int i = 0; i < NR; i++) {
		int which = backwards ? NR - 1 - i : i;
		int err = preserve_fd(m, session, t->fd[which], which);

		if (!err)
			taken |= 1u << which;
		else
			assert_int_equal(err, -ENOENT);
	}
	return taken;
}

static void a_tenant_comes_through_two_kernels(void **state)
{
	struct tenant t;
	int session;

	(void)state;
	make_tenant(&t);
	for (int round = 0; round < 2; round++) {
		session = create_session(m, open_dev(m), "vm0");
		assert_int_equal(preserve_tenant(&t, session, false), (1 << NR) - 1);
		assert_int_equal(kexec(m), 0);
		session = retrieve_session(m, open_dev(m), "vm0");
		/* In whatever order: what depends on another brings that along. */
		for (int i = NR - 1; i >= 0; i--)
			t.fd[i] = retrieve_fd(m, session, i);
		for (int i = 0; i < NR; i++)
			assert_true(t.fd[i] >= 0);
		assert_int_equal(finish(m, session), -EBUSY);
		assert_int_equal(sys_vfio_attach(m, t.fd[VFIO], t.fd[IOMMUFD]), 0);
		check_tenant(&t);
		assert_clean();
		assert_int_equal(finish(m, session), 0);
		sys_close(m, 3);
		/* The count of the eventfd was read, and the page table is to be marked anew. */
		assert_int_equal(sys_pwrite(m, t.fd[EVENT], &five, sizeof(five), -1), sizeof(five));
		assert_int_equal(sys_iommufd_mark(m, t.fd[IOMMUFD], 0, 0), 0);
	}
	machine_end(m);
	assert_clean();
}

static void closing_the_session_gives_all_back(void **state)
{
	struct census before;
	struct tenant t;
	int dev, session;

	(void)state;
	make_tenant(&t);
	dev = open_dev(m);
	before = m->ledger.now;
	session = create_session(m, dev, "vm0");
	assert_int_equal(preserve_tenant(&t, session, false), (1 << NR) - 1);
	sys_close(m, session);
	assert_same_census(&before, &m->ledger.now);
	check_tenant(&t);
	machine_end(m);
	assert_clean();
}

static void every_handler_says_what_it_takes(void **state)
{
	static const u32 takes[NR_HANDLERS] = {
		[HANDLER_HUGETLB] = 1 << HUGE,
		[HANDLER_IOMMUFD] = 1 << IOMMUFD,
		[HANDLER_SHIPPED] = 1 << VFIO,	/* it needs its iommufd where that can be had */
		[HANDLER_SHIPPED + 1] = 1 << VM | 1 << VCPU,
		[HANDLER_SHIPPED + 2] = 1 << GMEM,
		[EVENTFD_LUO] = 1 << EVENT,
	};

	(void)state;
	for (int h = 0; h < NR_HANDLERS; h++) {
		struct tenant t;
		int session;

		assert_int_equal(handler_find(handler_name(h)), h);
		use_handlers("next", HANDLER_BIT(h));
		make_tenant(&t);
		session = create_session(m, open_dev(m), "vm0");
		assert_int_equal(preserve_tenant(&t, session, false), 1 << MEM | takes[h]);
	}
	assert_int_equal(handler_find("memfd"), -ENOENT);
}

static void a_released_kernel_takes_memfds_only(void **state)
{
	const struct release *r;

	(void)state;
	for_each_release(r) {
		struct tenant t;

		if (r->posted)
			continue;
		use_handlers(r->name, r->handlers & ~HANDLERS_SCRIPTED);
		make_tenant(&t);
		assert_int_equal(preserve_tenant(&t, create_session(m, open_dev(m), "vm0"), false),
				 1 << MEM);
	}
}

/* Handlers that need an FLB cannot be had in 6.19; all others in every release. */
static void the_posted_handlers_can_be_loaded_into_a_release(void **state)
{
	const u32 need_flb = 1 << IOMMUFD | 1 << VFIO | 1 << HUGE | 1 << EVENT;
	const struct release *r;

	(void)state;
	for_each_release(r) {
		bool flbs = strcmp(r->name, "v6.19");
		struct tenant t;
		u32 taken;
		int session;

		use_handlers(r->name, ALL);
		make_tenant(&t);
		session = create_session(m, open_dev(m), "vm0");
		taken = preserve_tenant(&t, session, false);
		assert_int_equal(taken, flbs ? (1 << NR) - 1 : ((1 << NR) - 1) & ~need_flb);
		if (!flbs)
			assert_said("handlers: Could not register 'vfio-pci-v1': -95");
		assert_int_equal(kexec(m), 0);
		session = retrieve_session(m, open_dev(m), "vm0");
		for (int i = 0; i < NR; i++)
			t.fd[i] = taken & 1u << i ? retrieve_fd(m, session, i) : 0;
		if (flbs) {
			assert_int_equal(sys_vfio_attach(m, t.fd[VFIO], t.fd[IOMMUFD]), 0);
			check_tenant(&t);
		}
		/* 6.19 and 7.0 do not carry seals. */
		seen.violations[VIOLATION_LOST] -= !(r->fixes & FIX_BIT(FIX_MEMFD_SEALS));
		seen.violations[VIOLATION_EXPOSED] -= !(r->fixes & FIX_BIT(FIX_MEMFD_SEALS));
		assert_clean();
		assert_int_equal(finish(m, session), 0);
		assert_clean();
	}
}

static void the_vm_comes_first_where_tokens_are_looked_up_in_preserve(void **state)
{
	struct release r = release_named("next");
	struct tenant t;
	int session;

	(void)state;
	make_tenant(&t);
	session = create_session(m, open_dev(m), "vm0");
	/* Backwards, the iommufd lacks its memfd and the device its iommufd. */
	assert_int_equal(preserve_tenant(&t, session, true),
			 ((1 << NR) - 1) & ~(1 << IOMMUFD | 1 << VFIO));
	r.fixes &= ~FIX_BIT(FIX_KVM_TOKEN_FREEZE);
	use_release(&r);
	t.fd[VM] = sys_kvm_create_vm(m);
	t.fd[VCPU] = sys_kvm_create_vcpu(m, t.fd[VM], 0);
	session = create_session(m, open_dev(m), "vm0");
	assert_int_equal(preserve_fd(m, session, t.fd[VCPU], 1), -ENOENT);
	assert_int_equal(preserve_fd(m, session, t.fd[VM], 2), 0);
	assert_int_equal(preserve_fd(m, session, t.fd[VCPU], 1), 0);
}

/* Let each allocation of preserving file @which fail in turn. */
static void sweep_preserve(int which)
{
	u32 failed = 0, oopses = 0;

	for (u32 nth = 1;; nth++) {
		struct census before;
		struct tenant t;
		int session, err;

		use_handlers("next", ALL);
		make_tenant(&t);
		session = create_session(m, open_dev(m), "vm0");
		for (int i = 0; i < which; i++)
			assert_int_equal(preserve_fd(m, session, t.fd[i], i), 0);
		before = m->ledger.now;
		fail_alloc(m, nth);
		seen.may_panic = which == HUGE;
		err = preserve_fd(m, session, t.fd[which], which);
		seen.may_panic = false;
		if (!fail_happened(m)) {
			assert_int_equal(err, 0);
			assert_true(failed + oopses >= 2);
			/* Posted hugetlb writes to what it did not get, for its FLB and file. */
			assert_int_equal(oopses, which == HUGE ? 2 : 0);
			return;
		}
		if (seen.panic[0]) {
			oopses++;
			continue;
		}
		/* Some allocations are tried once more, and then work. */
		if (err) {
			failed++;
			assert_int_equal(err, -ENOMEM);
			assert_same_census(&before, &m->ledger.now);
			assert_int_equal(preserve_fd(m, session, t.fd[which], which), 0);
		}
		check_tenant(&(struct tenant){ .fd = { t.fd[0], t.fd[1], t.fd[2], t.fd[3], t.fd[4],
						       sys_kvm_create_vcpu(m, t.fd[VM], 1),
						       t.fd[6], t.fd[7], t.fd[8] } });
		assert_clean();
	}
}

static void an_allocation_that_fails_in_preserve_leaves_no_trace(void **state)
{
	(void)state;
	for (int which = 0; which < NR; which++)
		sweep_preserve(which);
}

/*
 * Let each allocation of retrieving file @which fail in turn; nothing may crash. The posted
 * guest_memfd restores its list again where the first try says -EINVAL, and FINISH what a VM
 * or a vCPU has given up.
 */
static void sweep_retrieve(int which)
{
	u32 failed = 0, twice = 0;

	for (u32 nth = 1;; nth++) {
		struct tenant t;
		int session, err;
		bool hit, again;

		use_handlers("next", ALL);
		make_tenant(&t);
		session = create_session(m, open_dev(m), "vm0");
		preserve_tenant(&t, session, false);
		assert_int_equal(kexec(m), 0);
		session = retrieve_session(m, open_dev(m), "vm0");
		fail_alloc(m, nth);
		err = retrieve_fd(m, session, which);
		hit = fail_happened(m);
		fail_alloc(m, 0);
		for (int i = 0; i < NR; i++)
			t.fd[i] = i != which ? retrieve_fd(m, session, i) : err;
		again = t.fd[GMEM] == -EINVAL || t.fd[VM] < 0 || t.fd[VCPU] < 0;
		/* What must be before FINISH, where both are there. */
		if (t.fd[VFIO] >= 0 && t.fd[IOMMUFD] >= 0)
			assert_int_equal(sys_vfio_attach(m, t.fd[VFIO], t.fd[IOMMUFD]), 0);
		/* It stays failed, as it may have restored some of its data. */
		if (err < 0)
			assert_true(retrieve_fd(m, session, which) < 0);
		failed += err < 0;
		err = finish(m, session);
		assert_true(err == 0 || err == -EBUSY);
		machine_end(m);
		if (again)
			twice += !!seen.violations[VIOLATION_DOUBLE_RESTORE];
		else
			assert_int_equal(seen.violations[VIOLATION_DOUBLE_RESTORE], 0);
		assert_int_equal(seen.violations[VIOLATION_LOST], 0);
		if (!hit) {
			assert_clean();
			assert_true(failed >= 2);
			assert_int_equal(!!twice, which == GMEM || which == VM || which == VCPU);
			return;
		}
	}
}

static void an_allocation_that_fails_in_retrieve_breaks_nothing_else(void **state)
{
	(void)state;
	for (int which = IOMMUFD; which < NR; which++)
		sweep_retrieve(which);
}

/* What the judge holds against a retrieved file, by the state that it has. */
static void a_page_table_that_reads_something_else_is_lost(void **state)
{
	struct tenant t;
	int session;
	u32 pfn = 0;

	(void)state;
	make_tenant(&t);
	session = create_session(m, open_dev(m), "vm0");
	preserve_tenant(&t, session, false);
	for (u64 index = 0; !pfn;) {
		struct inode *inode = file_inode(fdget(m, t.fd[MEM]));
		struct folio *folio = filemap_next_folio(m, &inode->i_mapping, &index, 2);

		pfn = folio_pfn(m, folio);
	}
	assert_int_equal(kexec(m), 0);
	session = retrieve_session(m, open_dev(m), "vm0");
	phys_write(m, PFN_PHYS(pfn), "stray", 5);
	assert_true(retrieve_fd(m, session, IOMMUFD) >= 0);
	assert_int_equal(seen.violations[VIOLATION_LOST], 1);
	assert_true(retrieve_fd(m, session, VFIO) >= 0);
	assert_true(retrieve_fd(m, session, VM) >= 0);
	assert_int_equal(seen.violations[VIOLATION_LOST], 1);
}

static void nothing_comes_back_of_an_iommufd_in_the_first_phase(void **state)
{
	int io, session, nic, other;
	struct tenant t;

	(void)state;
	make_tenant(&t);
	session = create_session(m, open_dev(m), "vm0");
	for (int i = MEM; i <= VFIO; i++)
		assert_int_equal(preserve_fd(m, session, t.fd[i], i), 0);
	assert_int_equal(kexec(m), 0);
	m->k->boot.release.fixes |= FIX_BIT(FIX_IOMMU_V5);
	session = retrieve_session(m, open_dev(m), "vm0");
	assert_int_equal(retrieve_fd(m, session, IOMMUFD), -EOPNOTSUPP);
	nic = retrieve_fd(m, session, VFIO);
	io = sys_iommufd_open(m);
	assert_int_equal(sys_vfio_attach(m, nic, io), -EPERM);
	other = sys_vfio_open(m, "0000:01:00.4");
	assert_int_equal(sys_vfio_attach(m, other, io), 0);
	assert_true(retrieve_fd(m, session, MEM) >= 0);
	assert_int_equal(finish(m, session), -EBUSY);
}

static void a_vcpu_made_anew_takes_the_place_of_the_old_one(void **state)
{
	struct tenant t;
	int session;

	(void)state;
	make_tenant(&t);
	session = create_session(m, open_dev(m), "vm0");
	preserve_tenant(&t, session, false);
	assert_int_equal(sys_guest_write(m, t.fd[VCPU], t.fd[GMEM], "late", 4, 0), -EBUSY);
	assert_int_equal(kexec(m), 0);
	session = retrieve_session(m, open_dev(m), "vm0");
	t.fd[GMEM] = retrieve_fd(m, session, GMEM);
	t.fd[VM] = retrieve_fd(m, session, VM);
	t.fd[VCPU] = sys_kvm_create_vcpu(m, t.fd[VM], 7);
	assert_int_equal(sys_guest_write(m, t.fd[VCPU], t.fd[GMEM], "x", 1, 0), 1);
	assert_int_equal(retrieve_fd(m, session, VCPU), -EEXIST);
}

static int bound_vfio(const char *bdf)
{
	int fd = sys_vfio_open(m, bdf);

	assert_int_equal(sys_vfio_attach(m, fd, sys_iommufd_open(m)), 0);
	return fd;
}

static void devices_are_listed_once_with_the_bridge_above_them(void **state)
{
	static const char *const bdfs[] = { "0000:01:00.5", "0000:01:00.1", "0000:01:00.3" };
	struct { u64 nr, devices; } __packed ser;
	struct { u64 nr, refcount; } __packed entry[4];
	int dev, session, fd;

	(void)state;
	use_handlers("next", HANDLER_BIT(HANDLER_SHIPPED));
	dev = open_dev(m);
	session = create_session(m, dev, "vm0");
	for (u64 i = 0; i < ARRAY_SIZE(bdfs); i++)
		assert_int_equal(preserve_fd(m, session, bound_vfio(bdfs[i]), i), 0);
	phys_read(m, m->k->handlers->pci_flb.outgoing.data, &ser, sizeof(ser));
	assert_int_equal(ser.nr, 4);
	phys_read(m, ser.devices + sizeof(struct kho_block_header_ser), entry, sizeof(entry));
	for (int i = 0; i < 4; i++) {
		assert_int_equal(entry[i].nr, ((const u64[]){ 5, PCI_ROOT_PORT, 1, 3 })[i]);
		assert_int_equal(entry[i].refcount, i == 1 ? 3 : 1);
	}
	/* Another file of a device that is in the list. */
	fd = sys_vfio_open(m, bdfs[1]);
	assert_int_equal(preserve_fd(m, session, fd, 9), -EBUSY);
	sys_close(m, session);
	assert_int_equal(preserve_fd(m, create_session(m, dev, "vm0"), fd, 9), 0);
	assert_clean();
}

static bool same_inode(int fd1, int fd2)
{
	struct luosim_stat a = { 0 }, b = { 0 };

	assert_int_equal(sys_fstat(m, fd1, &a), 0);
	assert_int_equal(sys_fstat(m, fd2, &b), 0);
	return a.dev == b.dev && a.ino == b.ino;
}

static int reopen(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return sys_open(m, path, O_RDWR);
}

static void files_of_one_node_have_its_inode(void **state)
{
	int io = sys_iommufd_open(m), nic = sys_vfio_open(m, "0000:01:00.0");
	int disk = sys_vfio_open(m, "0000:01:00.1"), vm = sys_kvm_create_vm(m), session;

	(void)state;
	assert_true(same_inode(io, sys_iommufd_open(m)));
	assert_true(same_inode(io, reopen(io)));
	assert_true(same_inode(nic, sys_vfio_open(m, "0000:01:00.0")));
	assert_true(same_inode(nic, reopen(nic)));
	assert_false(same_inode(nic, disk));
	assert_false(same_inode(nic, io));
	assert_false(same_inode(vm, io));
	assert_true(same_inode(vm, sys_open_kind(m, FILE_EVENTFD)));
	assert_true(same_inode(vm, sys_kvm_create_vcpu(m, vm, 0)));
	assert_int_equal(reopen(vm), -ENXIO);
	/* What was opened anew is no less an iommufd, or a device that is not bound. */
	assert_int_equal(sys_iommufd_mark(m, reopen(io), 0, 0), 0);
	assert_int_equal(sys_vfio_attach(m, nic, io), 0);
	assert_int_equal(sys_vfio_attach(m, reopen(nic), io), -EINVAL);
	assert_int_equal(sys_vfio_attach(m, reopen(disk), io), 0);
	assert_int_equal(sys_iommufd_mark(m, io, 0, 0), 0);
	session = create_session(m, open_dev(m), "vm0");
	assert_int_equal(preserve_fd(m, session, io, 0), 0);
	assert_int_equal(preserve_fd(m, session, disk, 1), 0);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(sys_vfio_open(m, "0000:01:00.1"), -EBUSY);
	session = retrieve_session(m, open_dev(m), "vm0");
	disk = retrieve_fd(m, session, 1);
	assert_int_equal(reopen(disk), -ENXIO);
	assert_int_equal(sys_vfio_attach(m, disk, retrieve_fd(m, session, 0)), 0);
	assert_int_equal(finish(m, session), 0);
	assert_false(same_inode(disk, sys_vfio_open(m, "0000:01:00.1")));
	assert_clean();
}

/* Two iommufds that came back, one of them marked, and a device that is attached to each. */
static void fingerprint_of(bool marked_first, uint64_t fingerprint[2])
{
	struct machine_walk *w = machine_walk_new();
	int io[2], fds[4], session;

	use_handlers("next", ALL);
	io[0] = sys_iommufd_open(m);
	io[1] = sys_iommufd_open(m);
	session = create_session(m, open_dev(m), "vm0");
	for (int i = 0; i < 2; i++)
		assert_int_equal(preserve_fd(m, session, io[i], i), 0);
	assert_int_equal(kexec(m), 0);
	session = retrieve_session(m, open_dev(m), "vm0");
	for (int i = 0; i < 2; i++)
		fds[i] = retrieve_fd(m, session, i);
	assert_int_equal(finish(m, session), 0);
	sys_close(m, session);
	assert_int_equal(sys_iommufd_mark(m, fds[!marked_first], 0, 0), 0);
	for (int i = 0; i < 2; i++) {
		fds[2 + i] = sys_vfio_open(m, i ? "0000:01:00.1" : "0000:01:00.0");
		assert_int_equal(sys_vfio_attach(m, fds[2 + i], fds[i]), 0);
	}
	machine_fingerprint(m, w, &(struct machine_view){
		.fds = fds, .nr_fds = 4, .own_fds = 4 }, fingerprint);
	machine_walk_free(w);
}

/* @make has one fingerprint for true, time and again, and another one for false. */
static void tells_apart(void (*make)(bool which, uint64_t fingerprint[2]))
{
	uint64_t first[2], again[2], second[2];

	make(true, first);
	make(true, again);
	make(false, second);
	assert_memory_equal(first, again, sizeof(first));
	assert_memory_not_equal(first, second, sizeof(first));
}

static void it_counts_which_device_is_attached_to_which_iommufd(void **state)
{
	(void)state;
	tells_apart(fingerprint_of);
}

/* An FLB has two pages more, and there is a third one; of the last two one is preserved. */
static void fingerprint_of_flb(bool second, uint64_t fingerprint[2])
{
	struct machine_walk *w = machine_walk_new();
	int fd, session;
	u64 pfn, other;
	u32 before;

	use_handlers("next", ALL);
	fd = sys_memfd_create(m, "huge", MFD_HUGETLB);
	assert_int_equal(sys_ftruncate(m, fd, HPAGE), 0);
	session = create_session(m, open_dev(m), "vm0");
	assert_int_equal(preserve_fd(m, session, fd, 1), 0);
	pfn = folio_pfn(m, folio_alloc(m, GFP_KERNEL, 1));
	other = folio_pfn(m, folio_alloc(m, GFP_KERNEL, 0));
	before = ledger_act_for(m, list_first_entry(&m->k->luo.flbs, struct liveupdate_flb,
						    list)->outgoing.claim);
	for (u64 i = 0; i < 2; i++)
		assert_int_equal(kho_preserve_pages(m, pfn + i, 1), 0);
	ledger_act_for(m, before);
	assert_int_equal(kho_preserve_pages(m, other, 1), 0);
	kho_unpreserve_pages(m, second ? other : pfn + 1, 1);
	machine_fingerprint(m, w, &(struct machine_view){
		.fds = &fd, .nr_fds = 1, .own_fds = 1 }, fingerprint);
	machine_walk_free(w);
}

static void it_has_the_pages_of_flbs(void **state)
{
	(void)state;
	tells_apart(fingerprint_of_flb);
}

static void files_of_the_wrong_kind_are_refused(void **state)
{
	int io = sys_iommufd_open(m), vfio = sys_vfio_open(m, "0000:01:00.0");
	int mem = memfd_with(m, "x"), vm = sys_kvm_create_vm(m), cpu, pipe, gmem;

	(void)state;
	cpu = sys_kvm_create_vcpu(m, vm, 0);
	gmem = sys_guest_memfd_create(m, vm, PAGE_SIZE);
	pipe = sys_open_kind(m, FILE_PIPE);
	assert_int_equal(sys_iommufd_map(m, mem, mem, 0), -ENOTTY);
	assert_int_equal(sys_iommufd_map(m, 99, mem, 0), -EBADF);
	assert_int_equal(sys_iommufd_map(m, io, 99, 0), -EBADF);
	assert_int_equal(sys_iommufd_map(m, io, pipe, 0), -EINVAL);
	assert_int_equal(sys_iommufd_map(m, io, memfd_sized(m, 0), 0), -EINVAL);
	assert_int_equal(sys_iommufd_mark(m, mem, 0, 0), -ENOTTY);
	assert_int_equal(sys_iommufd_mark(m, 99, 0, 0), -EBADF);
	assert_int_equal(sys_vfio_open(m, "0000:03:00.0"), -ENOENT);
	assert_int_equal(sys_vfio_open(m, "0000:00:01.0"), -ENOENT);
	assert_int_equal(sys_vfio_attach(m, io, io), -ENOTTY);
	assert_int_equal(sys_vfio_attach(m, 99, io), -EBADF);
	assert_int_equal(sys_vfio_attach(m, vfio, mem), -EBADF);
	assert_int_equal(sys_kvm_create_vcpu(m, mem, 0), -ENOTTY);
	assert_int_equal(sys_kvm_create_vcpu(m, 99, 0), -EBADF);
	assert_int_equal(sys_kvm_create_vcpu(m, vm, 64), -EINVAL);
	assert_int_equal(sys_guest_memfd_create(m, vm, 0), -EINVAL);
	assert_int_equal(sys_guest_memfd_create(m, vm, 100), -EINVAL);
	assert_int_equal(sys_guest_memfd_create(m, cpu, PAGE_SIZE), -ENOTTY);
	assert_int_equal(sys_guest_write(m, vm, gmem, "x", 1, 0), -ENOTTY);
	assert_int_equal(sys_guest_write(m, cpu, mem, "x", 1, 0), -EINVAL);
	assert_int_equal(sys_guest_write(m, cpu, gmem, "x", 1, PAGE_SIZE), -EFAULT);
	assert_int_equal(sys_huge_write(m, mem, "x", 1, 0), -ENODEV);
	assert_int_equal(sys_ftruncate(m, gmem, 0), -EINVAL);
	end_clean(m);
	m = NULL;
}

static void a_preserved_page_table_stays_as_it_is(void **state)
{
	int mem = memfd_with(m, "x"), io = sys_iommufd_open(m), session;

	(void)state;
	session = create_session(m, open_dev(m), "vm0");
	assert_int_equal(sys_iommufd_map(m, io, mem, 0), 0);
	assert_int_equal(sys_iommufd_mark(m, io, 0, 0), 0);
	/* Not sealed when it was mapped; the iommufd goes on as before. */
	assert_int_equal(preserve_fd(m, session, io, 1), -EINVAL);
	assert_int_equal(sys_iommufd_map(m, io, mem, 0), 0);
	io = sys_iommufd_open(m);
	assert_int_equal(sys_iommufd_mark(m, io, 0, 0), 0);
	assert_int_equal(preserve_fd(m, session, io, 1), 0);
	assert_int_equal(sys_iommufd_map(m, io, mem, 0), -EBUSY);
	sys_close(m, session);
	assert_int_equal(sys_iommufd_map(m, io, mem, 0), 0);
	end_clean(m);
	m = NULL;
}

static void a_failed_map_or_create_leaves_nothing(void **state)
{
	int io = sys_iommufd_open(m), mem = memfd_with(m, "x"), vm = sys_kvm_create_vm(m);
	struct census before = m->ledger.now;

	(void)state;
	/* The file and what is behind it; the node is there. */
	for (u32 nth = 1; nth <= 2; nth++) {
		fail_alloc(m, nth);
		assert_int_equal(sys_iommufd_open(m), -ENOMEM);
		fail_alloc(m, nth);
		assert_int_equal(sys_vfio_open(m, "0000:01:00.0"), -ENOMEM);
	}
	for (u32 nth = 1; nth <= 3; nth++) {
		fail_alloc(m, nth);
		assert_int_equal(sys_kvm_create_vm(m), -ENOMEM);
		fail_alloc(m, nth);
		assert_int_equal(sys_kvm_create_vcpu(m, vm, 0), -ENOMEM);
		fail_alloc(m, nth);
		assert_int_equal(sys_guest_memfd_create(m, vm, PAGE_SIZE), -ENOMEM);
	}
	for (u32 nth = 1; nth <= 2; nth++) {
		fail_alloc(m, nth);
		assert_int_equal(sys_iommufd_map(m, io, mem, 0), -ENOMEM);
	}
	assert_same_census(&before, &m->ledger.now);
	assert_int_equal(sys_iommufd_map(m, io, mem, 0), 0);
}

static void the_pool_of_huge_pages_is_what_was_asked_for(void **state)
{
	const struct handlers *h = m->k->handlers;
	int fd = sys_memfd_create(m, "huge", MFD_HUGETLB);
	s64 frames = census(m, CENSUS_FRAMES);

	(void)state;
	assert_int_equal(h->huge_free, 4);
	assert_int_equal(sys_fallocate(m, fd, 0, 0, 5 * HPAGE), -ENOSPC);
	assert_int_equal(h->huge_free, 0);
	assert_int_equal(sys_ftruncate(m, fd, 2 * HPAGE), 0);
	assert_int_equal(h->huge_free, 2);
	/* What waits in the pool is nobody's. And there is nothing to write it back to. */
	assert_int_equal(census(m, CENSUS_FRAMES), frames + 2 * HPAGE / PAGE_SIZE);
	assert_int_equal(sys_drop_caches(m), 0);
	assert_int_equal(h->huge_free, 2);
	assert_int_equal(sys_fallocate(m, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1,
				       HPAGE), 0);
	assert_int_equal(h->huge_free, 2);
	assert_int_equal(sys_fallocate(m, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				       HPAGE), 0);
	assert_int_equal(h->huge_free, 3);
	assert_int_equal(sys_close(m, fd), 0);
	assert_int_equal(h->huge_free, 4);
	end_clean(m);
	m = NULL;
}

static void preserved_huge_pages_are_not_set_aside_twice(void **state)
{
	int fd = sys_memfd_create(m, "huge", MFD_HUGETLB), session;

	(void)state;
	assert_int_equal(sys_ftruncate(m, fd, 3 * HPAGE), 0);
	session = create_session(m, open_dev(m), "vm0");
	/* Preserving fills the holes. */
	assert_int_equal(preserve_fd(m, session, fd, 1), 0);
	assert_int_equal(m->k->handlers->huge_free, 1);
	assert_int_equal(kexec(m), 0);
	assert_int_equal(m->k->handlers->huge_free, 1);
	assert_int_equal(m->k->handlers->huge_total, 1);
	session = retrieve_session(m, open_dev(m), "vm0");
	fd = retrieve_fd(m, session, 1);
	assert_int_equal(finish(m, session), 0);
	assert_int_equal(m->k->handlers->huge_total, 4);
	assert_int_equal(sys_close(m, fd), 0);
	assert_int_equal(m->k->handlers->huge_free, 4);
	machine_end(m);
	assert_clean();
}

static void a_huge_memfd_needs_a_pool_to_be_preserved(void **state)
{
	int fd = sys_memfd_create(m, "huge", MFD_HUGETLB), session;
	struct census before;

	(void)state;
	assert_int_equal(sys_ftruncate(m, fd, 5 * HPAGE), 0);
	session = create_session(m, open_dev(m), "vm0");
	before = m->ledger.now;
	assert_int_equal(preserve_fd(m, session, fd, 1), -ENOMEM);
	/* The pages that there were stay in the file. */
	assert_int_equal(m->k->handlers->huge_free, 0);
	assert_int_equal(m->ledger.now.count[CENSUS_PINS], before.count[CENSUS_PINS]);
	assert_int_equal(m->ledger.now.count[CENSUS_PRESERVED], before.count[CENSUS_PRESERVED]);
	assert_int_equal(m->ledger.now.count[CENSUS_FROZEN], 0);
	assert_int_equal(sys_ftruncate(m, fd, 4 * HPAGE), 0);
	assert_int_equal(preserve_fd(m, session, fd, 1), 0);
}

static void a_scripted_handler_knows_its_files(void **state)
{
	struct flb_stats stats;
	struct tenant t;
	int session = create_session(m, open_dev(m), "vm0");

	(void)state;
	make_tenant(&t);
	assert_int_equal(preserve_fd(m, session, t.fd[EVENT], 1), 0);
	assert_int_equal(machine_flb(m, "bus", &stats), 0);
	assert_int_equal(stats.outgoing, 1);
	assert_int_equal(machine_flb(m, "rail", &stats), -ENOENT);
	assert_int_equal(preserve_fd(m, session, t.fd[PIPE], 2), 0);
	/* Its id is the same for all files. */
	assert_int_equal(preserve_fd(m, session, sys_open_kind(m, FILE_PIPE), 3), -EBUSY);
	assert_int_equal(preserve_fd(m, session, sys_open_kind(m, FILE_EPOLL), 3), -ENOENT);
	assert_int_equal(handler_call_find(handler_call_name(CALL_FLB_RETRIEVE)),
			 CALL_FLB_RETRIEVE);
	assert_int_equal(handler_call_find("poll"), -ENOENT);
}

static void only_the_call_that_was_named_fails(void **state)
{
	struct handler_script script = {
		.name = "third", .accepts = 1 << FILE_PIPE, .fail[CALL_PRESERVE] = { -EIO, 3 },
	};
	struct machine_config config = {
		.boot = { .release = release_named("next"), .kho = true, .liveupdate = true },
		.mem = 64 * MIB, .emit = record, .scripts = &script, .nr_scripts = 1,
	};
	int session;

	(void)state;
	machine_free(m);
	m = machine_new(&config);
	session = create_session(m, open_dev(m), "vm0");
	for (u64 token = 1; token <= 5; token++)
		assert_int_equal(preserve_fd(m, session, sys_open_kind(m, FILE_PIPE), token),
				 token == 3 ? -EIO : 0);
	/* Calls are counted anew in each kernel. */
	assert_int_equal(kexec(m), 0);
	session = create_session(m, open_dev(m), "vm1");
	assert_int_equal(preserve_fd(m, session, sys_open_kind(m, FILE_PIPE), 1), 0);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, make_next, free_machine)
	const struct CMUnitTest tests[] = {
		TEST(a_tenant_comes_through_two_kernels),
		TEST(closing_the_session_gives_all_back),
		TEST(every_handler_says_what_it_takes),
		TEST(a_released_kernel_takes_memfds_only),
		TEST(the_posted_handlers_can_be_loaded_into_a_release),
		TEST(the_vm_comes_first_where_tokens_are_looked_up_in_preserve),
		TEST(an_allocation_that_fails_in_preserve_leaves_no_trace),
		TEST(an_allocation_that_fails_in_retrieve_breaks_nothing_else),
		TEST(a_page_table_that_reads_something_else_is_lost),
		TEST(nothing_comes_back_of_an_iommufd_in_the_first_phase),
		TEST(a_vcpu_made_anew_takes_the_place_of_the_old_one),
		TEST(devices_are_listed_once_with_the_bridge_above_them),
		TEST(files_of_one_node_have_its_inode),
		TEST(it_counts_which_device_is_attached_to_which_iommufd),
		TEST(it_has_the_pages_of_flbs),
		TEST(files_of_the_wrong_kind_are_refused),
		TEST(a_preserved_page_table_stays_as_it_is),
		TEST(a_failed_map_or_create_leaves_nothing),
		TEST(the_pool_of_huge_pages_is_what_was_asked_for),
		TEST(preserved_huge_pages_are_not_set_aside_twice),
		TEST(a_huge_memfd_needs_a_pool_to_be_preserved),
		TEST(a_scripted_handler_knows_its_files),
		TEST(only_the_call_that_was_named_fails),
	};

	return cmocka_run_group_tests_name("handlers", tests, NULL, NULL);
}

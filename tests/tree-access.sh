#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# With build-kernel --preempt=access a task is left at every access of a tree's files: data races
# are told with both sides, marked accesses apart, and what locks keep out is none. Skipped
# without LUOSIM_KERNEL_TREE.
# shellcheck disable=SC2317 # check() calls the functions
. "${srcdir:=.}/tests/tap.sh"
. "$srcdir/tests/tree-head.sh"

check "what can be preempted" gives 2 build-kernel . -o x.so --preempt=locks
need_tree "data races of a kernel tree" --preempt=access
export kind=access
. "$srcdir/tests/tree.sh"
file=kernel/liveupdate/luo_session.c
race=$srcdir/scenarios/races/close-create.scn

# None, in far more schedules than there are without.
none()
{
	gives 0 --kernel ./x.so "$race"
	! grep -q 'data race' out || cat out
	grep -qE '^verdict: [0-9]{10,} schedules' out || cat out
}

# A counter that both tasks change, as a C expression with its mark; without a lock.
counter()
{
	changed "/^static int luo_session_(insert|release)\(/,/^\{/s/^\{/&\n\t$1/" $file >sed.log
	sed -i '/^static int luo_session_insert(/i static long counter;' changed/$file
	compiled
	"$luosim" --kernel ./y.so "$race" >out 2>err
}

plain()
{
	counter 'counter += 1;'
	grep -qE '^ +data-race: luo_session_[a-z]+\(\) (read|write)s 8 bytes at' out || cat out err
	grep -qE "^  luo_session_[a-z]+\(\) (read|write)s 8 bytes at $file:[0-9]+, holding .*; luo_session_[a-z]+\(\) (read|write)s 8 bytes at $file:[0-9]+, holding" out || cat out
}

marked()
{
	counter 'WRITE_ONCE(counter, READ_ONCE(counter) + 1);'
	! grep -q 'data.race' out || cat out
	counter 'counter = READ_ONCE(counter) + 1;'
	grep -qE '^  with a marked access: .* marked 8 bytes at' out || cat out
}

# B38: LUO walks its list of handlers while one of them goes.
write_walk()
{
	cat >walk.scn <<-'END'
		scenario walk

		handler other
		  accepts tmpfile
		end
		handler counter
		  accepts eventfd
		end

		kernel 1 v7.1
		  open("/dev/liveupdate")       = dev
		  create_session(dev, "a")      = a
		  open_file(eventfd)            = e
		  race
		    task one
		      preserve_fd(a, e, 1)      = 0
		    task two
		      rmmod("other")            = 0
		  end
		END
}

walked()
{
	write_walk
	gives 0 --kernel ./x.so walk.scn
	! grep -q 'data race' out || cat out
	lines=2 changed '/^int luo_preserve_file\(/,/^\}/s/\t(down|up)_read\(&luo_register_rwlock\);/\t;/'
	"$luosim" --kernel ./y.so walk.scn >out 2>err
	grep -qE '^  liveupdate_unregister_file_handler\(\) writes .*, holding luo_register_rwlock; luo_preserve_file\(\) reads 8 bytes at kernel/liveupdate/luo_file.c:' out ||
		cat out err
	grep -q '^  use-after-free: handler "other" is used, whose module was unloaded' out || cat out
}

# B39: a driver's FLB, which its handler looks at when it is asked for a file that it does not
# take, and which LUO sets up where it is used first.
write_driver()
{
	cat >driver.c <<-'END'
		#include <linux/init.h>
		#include <linux/liveupdate.h>

		static int early_preserve(struct liveupdate_flb_op_args *args) { return 0; }
		static void early_done(struct liveupdate_flb_op_args *args) { }
		static const struct liveupdate_flb_ops early_ops = {
			.preserve = early_preserve, .unpreserve = early_done,
			.retrieve = early_preserve, .finish = early_done,
		};
		static struct liveupdate_flb early = { .ops = &early_ops, .compatible = "early" };

		static bool takes(struct liveupdate_file_handler *fh, struct file *file)
		{
			void *obj;

			return !liveupdate_flb_get_incoming(&early, &obj) && false;
		}
		static int keep(struct liveupdate_file_op_args *args) { return -EINVAL; }
		static void done(struct liveupdate_file_op_args *args) { }
		static const struct liveupdate_file_ops ops = {
			.can_preserve = takes, .preserve = keep, .unpreserve = done,
			.retrieve = keep, .finish = done,
		};
		static struct liveupdate_file_handler handler = { .ops = &ops, .compatible = "d" };
		static int __init driver_init(void)
		{
			return liveupdate_register_file_handler(&handler);
		}
		late_initcall(driver_init);
		END
	cat >flb.scn <<-'END'
		scenario flb

		kernel 1 v7.1
		  open("/dev/liveupdate")       = dev
		  create_session(dev, "a")      = a
		  create_session(dev, "b")      = b
		  open_file(eventfd)            = e
		  race
		    task one
		      preserve_fd(a, e, 1)      = -ENOENT
		    task two
		      preserve_fd(b, e, 1)      = -ENOENT
		  end
		END
}

# with_driver SED LINES: the same of a tree with that driver.
with_driver()
{
	lines=$2 changed "/^static .*\*luo_flb_get_private\(/,/^\}/{$1}" kernel/liveupdate/luo_flb.c
	cp driver.c changed/kernel/liveupdate/
	add=kernel/liveupdate/driver.c compiled
	"$luosim" --kernel ./y.so flb.scn >out 2>err
}

first_used()
{
	write_driver
	with_driver '' 0
	grep -qE '^verdict: .* schedules: [0-9]+ clean$' out || cat out err
	with_driver 's/smp_load_acquire\(&(.*)\)\)/\1)/;s/guard\(.*;/;/;s/smp_store_release\(&(.*), true\)/\1 = true/' 3
	# The compiler has luo_flb_get_private() in its callers.
	grep -qE '^  [a-z_]+\(\) writes 4 bytes at kernel/liveupdate/luo_flb.c:[0-9]+, .*; [a-z_]+\(\) writes 4 bytes at kernel/liveupdate/luo_flb.c:' out ||
		cat out err
}

check "no data race where there is none, in many schedules" none
check "a data race is told with both sides" plain
slow "a list of handlers that is walked without its lock" walked
slow "an FLB that two use first, without a lock" first_used
slow "a marked access is told apart, two are none" marked
done_testing

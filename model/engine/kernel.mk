# SPDX-License-Identifier: GPL-2.0-only
# Compile and link the object of a kernel tree; build-kernel.sh says where everything is.
#
# TREE, PREPARED: the tree and its configured folder. FLAGS: what it compiles with.
# ENGINE: this folder. ADD: files in addition to those of LUO, KHO and memfd. OUT: the object.
# KIND: coverage, asan, access, or nothing.

MAKEFLAGS += -rR
.DEFAULT_GOAL = $(OUT)
.DELETE_ON_ERROR:

# Options that Kconfig has not for ARCH=um.
DEFINES = $(addprefix -DCONFIG_,$(addsuffix =1,KEXEC_CORE KEXEC_FILE KEXEC_HANDOVER \
	KEXEC_HANDOVER_ENABLE_DEFAULT LIVEUPDATE LIVEUPDATE_MEMFD MEMBLOCK_KHO_SCRATCH))
# Names in the compiler's lists of headers are to be good from anywhere.
CC = gcc -I$(ENGINE)/glue $(subst -I./,-I$(PREPARED)/,$(FLAGS)) -I. -I$(ENGINE) -I$(TREE)/kernel/liveupdate -I$(TREE)/mm -I$(TREE)/scripts/dtc/libfdt -I$(TREE) \
	$(DEFINES) -w -O2 -g1 -fdebug-prefix-map=$(TREE)=/tree -fPIC -fvisibility=default -fno-omit-frame-pointer \
	-fno-optimize-sibling-calls -MMD -MP

# What else the tree's files are compiled with. The counters of gcov are told apart by their
# sections, and core.c has its library write them out.
# Lines that only choose a value, such as "return -EINVAL;", are to be left in the code.
INSTRUMENT-coverage = --coverage -fdata-sections -fno-early-inlining -fno-thread-jumps \
	$(addprefix -fno-tree-,ccp forwprop fre vrp phiprop dce dse sra)
LIBS-coverage = -Wl,-u,__gcov_dump -lgcov -lc
# Accesses become calls; no other memory says what may be accessed.
INSTRUMENT-asan = -fsanitize=kernel-address --param=asan-stack=0 --param=asan-globals=1 \
	--param=asan-instrumentation-with-call-threshold=0
GLUE-asan = asan
# The same for races; volatile accesses are told apart.
INSTRUMENT-access = -fsanitize=thread --param=tsan-distinguish-volatile=1 \
	--param=tsan-instrument-func-entry-exit=0
GLUE-access = tsan
.kind = $(addprefix .,$(KIND))

# What is borrowed: linked where neither the files nor the glue have a function.
BORROWED = $(patsubst $(TREE)/%,%,$(wildcard $(addprefix $(TREE)/,lib/xarray.c lib/vsprintf.c \
	lib/string.c lib/string_helpers.c lib/kstrtox.c lib/ctype.c lib/find_bit.c lib/hweight.c \
	lib/errname.c lib/hexdump.c lib/list_debug.c lib/cmdline.c lib/usercopy.c lib/refcount.c \
	lib/fdt.c lib/fdt_ro.c lib/fdt_rw.c lib/fdt_sw.c lib/fdt_wip.c lib/fdt_strerror.c \
	lib/fdt_empty_tree.c lib/fdt_addresses.c mm/page_alloc.c)))
# The files that kernel/liveupdate/Makefile would build, and in which module each is.
CONFIG_KEXEC_HANDOVER := y
CONFIG_LIVEUPDATE := y
include $(TREE)/kernel/liveupdate/Makefile
parts = $(or $(strip $($(1:.o=-y)) $($(1:.o=-objs))),$(1))
define set_module
module-kernel/liveupdate/$(2:.o=.c) := $(1:.o=)
endef
$(foreach o,$(obj-y),$(foreach p,$(call parts,$(o)),$(eval $(call set_module,$(o),$(p)))))
OWN_FILES = $(addprefix kernel/liveupdate/,$(patsubst %.o,%.c,$(foreach o,$(obj-y),$(call parts,$(o))))) \
	mm/memfd_luo.c
FILES = $(OWN_FILES) $(filter-out $(OWN_FILES),$(ADD))
module_of = $(or $(module-$(1)),$(notdir $(1:.c=)))

GLUE = core fs handlers kho lib mm scripted $(GLUE-$(KIND))

# Functions of the tree that the glue stands in front of.
WRAPPED = liveupdate_register_file_handler luo_file_freeze luo_file_unfreeze \
	luo_file_deserialize luo_session_deserialize \
	kho_alloc_preserve kho_preserve_folio kho_unpreserve_folio kho_preserve_pages kho_unpreserve_pages \
	kho_unpreserve_vmalloc kho_restore_folio kho_restore_pages kho_radix_init_tree \
	__xa_insert xa_erase

objects = $(subst /,+,$(FILES:.c=$(.kind).o))
borrowed = $(addprefix borrowed+,$(subst /,+,$(BORROWED:.c=.o)))
glue = $(addprefix glue+,$(addsuffix .o,$(GLUE)))

names = -DKBUILD_MODFILE='"$(1)"' -DKBUILD_BASENAME='"$(notdir $(2:.c=))"' \
	-DKBUILD_MODNAME='"$(1)"' -D__KBUILD_MODNAME=$(1)

$(OUT): $(objects) $(borrowed) $(glue) parts$(.kind) stubs$(.kind).o info$(.kind).o $(ENGINE)/glue/kernel.lds
	gcc -shared -nostdlib -o $@ -Wl,-Bsymbolic,--gc-sections,-z,now,-z,norelro,--build-id=none \
		-Wl,--no-undefined,--version-script=exports -Wl,-T,$(ENGINE)/glue/kernel.lds \
		$(objects) $(glue) $(borrowed) stubs$(.kind).o info$(.kind).o $(LIBS-$(KIND))
	$(if $(filter coverage,$(KIND)),$(add_notes))

# What gcov knows of the source, in the object itself: the next build writes it anew.
add_notes = tar -cf notes.tar $(objects:.o=.gcno) && \
	objcopy --add-section .luosim_notes=notes.tar $@ && rm notes.tar

# The functions that are wrapped become weak, and get a second name.
wrap = objdump -t $@ | awk -v wrapped='$(WRAPPED)' ' \
	BEGIN { n = split(wrapped, names, " "); for (i = 1; i <= n; i++) is[names[i]] = 1 } \
	$$2 == "g" && $$3 == "F" && is[$$NF] { \
		printf "--weaken-symbol=%s\n--add-symbol=real_%s=%s:0x%s,function,global\n", \
			$$NF, $$NF, $$4, $$1 }' >$@.wrap

.SECONDEXPANSION:
unplus = $(subst +,/,$(1))
# A file to add may be one that the tree has not.
in_tree = $(if $(filter /%,$(1)),,$(TREE)/)$(1)

$(objects): %$(.kind).o: $$(call in_tree,$$(call unplus,%)).c $(ENGINE)/kernel.mk
	cd $(PREPARED) && $(CC) -I$(CURDIR) -I$(dir $<) $(call names,$(call module_of,$(call unplus,$*).c),$<) \
		$(INSTRUMENT-$(KIND)) -MF $(CURDIR)/$*$(.kind).d -MT $@ -c -o $(CURDIR)/$@ $<
	$(wrap)
	objcopy -R '.fini_array*' --globalize-symbol=luo_session_global --globalize-symbol=luo_preserved_files \
		@$@.wrap $@

# Of what is borrowed only functions and constants are taken, and only what is called. What
# the configuration leaves out may not compile, and has nothing to lend; a compiler that was
# killed or had no room says nothing of that.
$(borrowed): borrowed+%.o: $$(TREE)/$$(call unplus,%).c $(ENGINE)/kernel.mk
	cd $(PREPARED) && if $(CC) -I$(CURDIR) -I$(dir $<) -ffunction-sections -fdata-sections \
		$(call names,$(notdir $(<:.c=)),$<) -MF $(CURDIR)/borrowed+$*.d -MT $@ \
		-c -o $(CURDIR)/$@ $< 2>$(CURDIR)/$@.err; then :; \
	elif grep -q ': error: ' $(CURDIR)/$@.err; then $(CC) -x c -c -o $(CURDIR)/$@ /dev/null; \
	else cat $(CURDIR)/$@.err; false; fi
	$(wrap)
	objcopy --weaken @$@.wrap -R '.initcall*' -R '.init.setup' -R '___ksymtab*' -R '.export_symbol' $@

$(glue): glue+%.o: $(ENGINE)/glue/%.c probed.h layout.h
	cd $(PREPARED) && $(CC) -I$(CURDIR) $(call names,luosim,$<) -MF $(CURDIR)/glue+$*.d -MT $@ \
		-c -o $(CURDIR)/$@ $<
	objcopy --rename-section .text=luosim_text $@

# Where in its variables luo_session.c keeps what the judge asks for, if it has it so; and what
# the types of handlers have.
has = if grep -q '"$(2)"$(if $(3),$(comma) "$(3)")' layout.h; then echo '\#define $(1)' >>$@; fi
comma = ,
probed.h: $(TREE)/kernel/liveupdate/luo_session.c $(ENGINE)/glue/probe.c layout.h
	cd $(PREPARED) && $(CC) -I$(CURDIR) -I$(dir $<) $(call names,luo,$<) -S -o - \
		$(ENGINE)/glue/probe.c -MF $(CURDIR)/probe.d 2>/dev/null | \
		sed -nE 's/.*->PROBED_([a-z_]+) \$$?([0-9]+).*/#define PROBED_\1 \2/p' >$(CURDIR)/$@ || :
	test ! -s $@ || echo '#define PROBED_SESSIONS' >>$@
	$(call has,PROBED_FLB,liveupdate_flb)
	$(call has,PROBED_GET_ID,liveupdate_file_ops,get_id)
	$(call has,PROBED_RETRIEVE_STATUS,liveupdate_file_op_args,retrieve_status)

# Where the tree has what it hands over. Of layout.c the lines that are errors are left out.
layout_cc = cd $(PREPARED) && $(CC) -I$(CURDIR) -I$(dir $<) -I$(ENGINE)/glue -ftrack-macro-expansion=0 \
	$(call names,kho,$<)
layout.h: $(TREE)/kernel/liveupdate/kexec_handover.c $(ENGINE)/glue/layout.c
	$(layout_cc) -fsyntax-only -MF $(CURDIR)/layout.d -MT $@ $(ENGINE)/glue/layout.c 2>&1 | \
		sed -nE 's|^[^ ]*glue/layout\.c:([0-9]+):.* error: .*|\1d|p' | sort -u | \
		sed -f - $(ENGINE)/glue/layout.c >$(CURDIR)/known.c
	$(layout_cc) -S -o - -MF /dev/null $(CURDIR)/known.c | \
		sed -nE 's/.*"->([^ ]+) ([^ ]+) \$$?([0-9]+) \$$?([0-9]+)".*/{ "\1", "\2", \3, \4 },/p' \
		>$(CURDIR)/$@

# What the object is made of: others, with --add and without, have the same folder.
parts$(.kind): FORCE
	echo '$(objects)' >$@.new
	cmp -s $@.new $@ || mv $@.new $@

# What is left: functions that nobody has become stubs that say so.
lacks$(.kind): $(objects) $(borrowed) $(glue) parts$(.kind) $(ENGINE)/kernel.mk
	echo '{ global: luosim_kernel; local: *; };' >exports
	gcc -shared -nostdlib -o lacking.so -Wl,-Bsymbolic,--gc-sections,-z,norelro \
		-Wl,--unresolved-symbols=ignore-all -Wl,-T,$(ENGINE)/glue/kernel.lds \
		-Wl,--version-script=exports $(objects) $(glue) $(borrowed) $(LIBS-$(KIND))
	nm -D -u lacking.so | awk '$$1 == "U" && !/@/ { print $$2 }' | \
		grep -vE '^(_GLOBAL_OFFSET_TABLE_|real_.*|luosim_(version|commit|config|lacks|kind))$$' | sort >$@ || :
	rm -f lacking.so

stubs$(.kind).c: lacks$(.kind)
	{ \
		echo 'void luosim_missing(const char *name);'; \
		sed 's/.*/void stub_&(void) __asm__("&"); void stub_&(void) { luosim_missing("&"); }/' $<; \
	} >$@

info$(.kind).c: FORCE lacks$(.kind)
	{ \
		echo 'const char luosim_version[] = "$(KERNEL_VERSION)";'; \
		echo 'const char luosim_commit[] = "$(KERNEL_COMMIT)";'; \
		echo 'const char luosim_kind[] = "$(KIND)";'; \
		echo 'const char luosim_config[] = "$(KERNEL_CONFIG)";'; \
		echo 'const char luosim_lacks[] = "'$$(tr '\n' ' ' <lacks$(.kind))'";'; \
	} >$@.new
	cmp -s $@.new $@ || mv $@.new $@

stubs$(.kind).o info$(.kind).o: %.o: %.c
	gcc -O2 -fPIC -fno-omit-frame-pointer -c -o $@ $<

FORCE:
.PHONY: FORCE

-include $(wildcard *.d)

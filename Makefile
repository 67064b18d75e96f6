# SPDX-License-Identifier: MIT
# Cafevisor: 'make help' lists what can be made. Everything that is built lands in $(BUILD).
#
#: make run            build, boot the demo guest with a sample disk, show the log; its status is make's
#:   GUEST=file.elf DISK=file.img MEMORY=256M TIMEOUT=120 CMDLINE="..." ARGS="key=value ..."
#:   ENGINE=bochs|kvm|tcg     instead of what the machine offers
#:   INITRD=file CONSOLE=1    for a Linux guest; what is typed goes to the guest until Ctrl-A X
#: make linux          boot Debian's own Linux to a shell, with a disk of its own, build/linux-disk.img
#:   CMDLINE="..."            more words for the kernel
#: make test-linux     the same with tests in the shell's place
#: make test           unit tests, decoder against Zydis, fuzzers for a moment, whole machines, budgets
#: make test-full      the same with 64 MiB instead of 4 for each way of using the virtio disk
#: make test-list      the names of the whole-machine tests
#: make test-nested    the demo, virtio-blk, interrupts under QEMU/KVM with nested VT-x, inside Bochs
#: make test-models    the demo on each processor model of Bochs that has VT-x, and some that lack it
#: make lab LAB=3      an assignment of the course kit as students get it, into build/lab3/ (docs/lab/staff.md)
#: make grade LAB=3    an assignment's public tests: points, hints, what to read; TEST=name runs one
#: make lab-autograder LAB=3   the same for Gradescope
#: make test-lab       what known submissions get from whole machines
#: make test-decoder-full   every combination of prefixes against Zydis
#: make fuzz FUZZ=fuzz_svirtb   fuzz one target until interrupted
#: make bench          what exits and requests cost: a table, build/bench.csv, build/bench.svg
#: make bench-linux    what a start of Linux and its disk cost, natively and as a guest
#: make image          build/cafevisor.img, for a USB stick
#: make lint           clang-format, cppcheck, shellcheck, no vector instructions in the image
#: make all, make clean, make setup   build only; remove build/; install missing packages
#: V=1 shows whole commands

VERSION := 0.1.0
BUILD   ?= build
CC      := gcc
HOSTCC  := gcc
CLANG   := clang
NASM    := nasm

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
# What makes file systems and partitions lies there, where a user's own PATH does not lead.
export PATH := $(PATH):/usr/sbin:/sbin

# V=1 shows whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

WARNINGS := -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
DEFINES  := -DCAFEVISOR_VERSION='"$(VERSION)"'
# The same object bytes wherever the tree lies: no absolute path reaches the image.
STABLE   := -ffile-prefix-map=$(CURDIR)=. -frandom-seed=cafevisor

# --- the image: everything between VM exit and VM entry keeps off the vector registers ------------
# Small is good enough, but for what an access runs through.
HOT_OBJ := $(patsubst %,$(BUILD)/image/%.o,vmm/run vmm/exit_ept vmm/exit_instruction \
	vmm/decode_operands devices/svirtb devices/svirtb_ring devices/virtio_mmio devices/virtio_blk \
	devices/virtio_blk_request devices/virtq devices/virtq_split devices/virtq_packed devices/virtq_packed_take \
	devices/virtq_chain devices/block devices/ramdisk mm/guest_memory lib/string)
OPTIMIZE := -Os
$(HOT_OBJ): OPTIMIZE := -O2
IMAGE_CFLAGS = -std=c11 $(OPTIMIZE) -g $(WARNINGS) $(DEFINES) $(STABLE) -I. -I$(GENERATED) \
	-ffreestanding -fno-builtin-printf -mgeneral-regs-only -mno-red-zone -fpic -fvisibility=hidden \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -fcf-protection=none
EFI_CFLAGS := -maccumulate-outgoing-args -isystem /usr/include/efi -isystem /usr/include/efi/x86_64 -DGNU_EFI_USE_MS_ABI -fshort-wchar

# ACPI's namespace tables, compiled from boot/*.asl into the bytes of C arrays.
GENERATED := $(BUILD)/generated
ACPI_INC  := $(patsubst %.asl,$(GENERATED)/%.inc,$(wildcard boot/*.asl))

# The offsets.c files are no part of the image: they make the assembly's include files.
IMAGE_C   := $(filter-out %/offsets.c,$(wildcard boot/*.c vmm/*.c devices/*.c mm/*.c lib/*.c))
IMAGE_ASM := $(wildcard boot/*.asm vmm/*.asm)
IMAGE_OBJ := $(IMAGE_C:%.c=$(BUILD)/image/%.o) $(IMAGE_ASM:%.asm=$(BUILD)/image/%.asm.o)
EFI_LIB   := /usr/lib

.PHONY: all
all: $(BUILD)/cafevisor.efi guests efi-programs boot-tools $(BUILD)/disk.img

include guest-driver/guests.mk
include tests/lab/lab.mk
-include tests/lab/staff.mk

$(GENERATED)/%.inc: %.asl
	@mkdir -p $(@D)
	$(call say,IASL,$<)
	$(Q)iasl -we -p $(@:.inc=) $< > $(@:.inc=.txt) || { cat $(@:.inc=.txt); exit 1; }
	$(Q)od -An -v -tx1 $(@:.inc=.aml) | sed 's/ \(..\)/ 0x\1,/g' > $@

$(BUILD)/image/boot/acpi.o $(BUILD)/host/boot/acpi.o: $(ACPI_INC)
$(BUILD)/image/boot/%.o: IMAGE_CFLAGS += $(EFI_CFLAGS)
# A section for each function and object, of which linker.ld takes those that are used. Not for the
# EFI programs below: GNU-EFI's linker script leaves such sections out of the program.
$(BUILD)/image/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(IMAGE_CFLAGS) -ffunction-sections -fdata-sections -MMD -MP -c $< -o $@

$(BUILD)/image/boot/offsets.s: IMAGE_CFLAGS += $(EFI_CFLAGS)
$(BUILD)/image/%/offsets.s: %/offsets.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(IMAGE_CFLAGS) -g0 -MMD -MP -MT $@ -S $< -o $@

$(BUILD)/image/%/offsets.inc: $(BUILD)/image/%/offsets.s
	$(Q)sed -n 's/^\s*#define_offset/%define/p' $< > $@

$(BUILD)/image/boot/%.asm.o: boot/%.asm $(BUILD)/image/boot/offsets.inc
	$(call say,NASM,$<)
	$(Q)$(NASM) -f elf64 -I $(BUILD)/image/boot/ $< -o $@
$(BUILD)/image/vmm/%.asm.o: vmm/%.asm $(BUILD)/image/vmm/offsets.inc
	$(call say,NASM,$<)
	$(Q)$(NASM) -f elf64 -I $(BUILD)/image/vmm/ $< -o $@

# The listing and the map beside the image are for debugging (CONTRIBUTING.md).
$(BUILD)/cafevisor.so: $(IMAGE_OBJ) linker.ld
	$(call say,LD,$@)
	$(Q)ld -O2 -nostdlib -shared -Bsymbolic --gc-sections -znocombreloc -zmax-page-size=4096 --no-undefined \
		--build-id=none -T linker.ld -Map=$(BUILD)/cafevisor.map \
		$(EFI_LIB)/crt0-efi-x86_64.o $(IMAGE_OBJ) -L $(EFI_LIB) -lgnuefi -o $@
	$(Q)objdump -d --no-show-raw-insn $@ > $(BUILD)/cafevisor.lst

$(BUILD)/cafevisor.efi: $(BUILD)/cafevisor.so
	$(call say,EFI,$@)
	$(Q)objcopy -j .text -j .reloc -j .rodata -j .data.rel.ro -j .data -j .dynamic -j .rela \
		-j .dynsym -j .dynstr --target=efi-app-x86_64 --subsystem=10 $< $@

# --- the pure core: what also compiles for the host, for unit tests and fuzzers -------------------
PURE_C := $(filter-out lib/string.c,$(wildcard lib/*.c)) $(wildcard mm/*.c devices/*.c) \
	$(wildcard vmm/decode*.c vmm/alu.c vmm/guest_walk.c vmm/insn_cache.c boot/config*.c boot/pvh*.c boot/elf*.c \
	boot/acpi*.c boot/linux*.c boot/guest_image.c)
HOST_CFLAGS := -std=c11 -O1 -g $(WARNINGS) $(DEFINES) -I. -I$(GENERATED) -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
PURE_OBJ  := $(PURE_C:%.c=$(BUILD)/host/%.o)
UNIT_C    := $(wildcard tests/unit/test_*.c)
UNIT_BIN  := $(UNIT_C:tests/unit/%.c=$(BUILD)/unit/%)
FUZZ_C    := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_PART_C := $(filter-out $(FUZZ_C),$(wildcard tests/fuzz/*.c))
FUZZ_BIN  := $(FUZZ_C:tests/fuzz/%.c=$(BUILD)/fuzz/%)

$(BUILD)/host/%.o: %.c
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/host/libpure.a: $(PURE_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/host/libpure.a
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -MMD -MP -MF $@.d $< $(BUILD)/host/libpure.a -lcmocka -lZydis -o $@

$(BUILD)/unit/compare_zydis: $(wildcard tests/decoder/*.c tests/decoder/*.h) $(BUILD)/host/libpure.a
	@mkdir -p $(@D)
	$(call say,HOSTCC,tests/decoder)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -O2 $(filter %.c,$^) $(BUILD)/host/libpure.a -lZydis -o $@

FUZZ_CFLAGS := -std=c11 -O1 -g -Wall -Wextra -Werror $(DEFINES) -I. -I$(GENERATED) -fno-sanitize-recover=all
FUZZ_SANITIZERS := address,undefined
$(BUILD)/fuzz/pure/%.o: %.c | $(ACPI_INC)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZERS) -MMD -MP -c $< -o $@

$(BUILD)/fuzz/libpure.a: $(PURE_C:%.c=$(BUILD)/fuzz/pure/%.o)
	@rm -f $@
	$(Q)ar rcs $@ $^

# What several targets have in common, or what of one has a file of its own.
$(BUILD)/fuzz/libparts.a: $(FUZZ_PART_C:%.c=$(BUILD)/fuzz/pure/%.o)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/fuzz/%: tests/fuzz/%.c $(BUILD)/fuzz/libparts.a $(BUILD)/fuzz/libpure.a
	@mkdir -p $(@D)
	$(call say,FUZZ,$<)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer,$(FUZZ_SANITIZERS) -MMD -MP -MF $@.d $(filter %.c %.a,$^) -o $@

# --- other EFI programs: what starts runs in an emulator, and what looks at the firmware's state ---
EFI_PROGRAMS := $(BUILD)/starter.efi $(patsubst tests/boot/efi/%.c,$(BUILD)/efi/%.efi,$(wildcard tests/boot/efi/*.c))

$(BUILD)/efi/%.o: tests/boot/efi/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(IMAGE_CFLAGS) $(EFI_CFLAGS) -MMD -MP -c $< -o $@
$(BUILD)/efi/starter.o: scripts/starter.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(IMAGE_CFLAGS) $(EFI_CFLAGS) -MMD -MP -c $< -o $@
# A program's further files lie in a folder of its name.
$(BUILD)/efi/state.so: $(patsubst tests/boot/efi/%.c,$(BUILD)/efi/%.o,$(wildcard tests/boot/efi/state/*.c))
$(BUILD)/efi/%.so: $(BUILD)/efi/%.o
	$(Q)ld -nostdlib -shared -Bsymbolic -znocombreloc --build-id=none --no-undefined \
		-T $(EFI_LIB)/elf_x86_64_efi.lds $(EFI_LIB)/crt0-efi-x86_64.o $(filter %.o,$^) -L $(EFI_LIB) \
		-lefi -lgnuefi -o $@
	$(Q)! objdump -h $@ | grep ' \.bss' || { echo '$@: that is not in the program'; rm $@; exit 1; }
$(BUILD)/efi/%.efi: $(BUILD)/efi/%.so
	$(call say,EFI,$@)
	$(Q)objcopy -j .text -j .reloc -j .data -j .dynamic -j .rela -j .dynsym -j .dynstr \
		--target=efi-app-x86_64 --subsystem=10 $< $@
$(BUILD)/starter.efi: $(BUILD)/efi/starter.efi
	@cp $< $@

.PHONY: efi-programs
efi-programs: $(EFI_PROGRAMS)

# --- what the machine tests look at disk images with ------------------------------------------------
BOOT_TOOLS := $(patsubst tests/boot/%.c,$(BUILD)/boot/%,$(wildcard tests/boot/*.c))

$(BUILD)/boot/%: tests/boot/%.c
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) $(HOST_CFLAGS) -MMD -MP -MF $@.d $< -o $@

.PHONY: boot-tools
boot-tools: $(BOOT_TOOLS)

# --- running ---------------------------------------------------------------------------------------
DOCS := $(wildcard docs/*)

$(BUILD)/disk.img: scripts/make-disk.sh $(DOCS)
	@mkdir -p $(@D)
	$(call say,DISK,$@)
	$(Q)scripts/make-disk.sh $@ docs

$(BUILD)/make-status.so: scripts/make-status.c
	@scripts/setup.sh
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -shared -fPIC -O1 -Wall $< -o $@

.PHONY: setup
setup:
	@scripts/setup.sh

.PHONY: everything
everything: setup
	@+$(MAKE) --no-print-directory all

# Every variable of scripts/run.sh. Make itself exits with 0, 1 or 2 only; a plug-in, which make builds
# and loads before anything else, lets it exit with the run's own status.
export GUEST INITRD DISK MEMORY TIMEOUT CMDLINE ARGS ENGINE CONSOLE BUILD
ifneq ($(filter run,$(MAKECMDGOALS)),)
-load $(BUILD)/make-status.so(status_gmk_setup)
endif
RUN_PARTS := $(BUILD)/cafevisor.efi $(BUILD)/starter.efi $(BUILD)/guests/demo.elf $(BUILD)/disk.img
.PHONY: run machine-run
machine-run: setup
	@+$(MAKE) --no-print-directory $(RUN_PARTS)
	@scripts/run.sh; echo $$? > $(BUILD)/run.status
run: machine-run
	$(exit-with $(file < $(BUILD)/run.status))

.PHONY: linux
linux: setup
	@+$(MAKE) --no-print-directory $(BUILD)/cafevisor.efi $(BUILD)/starter.efi
	@CONSOLE=$(or $(CONSOLE),1) scripts/linux.sh

.PHONY: image
image: setup
	@+$(MAKE) --no-print-directory $(RUN_PARTS)
	@scripts/make-image.sh $(BUILD)/cafevisor.img $(BUILD)/cafevisor.efi $(BUILD)/guests/demo.elf \
		$(BUILD)/disk.img

# --- tests: each part appends its PASS, FAIL and SKIP lines to RESULTS -----------------------------
export RESULTS := $(BUILD)/test-results.txt
FUZZ_RUNS := 20000

.PHONY: unit fuzz-build fuzz decoder
unit: $(UNIT_BIN)
	@scripts/test-unit.sh $(UNIT_BIN)

decoder: $(BUILD)/unit/compare_zydis
	@scripts/test-command.sh decoder-against-zydis $<

.PHONY: test-decoder-full
test-decoder-full: setup
	@+$(MAKE) --no-print-directory $(BUILD)/unit/compare_zydis
	$(BUILD)/unit/compare_zydis --full

fuzz-build: $(FUZZ_BIN)

.PHONY: fuzz-smoke
fuzz-smoke: $(FUZZ_BIN)
	@for target in $(FUZZ_BIN); do \
		scripts/test-command.sh $$(basename $$target) $$target -runs=$(FUZZ_RUNS) -seed=1 -max_len=4096 -print_final_stats=0; \
	done

# FUZZ=name fuzzes one target until it is interrupted; its corpus stays in build/corpus/.
FUZZ ?= fuzz_svirtb
fuzz: setup
	@+$(MAKE) --no-print-directory $(BUILD)/fuzz/$(FUZZ)
	@mkdir -p $(BUILD)/corpus/$(FUZZ)
	$(BUILD)/fuzz/$(FUZZ) $(BUILD)/corpus/$(FUZZ)

.PHONY: boot-tests
boot-tests: all
	@tests/boot/run.sh || true

.PHONY: test
test: setup
	@rm -f $(RESULTS)
	@+$(MAKE) --no-print-directory -j2 all $(UNIT_BIN) $(FUZZ_BIN) $(BUILD)/unit/compare_zydis
	@+$(MAKE) --no-print-directory test-parts
	@scripts/test-summary.sh $(RESULTS)

.PHONY: test-full
test-full: export MATRIX_MIB := 64
test-full: test

# The host's tests take one core for a while, the machines two: they overlap.
.PHONY: test-parts
test-parts:
	@+$(MAKE) --no-print-directory -j2 --output-sync=none boot-tests host-tests

.PHONY: host-tests
host-tests: unit decoder fuzz-smoke
	@scripts/test-shell.sh
	@tests/bench/check.sh

.PHONY: test-list
test-list:
	@tests/boot/run.sh --list

.PHONY: test-nested test-models
test-nested: everything
	@rm -f $(RESULTS)
	@tests/boot/run.sh tests/nested/boots/*.sh || true
	@scripts/test-summary.sh $(RESULTS)

test-models: everything
	@rm -f $(RESULTS)
	@tests/boot/run.sh tests/models/boots/*.sh || true
	@scripts/test-summary.sh $(RESULTS)

.PHONY: test-linux
test-linux: everything
	@rm -f $(RESULTS)
	@tests/linux/run.sh || true
	@scripts/test-summary.sh $(RESULTS)

.PHONY: bench
bench: everything
	@tests/bench/run.sh

.PHONY: bench-linux
bench-linux: everything
	@tests/linux/bench.sh

.PHONY: lint
lint: setup
	@+$(MAKE) --no-print-directory $(IMAGE_OBJ)
	@scripts/lint.sh $(IMAGE_OBJ)

.PHONY: clean
clean:
	rm -rf $(BUILD)

.PHONY: help
help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

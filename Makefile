# SPDX-License-Identifier: MIT
# Cafevisor: 'make help' lists what can be made. Everything that is built lands in $(BUILD).

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

# V=1 shows whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

WARNINGS := -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
DEFINES  := -DCAFEVISOR_VERSION='"$(VERSION)"'
# The same object bytes wherever the tree lies: no absolute path reaches the image.
STABLE   := -ffile-prefix-map=$(CURDIR)=. -frandom-seed=cafevisor

# --- the image: everything between VM exit and VM entry keeps off the vector registers ------------
IMAGE_CFLAGS := -std=c11 -O2 -g $(WARNINGS) $(DEFINES) $(STABLE) -I. \
	-ffreestanding -fno-builtin-printf -mgeneral-regs-only -mno-red-zone -fpic -fvisibility=hidden \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -fcf-protection=none \
	-maccumulate-outgoing-args
EFI_CFLAGS := -isystem /usr/include/efi -isystem /usr/include/efi/x86_64 -DGNU_EFI_USE_MS_ABI

# The offsets.c files are no part of the image: they make the assembly's include files.
IMAGE_C   := $(filter-out %/offsets.c,$(wildcard boot/*.c vmm/*.c devices/*.c mm/*.c lib/*.c))
IMAGE_ASM := $(wildcard boot/*.asm vmm/*.asm)
IMAGE_OBJ := $(IMAGE_C:%.c=$(BUILD)/image/%.o) $(IMAGE_ASM:%.asm=$(BUILD)/image/%.asm.o)
EFI_LIB   := /usr/lib

.PHONY: all
all: $(BUILD)/cafevisor.efi guests

include guest-driver/guests.mk

$(BUILD)/image/boot/%.o: IMAGE_CFLAGS += $(EFI_CFLAGS)
$(BUILD)/image/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(IMAGE_CFLAGS) -MMD -MP -c $< -o $@

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
	$(Q)ld -nostdlib -shared -Bsymbolic -znocombreloc -zmax-page-size=4096 --no-undefined \
		--build-id=none -T linker.ld -Map=$(BUILD)/cafevisor.map \
		$(EFI_LIB)/crt0-efi-x86_64.o $(IMAGE_OBJ) -L $(EFI_LIB) -lgnuefi -o $@
	$(Q)objdump -d --no-show-raw-insn $@ > $(BUILD)/cafevisor.lst

$(BUILD)/cafevisor.efi: $(BUILD)/cafevisor.so
	$(call say,EFI,$@)
	$(Q)objcopy -j .text -j .reloc -j .rodata -j .data.rel.ro -j .data -j .dynamic -j .rela \
		-j .dynsym -j .dynstr --target=efi-app-x86_64 --subsystem=10 $< $@

# --- the pure core: what also compiles for the host, for unit tests and fuzzers -------------------
PURE_C := $(filter-out lib/string.c,$(wildcard lib/*.c)) $(wildcard mm/*.c devices/*.c) \
	$(wildcard vmm/decode*.c vmm/alu.c vmm/guest_walk.c boot/config*.c boot/pvh*.c boot/elf*.c)
HOST_CFLAGS := -std=c11 -O1 -g $(WARNINGS) $(DEFINES) -I. -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
PURE_OBJ  := $(PURE_C:%.c=$(BUILD)/host/%.o)
UNIT_C    := $(wildcard tests/unit/test_*.c)
UNIT_BIN  := $(UNIT_C:tests/unit/%.c=$(BUILD)/unit/%)
FUZZ_C    := $(wildcard tests/fuzz/fuzz_*.c)
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

.PHONY: unit
unit: $(UNIT_BIN)
	@for test in $(UNIT_BIN); do $$test || exit 1; done

FUZZ_CFLAGS := -std=c11 -O1 -g -Wall -Wextra -Werror $(DEFINES) -I. -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all
$(BUILD)/fuzz/%: tests/fuzz/%.c $(PURE_C)
	@mkdir -p $(@D)
	$(call say,FUZZ,$<)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -MMD -MP -MF $@.d $< $(PURE_C) -o $@

.PHONY: fuzz-build
fuzz-build: $(FUZZ_BIN)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

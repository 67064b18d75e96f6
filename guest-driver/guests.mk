# SPDX-License-Identifier: MIT
# How guests are built: build/guests/<name>.elf from guest-driver/demo.c, from each
# guest-driver/tests/<name>.c (64-bit) and from each guest-driver/tests32/<name>.c (32-bit, paging
# off), with <name>.asm beside it and <name>/*.c and *.asm below it where a guest has them. Included
# by the root Makefile, which sets BUILD, CC, NASM, WARNINGS, STABLE, Q and say.

GUEST_CFLAGS := -std=c11 -O2 -g $(WARNINGS) $(STABLE) -I. -ffreestanding -mno-red-zone \
	-mgeneral-regs-only -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
	-fno-strict-aliasing -fcf-protection=none -ffunction-sections -fdata-sections
GUEST_LDFLAGS := -static -nostdlib -no-pie -Wl,--gc-sections -Wl,--build-id=none \
	-Wl,-z,noexecstack -Wl,--no-warn-rwx-segments -T guest-driver/runtime/guest.ld

# What every guest is linked with; what it does not call is left out.
GUEST_LIB32_C := $(wildcard guest-driver/runtime/*32.c)
GUEST_LIB_C := $(filter-out $(GUEST_LIB32_C),$(wildcard guest-driver/runtime/*.c)) \
	$(filter-out guest-driver/demo.c,$(wildcard guest-driver/*.c)) lib/format.c lib/string.c
GUEST_LIB64 := $(BUILD)/guests/64/guest-driver/runtime/start.asm.o \
	$(GUEST_LIB_C:%.c=$(BUILD)/guests/64/%.o)
GUEST_LIB32 := $(BUILD)/guests/32/guest-driver/runtime/start32.asm.o \
	$(BUILD)/guests/32/guest-driver/runtime/exceptions32.asm.o \
	$(GUEST_LIB_C:%.c=$(BUILD)/guests/32/%.o) $(GUEST_LIB32_C:%.c=$(BUILD)/guests/32/%.o)
# What the 64-bit test guests find besides: exceptions, page tables, checks with numbers.
GUEST_TESTING := $(patsubst %,$(BUILD)/guests/64/%.o,$(wildcard guest-driver/testing/*.asm)) \
	$(patsubst %.c,$(BUILD)/guests/64/%.o,$(wildcard guest-driver/testing/*.c))

GUESTS64_C := guest-driver/demo.c $(wildcard guest-driver/tests/*.c)
GUESTS32_C := $(wildcard guest-driver/tests32/*.c)
GUESTS     := $(foreach source,$(GUESTS64_C) $(GUESTS32_C),\
	$(BUILD)/guests/$(basename $(notdir $(source))).elf)

$(BUILD)/guests/64/%.o: %.c guest-driver/guests.mk
	@mkdir -p $(@D)
	$(call say,GUESTCC,$<)
	$(Q)$(CC) $(GUEST_CFLAGS) -m64 -MMD -MP -c $< -o $@

$(BUILD)/guests/32/%.o: %.c guest-driver/guests.mk
	@mkdir -p $(@D)
	$(call say,GUESTCC,$<)
	$(Q)$(CC) $(GUEST_CFLAGS) -m32 -MMD -MP -c $< -o $@

$(BUILD)/guests/64/%.asm.o: %.asm
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)$(NASM) -f elf64 -MD $(@:.o=.d) -MP $< -o $@

$(BUILD)/guests/32/%.asm.o: %.asm
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)$(NASM) -f elf32 -MD $(@:.o=.d) -MP $< -o $@

# One rule a guest: $(call guest_rule,<source without .c>,<64 or 32>)
define guest_rule
$(BUILD)/guests/$(notdir $(1)).elf: $(BUILD)/guests/$(2)/$(1).o $(GUEST_LIB$(2)) \
	$(patsubst %,$(BUILD)/guests/$(2)/%.o,$(wildcard $(1).asm $(1)/*.asm)) \
	$(patsubst %.c,$(BUILD)/guests/$(2)/%.o,$(wildcard $(1)/*.c)) \
	$(if $(filter guest-driver/tests/%,$(1)),$(GUEST_TESTING)) guest-driver/runtime/guest.ld
	$$(call say,GUEST,$$@)
	$$(Q)$$(CC) -m$(2) $$(GUEST_LDFLAGS) $$(filter %.o,$$^) -o $$@
endef
$(foreach source,$(GUESTS64_C),$(eval $(call guest_rule,$(basename $(source)),64)))
$(foreach source,$(GUESTS32_C),$(eval $(call guest_rule,$(basename $(source)),32)))

.PHONY: guests
guests: $(GUESTS)

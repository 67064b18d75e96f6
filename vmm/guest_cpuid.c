/* SPDX-License-Identifier: MIT */
/*
 * The CPUID policy, leaf by leaf. SDM vol. 2A, 'CPUID—CPU Identification'.
 */
#include "vmm/guest_cpuid.h"

#include "vmm/vmcs.h"
#include "vmm/x86.h"

enum {
	LEAF_VERSION = 0x1,
	LEAF_CACHES = 0x4,
	LEAF_POWER = 0x6,
	LEAF_FEATURES = 0x7,
	LEAF_TOPOLOGY = 0xb,
	LEAF_XSAVE = 0xd,
	LEAF_TSC = 0x15,
};
#define LEAF_HYPERVISOR 0x40000000u
#define LEAF_EXTENDED   0x80000000u

/* Leaf 1 ECX. Hidden: DTES64, MONITOR, DS-CPL, VMX, SMX, EIST, TM2, CNXT, SDBG, xTPR, PDCM, DCA;
 * x2APIC and TSC-deadline are shown below whether the processor has them or not. */
#define VERSION_ECX                                                                             \
	(BIT(0) | BIT(1) | BIT(9) | BIT(12) | BIT(13) | BIT(17) | BIT(19) | BIT(20) | BIT(22) | \
		BIT(23) | BIT(25) | BIT(26) | BIT(28) | BIT(29) | BIT(30))
#define VERSION_ECX_APIC       (BIT(21) | BIT(24)) /* x2APIC, TSC-deadline: devices/apic.c */
#define VERSION_ECX_PCID       BIT(17)
#define VERSION_ECX_XSAVE      BIT(26)
#define VERSION_ECX_OSXSAVE    BIT(27)
#define VERSION_ECX_AVX        BIT(28)
#define VERSION_ECX_HYPERVISOR BIT(31)
#define VERSION_ECX_NEED_AVX   (BIT(12) | BIT(28) | BIT(29)) /* FMA, AVX, F16C */

/* Leaf 1 EDX. APIC follows IA32_APIC_BASE. Hidden: MTRR, MCA, PSN, DS, ACPI, HTT, TM, PBE. */
#define VERSION_EDX                                                                             \
	(BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) |       \
		BIT(11) | BIT(13) | BIT(15) | BIT(16) | BIT(17) | BIT(19) | BIT(23) | BIT(24) | \
		BIT(25) | BIT(26) | BIT(27))

#define VERSION_EDX_APIC BIT(9)

/* Leaf 6 EAX: the APIC's timer never stops (ARAT). */
#define POWER_EAX_ARAT BIT(2)

/* Leaf 7 EBX. Hidden: SGX, HLE, RTM, PQM, MPX, PQE, PT. TSC_ADJUST is shown below whether the
 * processor has it or not: the offset is ours. */
#define FEATURES_EBX                                                                         \
	(BIT(0) | BIT(3) | BIT(5) | BIT(7) | BIT(8) | BIT(9) | BIT(10) | BIT(18) | BIT(19) | \
		BIT(20) | BIT(23) | BIT(24) | BIT(29) | FEATURES_EBX_AVX512)
#define FEATURES_EBX_AVX512     (BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31))
#define FEATURES_EBX_TSC_ADJUST BIT(1)
#define FEATURES_EBX_AVX2       BIT(5)
#define FEATURES_EBX_FSGSBASE   BIT(0)
#define FEATURES_EBX_SMEP       BIT(7)
#define FEATURES_EBX_INVPCID    BIT(10)
#define FEATURES_EBX_SMAP       BIT(20)
/* Leaf 7 ECX: UMIP, GFNI, RDPID; VAES and VPCLMULQDQ with AVX; AVX-512's VBMI, VBMI2, VNNI, BITALG,
 * VPOPCNTDQ. Hidden: PKU, WAITPKG, CET, LA57, ... */
#define FEATURES_ECX        (BIT(2) | BIT(8) | BIT(22) | FEATURES_ECX_AVX | FEATURES_ECX_AVX512)
#define FEATURES_ECX_UMIP   BIT(2)
#define FEATURES_ECX_RDPID  BIT(22)
#define FEATURES_ECX_AVX    (BIT(9) | BIT(10))
#define FEATURES_ECX_AVX512 (BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14))

/* Leaf 0x80000001: LAHF, LZCNT, PREFETCHW; SYSCALL, NX, 1 GiB pages, RDTSCP, LM. */
#define EXTENDED_ECX        (BIT(0) | BIT(5) | BIT(8))
#define EXTENDED_EDX        (BIT(11) | BIT(20) | BIT(26) | BIT(27) | BIT(29))
#define EXTENDED_EDX_NX     BIT(20)
#define EXTENDED_EDX_RDTSCP BIT(27)

static void mask_version(struct guest_cpuid *c)
{
	struct cpuid_registers *r = &c->basic[LEAF_VERSION];

	/* One processor with APIC ID 0; the CLFLUSH line size is the processor's. */
	r->ebx &= 0xff00;
	r->ebx |= 1u << 16;
	r->ecx &= (uint32_t)VERSION_ECX;
	r->edx &= (uint32_t)VERSION_EDX;
	if (!(c->xcr0_allowed & XCR0_AVX))
		r->ecx &= ~(uint32_t)VERSION_ECX_NEED_AVX;
	if (c->xcr0_allowed == 0)
		r->ecx &= ~(uint32_t)VERSION_ECX_XSAVE;
	r->ecx |= (uint32_t)(VERSION_ECX_HYPERVISOR | VERSION_ECX_APIC);
	r->edx |= (uint32_t)VERSION_EDX_APIC;
}

static void mask_features(struct guest_cpuid *c, uint32_t secondary)
{
	struct cpuid_registers *r = &c->basic[LEAF_FEATURES];

	r->eax = 0; /* no further subleaves */
	r->ebx &= (uint32_t)FEATURES_EBX;
	r->ecx &= (uint32_t)FEATURES_ECX;
	r->edx = 0;
	r->ebx |= (uint32_t)FEATURES_EBX_TSC_ADJUST;
	if (!(secondary & SECONDARY_ENABLE_INVPCID))
		r->ebx &= ~(uint32_t)FEATURES_EBX_INVPCID;
	if (!(secondary & SECONDARY_ENABLE_RDTSCP))
		r->ecx &= ~(uint32_t)FEATURES_ECX_RDPID;
	if (!(c->xcr0_allowed & XCR0_AVX)) {
		r->ebx &= ~(uint32_t)FEATURES_EBX_AVX2;
		r->ecx &= ~(uint32_t)FEATURES_ECX_AVX;
	}
	if (!(c->xcr0_allowed & XCR0_OPMASK)) {
		r->ebx &= ~(uint32_t)FEATURES_EBX_AVX512;
		r->ecx &= ~(uint32_t)FEATURES_ECX_AVX512;
	}
}

/* The size of the standard XSAVE area for the components in xcr0. SDM vol. 1, 'XSAVE Area'. */
static uint32_t xsave_size(const struct guest_cpuid *c, uint64_t xcr0)
{
	uint32_t size = 512 + 64;

	for (unsigned int i = 2; i < GUEST_CPUID_XSAVE; i++) {
		uint32_t end = c->xsave[i].ebx + c->xsave[i].eax;

		if ((xcr0 & BIT(i)) && end > size)
			size = end;
	}
	return size;
}

static void read_xsave(struct guest_cpuid *c, uint32_t max_leaf)
{
	if (max_leaf < LEAF_XSAVE || !(cpu_id(LEAF_VERSION, 0).ecx & VERSION_ECX_XSAVE))
		return;
	c->xcr0_allowed = xcr0_carried(cpu_id(LEAF_XSAVE, 0).eax);
	for (unsigned int i = 2; i < GUEST_CPUID_XSAVE; i++) {
		if (c->xcr0_allowed & BIT(i)) {
			c->xsave[i] = cpu_id(LEAF_XSAVE, i);
			c->xsave[i].ecx = 0;
			c->xsave[i].edx = 0;
		}
	}
	c->xsave[0].eax = (uint32_t)c->xcr0_allowed;
	c->xsave[0].ecx = xsave_size(c, c->xcr0_allowed);
	/* XSAVEOPT and XGETBV with ECX = 1; no compaction, no supervisor states. */
	c->xsave[1].eax = cpu_id(LEAF_XSAVE, 1).eax & (uint32_t)(BIT(0) | BIT(2));
}

/* The CR4 bits that come with the shown features. SDM vol. 3A, 'Control Registers'. */
static uint64_t allowed_cr4(const struct guest_cpuid *c)
{
	const struct cpuid_registers *version = &c->basic[LEAF_VERSION];
	const struct cpuid_registers *features = &c->basic[LEAF_FEATURES];
	const struct {
		bool shown;
		uint64_t bits;
	} rows[] = {
		{ version->edx & BIT(1), CR4_VME | CR4_PVI },
		{ version->edx & BIT(2), CR4_DE },
		{ version->edx & BIT(3), CR4_PSE },
		{ version->edx & BIT(4), CR4_TSD },
		{ version->edx & BIT(6), CR4_PAE },
		{ version->edx & BIT(7), CR4_MCE },
		{ version->edx & BIT(13), CR4_PGE },
		{ version->edx & BIT(24), CR4_OSFXSR },
		{ version->edx & BIT(25), CR4_OSXMMEXCPT },
		{ true, CR4_PCE }, /* RDPMC exits whatever it says */
		{ version->ecx & VERSION_ECX_PCID, CR4_PCIDE },
		{ version->ecx & VERSION_ECX_XSAVE, CR4_OSXSAVE },
		{ features->ebx & FEATURES_EBX_FSGSBASE, CR4_FSGSBASE },
		{ features->ebx & FEATURES_EBX_SMEP, CR4_SMEP },
		{ features->ebx & FEATURES_EBX_SMAP, CR4_SMAP },
		{ features->ecx & FEATURES_ECX_UMIP, CR4_UMIP },
	};
	uint64_t allowed = 0;

	for (unsigned int i = 0; i < ARRAY_COUNT(rows); i++) {
		if (rows[i].shown)
			allowed |= rows[i].bits;
	}
	return allowed;
}

static void read_extended(struct guest_cpuid *c, uint32_t secondary)
{
	const uint32_t max = cpu_id(LEAF_EXTENDED, 0).eax;
	struct cpuid_registers *r = c->extended;

	for (uint32_t i = 1; i < GUEST_CPUID_EXTENDED; i++) {
		if (LEAF_EXTENDED + i <= max)
			r[i] = cpu_id(LEAF_EXTENDED + i, 0);
	}
	r[0].eax = LEAF_EXTENDED + GUEST_CPUID_EXTENDED - 1;
	r[1].ecx &= (uint32_t)EXTENDED_ECX;
	r[1].edx &= (uint32_t)EXTENDED_EDX;
	if (!(secondary & SECONDARY_ENABLE_RDTSCP))
		r[1].edx &= ~(uint32_t)EXTENDED_EDX_RDTSCP;
	c->rdtscp = (r[1].edx & EXTENDED_EDX_RDTSCP) != 0;
	c->efer_allowed = EFER_SCE | EFER_LME | EFER_LMA;
	if (r[1].edx & EXTENDED_EDX_NX)
		c->efer_allowed |= EFER_NXE;
	r[7] = (struct cpuid_registers){ .edx = r[7].edx & (uint32_t)BIT(8) }; /* invariant TSC */
	c->physical_bits = r[8].eax & 0xff;
	/* Four-level paging: 48 linear bits. */
	r[8] = (struct cpuid_registers){ .eax = c->physical_bits | 48u << 8 };
}

/*
 * The TSC runs at crystal * EBX / EAX. The crystal of this leaf is the measured rate itself, and
 * the APIC timer counts at it. The processor's own leaves 0x15 and 0x16 are not passed on: a
 * measurement wins over them, and leaf 0x16, in whole MHz, could contradict it. A rate above 32
 * bits is not told.
 */
static void tell_tsc_rate(struct guest_cpuid *c, uint64_t tsc_hz)
{
	if (tsc_hz <= UINT32_MAX)
		c->basic[LEAF_TSC] =
			(struct cpuid_registers){ .eax = 1, .ebx = 1, .ecx = (uint32_t)tsc_hz };
}

void guest_cpuid_init(struct guest_cpuid *c, uint32_t secondary, uint64_t tsc_hz)
{
	const struct cpuid_registers vendor = cpu_id(0, 0);

	*c = (struct guest_cpuid){ 0 };
	c->basic[0] = vendor;
	c->basic[0].eax = GUEST_CPUID_BASIC - 1;
	read_xsave(c, vendor.eax);
	c->basic[LEAF_VERSION] = cpu_id(LEAF_VERSION, 0);
	mask_version(c);
	if (vendor.eax >= 2)
		c->basic[2] = cpu_id(2, 0);
	if (vendor.eax >= LEAF_FEATURES)
		c->basic[LEAF_FEATURES] = cpu_id(LEAF_FEATURES, 0);
	mask_features(c, secondary);
	c->basic[LEAF_POWER].eax = POWER_EAX_ARAT;
	for (uint32_t i = 0; i < GUEST_CPUID_CACHES && vendor.eax >= LEAF_CACHES; i++) {
		c->caches[i] = cpu_id(LEAF_CACHES, i);
		c->caches[i].eax &= 0x3fff; /* one thread and one core share each cache */
	}
	read_extended(c, secondary);
	tell_tsc_rate(c, tsc_hz);
	c->cr4_allowed = allowed_cr4(c);
	c->has_subleaves[LEAF_CACHES] = true;
	c->has_subleaves[LEAF_FEATURES] = true;
	c->has_subleaves[LEAF_TOPOLOGY] = true;
	c->has_subleaves[LEAF_XSAVE] = true;
	guest_cpuid_mirror(c, 0, XCR0_X87);
}

void guest_cpuid_mirror(struct guest_cpuid *c, uint64_t cr4, uint64_t xcr0)
{
	uint32_t *ecx = &c->basic[LEAF_VERSION].ecx;

	*ecx &= ~(uint32_t)VERSION_ECX_OSXSAVE;
	if (cr4 & CR4_OSXSAVE)
		*ecx |= (uint32_t)VERSION_ECX_OSXSAVE;
	if (c->xcr0_allowed != 0)
		c->xsave[0].ebx = xsave_size(c, xcr0);
}

void guest_cpuid_mirror_apic(struct guest_cpuid *c, bool enabled)
{
	uint32_t *edx = &c->basic[LEAF_VERSION].edx;

	*edx &= ~(uint32_t)VERSION_EDX_APIC;
	if (enabled)
		*edx |= (uint32_t)VERSION_EDX_APIC;
}

static struct cpuid_registers read_subleaf(
	const struct guest_cpuid *c, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_registers r = { 0 };

	switch (leaf) {
	case LEAF_CACHES:
		if (subleaf < GUEST_CPUID_CACHES)
			r = c->caches[subleaf];
		break;
	case LEAF_FEATURES:
		if (subleaf == 0)
			r = c->basic[LEAF_FEATURES];
		break;
	case LEAF_TOPOLOGY: /* one thread in one core */
		r.ecx = subleaf & 0xff;
		if (subleaf < 2) {
			r.ebx = 1;
			r.ecx |= (subleaf + 1) << 8;
		}
		break;
	case LEAF_XSAVE:
		if (subleaf < GUEST_CPUID_XSAVE)
			r = c->xsave[subleaf];
		break;
	default: break;
	}
	return r;
}

struct cpuid_registers guest_cpuid_read(
	const struct guest_cpuid *c, uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_registers r = { 0 };

	if (leaf < GUEST_CPUID_BASIC)
		return c->has_subleaves[leaf] ? read_subleaf(c, leaf, subleaf) : c->basic[leaf];
	if (leaf - LEAF_EXTENDED < GUEST_CPUID_EXTENDED)
		return c->extended[leaf - LEAF_EXTENDED];
	if (leaf == LEAF_HYPERVISOR) {
		r.eax = LEAF_HYPERVISOR;
		r.ebx = 0x65666143; /* "Cafe" */
		r.ecx = 0x6f736976; /* "viso" */
		r.edx = 0x00000072; /* "r" */
	}
	return r;
}

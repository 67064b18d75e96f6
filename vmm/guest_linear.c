/* SPDX-License-Identifier: MIT */
/*
 * Linear addresses of the guest: segments, the walk, and copies that may cross a page.
 */
#include "vmm/guest_linear.h"

#include "lib/string.h"
#include "vmm/x86.h"

/* One page of a copy: what lies there of [linear, linear + size). */
struct page_piece {
	uint8_t *host;
	unsigned int size;
};

void guest_view_read(const struct vcpu *vcpu, struct guest_view *view)
{
	struct guest_paging *paging = &view->paging;

	view->code = vcpu_code_size(vcpu, cpu_vmread(VMCS_GUEST_CS_ACCESS_RIGHTS));
	paging->cr0 = cpu_vmread(VMCS_GUEST_CR0);
	paging->cr3 = cpu_vmread(VMCS_GUEST_CR3);
	paging->cr4 = cpu_vmread(VMCS_GUEST_CR4);
	paging->efer = vcpu->efer;
	paging->physical_bits = vcpu->cpuid.physical_bits;
	paging->user = vcpu_privilege() == 3;
	paging->smap_override = (cpu_vmread(VMCS_GUEST_RFLAGS) & RFLAGS_AC) != 0;
	paging->pdpte = view->pdptes;
	if (guest_paging_mode(paging) != GUEST_PAGING_PAE)
		return;
	for (unsigned int i = 0; i < 4; i++)
		view->pdptes[i] = cpu_vmread(VMCS_GUEST_PDPTE0 + 2 * i);
}

/* The piece of [linear, linear + size) that lies in linear's page. */
static enum status find_piece(struct vcpu *vcpu, const struct guest_view *view, uint64_t linear,
	unsigned int size, enum guest_access access, struct page_piece *piece,
	struct guest_fault *fault, uint64_t *gpa)
{
	const uint64_t in_page = PAGE_SIZE - (linear & PAGE_MASK);
	uint64_t available;
	enum status status =
		guest_walk(&view->paging, &vcpu->vm->memory, linear, access, gpa, fault);

	if (status != STATUS_OK)
		return status;
	piece->size = size < in_page ? size : (unsigned int)in_page;
	/* Ranges of guest memory are whole pages, so what begins in one lies in it. */
	piece->host = guest_memory_find(&vcpu->vm->memory, *gpa, piece->size, &available);
	return piece->host != NULL && available == piece->size ? STATUS_OK : STATUS_OUT_OF_RANGE;
}

/* Both pieces of a copy that may cross one page boundary; the second may be empty. */
static enum status find_pieces(struct vcpu *vcpu, const struct guest_view *view, uint64_t linear,
	unsigned int size, enum guest_access access, struct page_piece pieces[2],
	struct guest_fault *fault, uint64_t *gpa)
{
	enum status status = find_piece(vcpu, view, linear, size, access, &pieces[0], fault, gpa);
	uint64_t next = linear + pieces[0].size;

	pieces[1].size = 0;
	if (status != STATUS_OK || pieces[0].size == size)
		return status;
	if (view->code != CODE_64)
		next = (uint32_t)next;
	return find_piece(vcpu, view, next, size - pieces[0].size, access, &pieces[1], fault, gpa);
}

enum status guest_linear_read(struct vcpu *vcpu, const struct guest_view *view, uint64_t linear,
	void *to, unsigned int size, struct guest_fault *fault, uint64_t *gpa)
{
	struct page_piece pieces[2] = { 0 };
	enum status status = find_pieces(vcpu, view, linear, size, GUEST_READ, pieces, fault, gpa);

	if (status != STATUS_OK)
		return status;
	memcpy(to, pieces[0].host, pieces[0].size);
	if (pieces[1].size != 0)
		memcpy((uint8_t *)to + pieces[0].size, pieces[1].host, pieces[1].size);
	return STATUS_OK;
}

enum status guest_linear_write(struct vcpu *vcpu, const struct guest_view *view, uint64_t linear,
	const void *from, unsigned int size, struct guest_fault *fault, uint64_t *gpa)
{
	struct page_piece pieces[2] = { 0 };
	enum status status = find_pieces(vcpu, view, linear, size, GUEST_WRITE, pieces, fault, gpa);

	if (status != STATUS_OK)
		return status;
	memcpy(pieces[0].host, from, pieces[0].size);
	if (pieces[1].size != 0)
		memcpy(pieces[1].host, (const uint8_t *)from + pieces[0].size, pieces[1].size);
	return STATUS_OK;
}

enum status guest_linear_probe_write(struct vcpu *vcpu, const struct guest_view *view,
	uint64_t linear, unsigned int size, struct guest_fault *fault, uint64_t *gpa)
{
	struct page_piece pieces[2] = { 0 };

	return find_pieces(vcpu, view, linear, size, GUEST_WRITE, pieces, fault, gpa);
}

enum status guest_fetch(struct vcpu *vcpu, const struct guest_view *view, uint64_t linear,
	uint8_t *bytes, unsigned int *count, struct guest_fault *fault, uint64_t *gpa)
{
	struct page_piece pieces[2] = { 0 };
	enum status status =
		find_pieces(vcpu, view, linear, INSN_MAX_LENGTH, GUEST_FETCH, pieces, fault, gpa);

	*count = 0;
	if (pieces[0].host == NULL)
		return status;
	memcpy(bytes, pieces[0].host, pieces[0].size);
	*count = pieces[0].size;
	if (status == STATUS_OK && pieces[1].size != 0) {
		memcpy(bytes + *count, pieces[1].host, pieces[1].size);
		*count += pieces[1].size;
	}
	return status;
}

/* SPDX-License-Identifier: MIT */
/*
 * Starts a Linux kernel without Cafevisor, for tests/linux/bench.sh to compare with: by its own EFI
 * stub, as any boot loader would. Started by scripts/starter.c:
 *   native.efi words for the kernel...
 * \guest.elf is the kernel, \initrd.img its initrd. Both are in memory before the kernel starts, as
 * a guest's are, and the TSC at its first instruction is told beforehand.
 */
#include <efi.h>
#include <efilib.h>

#include "vmm/cpu.h"

#define KERNEL_PATH L"\\guest.elf"
#define INITRD_PATH L"\\initrd.img"

/* Between the line that tells the kernel's start and that start. */
#define TSC_TO_START 20000000ull

/* Linux, Documentation/admin-guide/efi-stub.rst, LINUX_EFI_INITRD_MEDIA_GUID. */
#define INITRD_GUID                                                    \
	{                                                              \
		0x5568e427, 0x68fc, 0x4f3d,                            \
		{                                                      \
			0xac, 0x74, 0xca, 0x55, 0x52, 0x31, 0xcc, 0x68 \
		}                                                      \
	}
/* UEFI 13.2, EFI_LOAD_FILE2_PROTOCOL. */
#define LOAD_FILE2_GUID                                                \
	{                                                              \
		0x4006c0c1, 0xfcb3, 0x403e,                            \
		{                                                      \
			0x99, 0x6d, 0x4a, 0x6c, 0x87, 0x24, 0xe0, 0x6d \
		}                                                      \
	}

struct file {
	void *bytes;
	UINTN size;
};

/* The protocol's table, and what it hands out. */
struct initrd_loader {
	EFI_LOAD_FILE_PROTOCOL protocol;
	struct file file;
};

struct initrd_path {
	VENDOR_DEVICE_PATH vendor;
	EFI_DEVICE_PATH end;
};

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_STATUS EFIAPI load_initrd(EFI_LOAD_FILE_PROTOCOL *protocol, EFI_DEVICE_PATH *path,
	BOOLEAN boot_policy, UINTN *size, VOID *buffer)
{
	const struct initrd_loader *loader = (const struct initrd_loader *)(const void *)protocol;
	const UINTN room = *size;

	(void)path;
	(void)boot_policy;
	*size = loader->file.size;
	if (buffer == NULL || room < loader->file.size)
		return EFI_BUFFER_TOO_SMALL;
	CopyMem(buffer, loader->file.bytes, loader->file.size);
	return EFI_SUCCESS;
}

static EFI_STATUS read_file(EFI_FILE_HANDLE root, const CHAR16 *path, struct file *file)
{
	EFI_FILE_HANDLE handle;
	EFI_FILE_INFO *info;
	EFI_STATUS status = root->Open(root, &handle, (CHAR16 *)path, EFI_FILE_MODE_READ, 0);

	if (EFI_ERROR(status))
		return status;
	info = LibFileInfo(handle);
	file->size = info != NULL ? info->FileSize : 0;
	file->bytes = AllocatePool(file->size + 1);
	if (info == NULL || file->bytes == NULL)
		return EFI_OUT_OF_RESOURCES;
	return handle->Read(handle, &file->size, file->bytes);
}

static EFI_STATUS offer_initrd(const struct file *file)
{
	static struct initrd_path path = {
		.vendor = { { MEDIA_DEVICE_PATH, MEDIA_VENDOR_DP, { sizeof(path.vendor), 0 } },
			INITRD_GUID },
		.end = { END_DEVICE_PATH_TYPE, END_ENTIRE_DEVICE_PATH_SUBTYPE, { 4, 0 } },
	};
	static struct initrd_loader loader = { .protocol = { load_initrd } };
	EFI_GUID device_path = DEVICE_PATH_PROTOCOL, load_file2 = LOAD_FILE2_GUID;
	EFI_HANDLE handle = NULL;

	loader.file = *file;
	return BS->InstallMultipleProtocolInterfaces(
		&handle, &device_path, &path, &load_file2, &loader, NULL);
}

/* What follows the program's own name. */
static CHAR16 *words_behind_name(CHAR16 *text)
{
	while (*text != 0 && *text != ' ')
		text++;
	return *text == ' ' ? text + 1 : text;
}

static EFI_STATUS start_kernel(EFI_HANDLE image, const EFI_LOADED_IMAGE *self, struct file *kernel)
{
	EFI_LOADED_IMAGE *loaded;
	EFI_HANDLE program;
	UINT64 start;
	EFI_STATUS status =
		BS->LoadImage(FALSE, image, FileDevicePath(self->DeviceHandle, KERNEL_PATH),
			kernel->bytes, kernel->size, &program);

	if (!EFI_ERROR(status))
		status = BS->HandleProtocol(program, &LoadedImageProtocol, (void **)&loaded);
	if (EFI_ERROR(status))
		return status;
	loaded->LoadOptions = words_behind_name(self->LoadOptions);
	loaded->LoadOptionsSize = (UINT32)StrSize(loaded->LoadOptions);
	start = cpu_read_tsc() + TSC_TO_START;
	Print(L"native: entered_tsc=%ld\n", start);
	while (cpu_read_tsc() < start)
		;
	return BS->StartImage(program, NULL, NULL);
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	struct file kernel, initrd;
	EFI_LOADED_IMAGE *self;
	EFI_FILE_HANDLE root;
	EFI_STATUS status;

	InitializeLib(image, system);
	status = BS->HandleProtocol(image, &LoadedImageProtocol, (void **)&self);
	root = EFI_ERROR(status) ? NULL : LibOpenRoot(self->DeviceHandle);
	if (root == NULL)
		return EFI_NOT_FOUND;
	status = read_file(root, KERNEL_PATH, &kernel);
	if (!EFI_ERROR(status))
		status = read_file(root, INITRD_PATH, &initrd);
	if (!EFI_ERROR(status))
		status = offer_initrd(&initrd);
	return EFI_ERROR(status) ? status : start_kernel(image, self, &kernel);
}

/* SPDX-License-Identifier: MIT */
/*
 * EFI_FILE_PROTOCOL, with statuses of ours and paths in ASCII.
 */
#include "boot/files.h"

#include "lib/bits.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"

#define PATH_MAX_LENGTH 256
#define READ_CHUNK      (1 * MIB)

static enum status status_of(EFI_STATUS efi)
{
	if (!EFI_ERROR(efi))
		return STATUS_OK;
	switch (efi) {
	case EFI_NOT_FOUND: return STATUS_NOT_FOUND;
	case EFI_WRITE_PROTECTED:
	case EFI_ACCESS_DENIED: return STATUS_READ_ONLY;
	case EFI_MEDIA_CHANGED: return STATUS_CONFLICT;
	case EFI_VOLUME_FULL:
	case EFI_OUT_OF_RESOURCES: return STATUS_NO_MEMORY;
	default: return STATUS_IO_ERROR;
	}
}

enum status volume_open(struct volume *volume, struct firmware *firmware)
{
	*volume = (struct volume){ .firmware = firmware };
	return volume_reopen(volume);
}

enum status volume_reopen(struct volume *volume)
{
	EFI_GUID file_system = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_FILE_IO_INTERFACE *interface;
	struct firmware *firmware = volume->firmware;

	if (volume->root != NULL)
		volume->root->Close(volume->root);
	volume->root = NULL;
	if (EFI_ERROR(firmware->boot->HandleProtocol(
		    firmware->loaded->DeviceHandle, &file_system, (void **)&interface)) ||
		EFI_ERROR(interface->OpenVolume(interface, &volume->root)))
		return STATUS_IO_ERROR;
	return STATUS_OK;
}

static enum status open_file(
	struct volume *volume, const char *path, UINT64 mode, EFI_FILE_HANDLE *file)
{
	CHAR16 wide[PATH_MAX_LENGTH];
	size_t length = strlen(path);
	enum status status;

	if (length >= PATH_MAX_LENGTH)
		return STATUS_BAD_VALUE;
	for (size_t i = 0; i <= length; i++)
		wide[i] = (CHAR16)(unsigned char)path[i];
	status = volume->root == NULL
			 ? STATUS_CONFLICT
			 : status_of(volume->root->Open(volume->root, file, wide, mode, 0));
	/* The medium was exchanged or looks so: once more on a volume opened anew. */
	if (status == STATUS_CONFLICT && volume_reopen(volume) == STATUS_OK)
		status = status_of(volume->root->Open(volume->root, file, wide, mode, 0));
	return status;
}

static enum status file_size(EFI_FILE_HANDLE file, uint64_t *size)
{
	EFI_GUID file_info = EFI_FILE_INFO_ID;
	uint64_t buffer[(SIZE_OF_EFI_FILE_INFO + PATH_MAX_LENGTH * sizeof(CHAR16)) / 8 + 1];
	const EFI_FILE_INFO *info = (const void *)buffer;
	UINTN length = sizeof(buffer);
	enum status status = status_of(file->GetInfo(file, &file_info, &length, buffer));

	if (status != STATUS_OK)
		return status;
	if (info->Attribute & EFI_FILE_DIRECTORY)
		return STATUS_NOT_FOUND;
	*size = info->FileSize;
	return STATUS_OK;
}

enum status volume_file_size(struct volume *volume, const char *path, uint64_t *size)
{
	EFI_FILE_HANDLE file;
	enum status status = open_file(volume, path, EFI_FILE_MODE_READ, &file);

	if (status != STATUS_OK)
		return status;
	status = file_size(file, size);
	file->Close(file);
	return status;
}

/* A line that is written over and over, on whatever shows the log. */
static void show_progress(const char *path, uint64_t done, uint64_t size)
{
	char line[PATH_MAX_LENGTH + 48];
	size_t length = format_text(line, sizeof(line), "\r[boot] reading %s: %3lu %%%s", path,
		done * 100 / size, done == size ? "\n" : "");

	for (size_t i = 0; i < length; i++)
		log_console_byte(line[i]);
}

static enum status read_chunks(EFI_FILE_HANDLE file, const char *path, uint8_t *data, uint64_t size)
{
	for (uint64_t done = 0; done < size;) {
		UINTN chunk = min_u64(READ_CHUNK, size - done);
		enum status status = status_of(file->Read(file, &chunk, data + done));

		if (status != STATUS_OK)
			return status;
		if (chunk == 0)
			return STATUS_TRUNCATED;
		done += chunk;
		if (size > READ_CHUNK)
			show_progress(path, done, size);
	}
	return STATUS_OK;
}

enum status volume_read(struct volume *volume, const char *path, void *data, uint64_t size)
{
	EFI_FILE_HANDLE file;
	enum status status = open_file(volume, path, EFI_FILE_MODE_READ, &file);

	if (status != STATUS_OK)
		return status;
	status = read_chunks(file, path, data, size);
	file->Close(file);
	return status;
}

enum status volume_replace(struct volume *volume, const char *path, const void *data, uint64_t size)
{
	const UINT64 write = EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE;
	EFI_FILE_HANDLE file;
	struct volume_file changed;
	enum status status;

	/* Deleting closes the handle, too; a file that is not there is what we want. */
	if (open_file(volume, path, write, &file) == STATUS_OK)
		file->Delete(file);
	status = open_file(volume, path, write | EFI_FILE_MODE_CREATE, &file);
	if (status != STATUS_OK)
		return status;
	changed.handle = file;
	status = volume_change(&changed, 0, data, size);
	if (status != STATUS_OK) {
		file->Close(file);
		return status;
	}
	return volume_close_changed(&changed);
}

enum status volume_open_to_change(struct volume *volume, const char *path, struct volume_file *file)
{
	return open_file(volume, path, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, &file->handle);
}

enum status volume_change(
	struct volume_file *file, uint64_t offset, const void *data, uint64_t size)
{
	UINTN length = size;
	enum status status = status_of(file->handle->SetPosition(file->handle, offset));

	if (status != STATUS_OK)
		return status;
	/* EFI_FILE_PROTOCOL takes a buffer to write as non-const. */
	status = status_of(file->handle->Write(file->handle, &length, (void *)(uintptr_t)data));
	return status == STATUS_OK && length != size ? STATUS_IO_ERROR : status;
}

enum status volume_close_changed(struct volume_file *file)
{
	enum status status = status_of(file->handle->Flush(file->handle));
	enum status closed = status_of(file->handle->Close(file->handle));

	return status != STATUS_OK ? status : closed;
}

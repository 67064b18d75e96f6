/* SPDX-License-Identifier: MIT */
/*
 * The first program on the boot volumes that 'make run' and the machine tests make: it does what
 * \start.txt says, a command a line, and then switches the machine off. It spares the UEFI shell's
 * start-up and countdown, and lets many runs share one start of the firmware. Commands:
 *   copy FROM TO, delete PATH     on the boot volume; what is not there is no error
 *   PATH words...                 starts that program; its load options the whole line, as in a
 * shell Each program leaves a line 'STATUS PATH words...' in \start.log, STATUS in hexadecimal.
 */
#include <efi.h>
#include <efilib.h>

#define SCRIPT_PATH L"\\start.txt"
#define LOG_PATH    L"\\start.log"
#define SCRIPT_MAX  65536u
#define LINE_MAX    4096u
#define COPY_CHUNK  (1024u * 1024u)
#define END_OF_FILE (~0ull)

struct starter {
	EFI_HANDLE image;
	EFI_HANDLE volume;
	EFI_FILE_HANDLE root;
};

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_STATUS open_file(
	struct starter *starter, const CHAR16 *path, UINT64 mode, EFI_FILE_HANDLE *file)
{
	return starter->root->Open(starter->root, file, (CHAR16 *)path, mode, 0);
}

/* The whole of \start.txt, with a zero behind it. */
static CHAR8 *read_script(struct starter *starter)
{
	EFI_FILE_HANDLE file;
	UINTN size = SCRIPT_MAX;
	CHAR8 *text = AllocatePool(SCRIPT_MAX + 1);
	EFI_STATUS status = open_file(starter, SCRIPT_PATH, EFI_FILE_MODE_READ, &file);

	if (text == NULL || EFI_ERROR(status)) {
		Print(L"starter: cannot open %s: %r\n", SCRIPT_PATH, status);
		return NULL;
	}
	status = file->Read(file, &size, text);
	file->Close(file);
	if (EFI_ERROR(status)) {
		Print(L"starter: cannot read %s: %r\n", SCRIPT_PATH, status);
		return NULL;
	}
	text[size] = 0;
	return text;
}

/* Moves the next line of the script into line, as UCS-2; false at the script's end. */
static BOOLEAN next_line(const CHAR8 **script, CHAR16 line[LINE_MAX])
{
	UINTN length = 0;

	if (**script == 0)
		return FALSE;
	for (; **script != 0 && **script != '\n'; (*script)++) {
		if (**script != '\r' && length + 1 < LINE_MAX)
			line[length++] = **script;
	}
	line[length] = 0;
	if (**script == '\n')
		(*script)++;
	return TRUE;
}

/* Cuts the first word off text and returns what follows it. */
static CHAR16 *cut_word(CHAR16 *text)
{
	while (*text != 0 && *text != ' ')
		text++;
	while (*text == ' ')
		*text++ = 0;
	return text;
}

static void delete_file(struct starter *starter, const CHAR16 *path)
{
	EFI_FILE_HANDLE file;

	if (!EFI_ERROR(open_file(starter, path, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, &file)))
		file->Delete(file);
}

static EFI_STATUS copy_bytes(EFI_FILE_HANDLE from, EFI_FILE_HANDLE to)
{
	void *buffer = AllocatePool(COPY_CHUNK);
	EFI_STATUS status = buffer == NULL ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS;

	while (!EFI_ERROR(status)) {
		UINTN size = COPY_CHUNK;

		status = from->Read(from, &size, buffer);
		if (EFI_ERROR(status) || size == 0)
			break;
		status = to->Write(to, &size, buffer);
	}
	if (buffer != NULL)
		FreePool(buffer);
	return status;
}

static void copy_file(struct starter *starter, const CHAR16 *from_path, const CHAR16 *to_path)
{
	EFI_FILE_HANDLE from, to;
	EFI_STATUS status;

	if (EFI_ERROR(open_file(starter, from_path, EFI_FILE_MODE_READ, &from)))
		return;
	delete_file(starter, to_path);
	status = open_file(starter, to_path,
		EFI_FILE_MODE_CREATE | EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, &to);
	if (!EFI_ERROR(status)) {
		status = copy_bytes(from, to);
		to->Close(to);
	}
	from->Close(from);
	if (EFI_ERROR(status))
		Print(L"starter: copy %s %s: %r\n", from_path, to_path, status);
}

/* Appends 'STATUS line' to \start.log: what the next program does cannot undo it. */
static void log_status(struct starter *starter, EFI_STATUS returned, const CHAR16 *line)
{
	EFI_FILE_HANDLE file;
	static CHAR16 wide[LINE_MAX + 32];
	static CHAR8 text[LINE_MAX + 32];
	UINTN size;

	if (EFI_ERROR(open_file(starter, LOG_PATH,
		    EFI_FILE_MODE_CREATE | EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, &file)))
		return;
	size = SPrint(wide, sizeof(wide), L"%lx %s\n", (UINT64)returned, line);
	for (UINTN i = 0; i < size; i++)
		text[i] = (CHAR8)wide[i];
	file->SetPosition(file, END_OF_FILE);
	file->Write(file, &size, text);
	file->Close(file);
}

static EFI_STATUS start_program(struct starter *starter, CHAR16 *path, CHAR16 *line)
{
	EFI_DEVICE_PATH *device_path = FileDevicePath(starter->volume, path);
	EFI_LOADED_IMAGE *loaded;
	EFI_HANDLE program;
	EFI_STATUS status;

	status = BS->LoadImage(FALSE, starter->image, device_path, NULL, 0, &program);
	FreePool(device_path);
	if (EFI_ERROR(status))
		return status;
	status = BS->HandleProtocol(program, &LoadedImageProtocol, (void **)&loaded);
	if (EFI_ERROR(status))
		return status;
	loaded->LoadOptions = line;
	loaded->LoadOptionsSize = (UINT32)StrSize(line);
	return BS->StartImage(program, NULL, NULL);
}

static void do_line(struct starter *starter, CHAR16 line[LINE_MAX])
{
	static CHAR16 words[LINE_MAX];
	CHAR16 *second, *third;
	EFI_STATUS status;

	StrCpy(words, line);
	second = cut_word(words);
	if (StrCmp(words, L"delete") == 0) {
		delete_file(starter, second);
	} else if (StrCmp(words, L"copy") == 0) {
		third = cut_word(second);
		copy_file(starter, second, third);
	} else if (words[0] != 0 && words[0] != '#') {
		status = start_program(starter, words, line);
		Print(L"starter: %s: %r\n", words, status);
		log_status(starter, status, line);
	}
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	static CHAR16 line[LINE_MAX];
	struct starter starter = { .image = image };
	EFI_LOADED_IMAGE *self;
	const CHAR8 *script;

	InitializeLib(image, system);
	BS->SetWatchdogTimer(0, 0, 0, NULL);
	if (!EFI_ERROR(BS->HandleProtocol(image, &LoadedImageProtocol, (void **)&self))) {
		starter.volume = self->DeviceHandle;
		starter.root = LibOpenRoot(starter.volume);
	}
	script = starter.root != NULL ? read_script(&starter) : NULL;
	while (script != NULL && next_line(&script, line))
		do_line(&starter, line);
	RT->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
	return EFI_SUCCESS;
}

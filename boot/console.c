/* SPDX-License-Identifier: MIT */
/*
 * The log's sinks on the firmware side. The firmware's ConOut speaks to every console at once, COM1
 * among them as a rule; since we write to COM1 ourselves, the others are spoken to one by one.
 */
#include "boot/console.h"

#include "lib/bits.h"
#include "lib/log.h"

/* Marks each console that is in use. EDK II, MdeModulePkg/Include/Guid/ConsoleOutDevice.h. */
#define CONSOLE_OUT_DEVICE_GUID                                        \
	{                                                              \
		0xd3b36f2c, 0xd551, 0x11d4,                            \
		{                                                      \
			0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d \
		}                                                      \
	}

#define PNP_16550 0x050141d0u /* EISA PNP0501 */

#define SCREEN_CHUNK 126

/* Whether a device path leads to the 16550 with unit number 0, which is COM1. UEFI 10.3. */
static bool leads_to_com1(const EFI_DEVICE_PATH *node)
{
	for (; !IsDevicePathEnd(node); node = NextDevicePathNode(node)) {
		const ACPI_HID_DEVICE_PATH *acpi = (const void *)node;

		if (DevicePathType(node) == ACPI_DEVICE_PATH &&
			DevicePathSubType(node) == ACPI_DP && acpi->HID == PNP_16550 &&
			acpi->UID == 0)
			return true;
	}
	return false;
}

bool console_is_com1(struct firmware *firmware, EFI_HANDLE handle)
{
	EFI_GUID device_path = DEVICE_PATH_PROTOCOL;
	EFI_DEVICE_PATH *path;

	return !EFI_ERROR(firmware->boot->HandleProtocol(handle, &device_path, (void **)&path)) &&
	       leads_to_com1(path);
}

/* All consoles at once, even if COM1 shows things twice; a firmware may have none. */
static void use_all_consoles(struct console *console)
{
	if (console->firmware->system->ConOut != NULL)
		console->screens[console->screen_count++] = console->firmware->system->ConOut;
}

static void find_screens(struct console *console)
{
	struct firmware *firmware = console->firmware;
	EFI_GUID in_use = CONSOLE_OUT_DEVICE_GUID;
	EFI_GUID text_output = SIMPLE_TEXT_OUTPUT_PROTOCOL;
	EFI_HANDLE *handles = NULL;
	UINTN count = 0;
	bool only_com1 = false;

	/* Not every firmware marks its consoles. */
	if (EFI_ERROR(firmware->boot->LocateHandleBuffer(
		    ByProtocol, &in_use, NULL, &count, &handles))) {
		use_all_consoles(console);
		return;
	}
	for (UINTN i = 0; i < count && console->screen_count < CONSOLE_MAX_SCREENS; i++) {
		SIMPLE_TEXT_OUTPUT_INTERFACE *screen;

		if (handles[i] == firmware->system->ConsoleOutHandle)
			continue;
		if (console->com1.present && console_is_com1(firmware, handles[i])) {
			only_com1 = true;
			continue;
		}
		if (!EFI_ERROR(firmware->boot->HandleProtocol(
			    handles[i], &text_output, (void **)&screen)))
			console->screens[console->screen_count++] = screen;
	}
	firmware->boot->FreePool(handles);
	/* Or it marks the one that stands for all of them, and nothing else. */
	if (console->screen_count == 0 && !only_com1)
		use_all_consoles(console);
}

static void show(struct console *console, CHAR16 *text)
{
	for (size_t i = 0; i < console->screen_count; i++)
		console->screens[i]->OutputString(console->screens[i], text);
}

/* A log_sink_fn: bytes become UCS-2; what is no printable ASCII becomes a question mark. */
static void screen_write(void *context, const char *bytes, size_t size)
{
	CHAR16 text[SCREEN_CHUNK + 2];
	size_t length = 0;

	for (size_t i = 0; i < size; i++) {
		char byte = bytes[i];

		if (byte == '\n')
			text[length++] = '\r';
		if (byte == '\n' || byte == '\r' || byte == '\t' || (byte >= ' ' && byte <= '~'))
			text[length++] = (CHAR16)byte;
		else
			text[length++] = '?';
		if (length >= SCREEN_CHUNK - 1 || i + 1 == size) {
			text[length] = 0;
			show(context, text);
			length = 0;
		}
	}
}

enum status console_open(struct console *console, struct firmware *firmware)
{
	char *ring = firmware_alloc(firmware, CONSOLE_RING_SIZE / PAGE_SIZE);

	*console = (struct console){ .firmware = firmware };
	com1_init(&console->com1);
	if (ring != NULL)
		log_set_ring(ring, CONSOLE_RING_SIZE);
	if (console->com1.present)
		log_add_sink(com1_write, &console->com1);
	find_screens(console);
	console->screen_sink = log_add_sink(screen_write, console);
	return ring != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

void console_hide_screens(struct console *console)
{
	log_switch_sink(console->screen_sink, false);
	console->hidden_since = log_position();
}

void console_show_screens(struct console *console)
{
	char chunk[SCREEN_CHUNK];
	size_t size;

	while ((size = log_read(&console->hidden_since, chunk, sizeof(chunk))) != 0)
		screen_write(console, chunk, size);
	log_switch_sink(console->screen_sink, true);
}

void console_pause(struct console *console, bool wait, unsigned int seconds)
{
	EFI_BOOT_SERVICES *boot = console->firmware->boot;
	SIMPLE_INPUT_INTERFACE *keyboard = console->firmware->system->ConIn;
	EFI_EVENT events[2];
	EFI_INPUT_KEY key;
	UINTN which = 0;

	/* A machine without a console has no keyboard. */
	if (!wait || keyboard == NULL ||
		EFI_ERROR(boot->CreateEvent(EVT_TIMER, TPL_APPLICATION, NULL, NULL, &events[0])))
		return;
	log_info("boot", "press a key (or wait %u s)", seconds);
	keyboard->Reset(keyboard, FALSE);
	events[1] = keyboard->WaitForKey;
	boot->SetTimer(events[0], TimerRelative, seconds * 10000000ull);
	boot->WaitForEvent(2, events, &which);
	boot->CloseEvent(events[0]);
	if (which == 1)
		keyboard->ReadKeyStroke(keyboard, &key);
}

/* SPDX-License-Identifier: MIT */
/*
 * Whose what is typed on COM1 is. A write-back lends the machine to the firmware, whose own serial
 * console then polls the port; what comes meanwhile is to reach the guest all the same.
 */
#include "boot/console.h"

/* A tick of the firmware's is some milliseconds, in which a FIFO may fill. */
static void EFIAPI keep_input(EFI_EVENT event, void *context)
{
	struct console *console = context;

	(void)event;
	com1_keep(&console->com1);
}

/* The firmware's console asks the port's driver these two things. UEFI 12.8. */
static EFI_STATUS EFIAPI get_control_of_silence(EFI_SERIAL_IO_PROTOCOL *serial, UINT32 *control)
{
	(void)serial;
	*control = EFI_SERIAL_CLEAR_TO_SEND | EFI_SERIAL_DATA_SET_READY |
		   EFI_SERIAL_CARRIER_DETECT | EFI_SERIAL_INPUT_BUFFER_EMPTY |
		   EFI_SERIAL_OUTPUT_BUFFER_EMPTY;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI read_silence(EFI_SERIAL_IO_PROTOCOL *serial, UINTN *size, void *buffer)
{
	(void)serial;
	(void)buffer;
	*size = 0;
	return EFI_TIMEOUT;
}

/* COM1's driver; null when the firmware has none. */
static SERIAL_IO_INTERFACE *find_serial(struct firmware *firmware)
{
	EFI_GUID serial_io = SERIAL_IO_PROTOCOL;
	SERIAL_IO_INTERFACE *serial = NULL;
	EFI_HANDLE *handles = NULL;
	UINTN count = 0;

	if (EFI_ERROR(firmware->boot->LocateHandleBuffer(
		    ByProtocol, &serial_io, NULL, &count, &handles)))
		return NULL;
	for (UINTN i = 0; i < count && serial == NULL; i++) {
		if (!console_is_com1(firmware, handles[i]) ||
			EFI_ERROR(firmware->boot->HandleProtocol(
				handles[i], &serial_io, (void **)&serial)))
			serial = NULL;
	}
	firmware->boot->FreePool(handles);
	return serial;
}

void console_keep_input(struct console *console)
{
	EFI_BOOT_SERVICES *boot = console->firmware->boot;

	if (!console->com1.present ||
		EFI_ERROR(boot->CreateEvent(EVT_TIMER | EVT_NOTIFY_SIGNAL, TPL_NOTIFY, keep_input,
			console, &console->input_event)))
		return;
	/* Every tick. UEFI 7.1, EFI_BOOT_SERVICES.SetTimer(). */
	boot->SetTimer(console->input_event, TimerPeriodic, 0);
	/*
	 * To read first at a tick would not do: what comes between that and the console's turn is
	 * lost. To take the port from its driver would, but it clears the screen when it is back.
	 */
	console->serial = find_serial(console->firmware);
	if (console->serial == NULL)
		return;
	console->serial_get_control = console->serial->GetControl;
	console->serial_read = console->serial->Read;
	console->serial->GetControl = get_control_of_silence;
	console->serial->Read = read_silence;
}

void console_leave_input(struct console *console)
{
	if (console->serial != NULL) {
		console->serial->GetControl = console->serial_get_control;
		console->serial->Read = console->serial_read;
	}
	if (console->input_event != NULL)
		console->firmware->boot->CloseEvent(console->input_event);
	console->serial = NULL;
	console->input_event = NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * Does cafevisor.efi leave the firmware as it was? Puts recognisable values into what is free for
 * it, starts \cafevisor.efi, and compares the processor's state, the interrupt controllers and the
 * firmware's timers before and after. Started by a shell or by scripts/starter.c:
 *   state.efi [x2apic] [avx] [twice] [vmxe] [noapic] words for cafevisor.efi...
 * x2apic: switches the local APIC to x2APIC mode first, and leaves it so. avx: switches XSAVE on
 * with all components that cafevisor.efi exchanges; without it XMM and x87 are compared by FXSAVE.
 * twice: starts cafevisor.efi two times. vmxe: sets CR4.VMXE, as a hypervisor started before would.
 * noapic: switches the local APIC off for that time. The findings go to \state.result, key=value
 * lines.
 */
#include <efi.h>
#include <efilib.h>

#include "tests/boot/efi/state/state.h"
#include "vmm/cpu.h"
#include "vmm/x86.h"

#define PROGRAM_PATH L"\\cafevisor.efi"
#define RESULT_PATH  L"\\state.result"
#define WORDS_MAX    4096u

#define TIMER_UNIT_MS  10000u /* of SetTimer: 100 ns */
#define TIMER_MS       100u
#define GIVE_UP_MS     20000u
#define PERIOD_MS      30u
#define PERIODS        2u /* in TIMER_MS, at least */
#define TSC_MEASURE_US 50000u

struct test {
	EFI_HANDLE image, volume;
	BOOLEAN x2apic, avx, vmxe, noapic;
	UINTN runs;
	CHAR16 words[WORDS_MAX]; /* for cafevisor.efi */
	UINT64 tsc_per_ms;
	UINT64 timer_before_ms; /* what TIMER_MS of the firmware's are by the TSC */
	struct state original, before, after;
	struct report report;
};

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* Cuts the first word off text when it is this one. */
static BOOLEAN take_word(const CHAR16 **text, const CHAR16 *word)
{
	const UINTN length = StrLen(word);
	const CHAR16 *rest = *text + length;

	if (StrnCmp(*text, word, length) != 0 || (*rest != 0 && *rest != ' '))
		return FALSE;
	while (*rest == ' ')
		rest++;
	*text = rest;
	return TRUE;
}

/* Our own words, behind the program's name; the rest is for cafevisor.efi. */
static void read_words(struct test *test, const EFI_LOADED_IMAGE *loaded)
{
	static CHAR16 options[WORDS_MAX];
	UINTN length = loaded->LoadOptionsSize / sizeof(CHAR16);
	const CHAR16 *text = options;

	if (length >= WORDS_MAX - StrLen(PROGRAM_PATH) - 1)
		length = 0;
	CopyMem(options, loaded->LoadOptions, length * sizeof(CHAR16));
	options[length] = 0;
	while (*text != 0 && *text != ' ')
		text++;
	while (*text == ' ')
		text++;
	test->runs = 1;
	for (;;) {
		if (take_word(&text, L"x2apic"))
			test->x2apic = TRUE;
		else if (take_word(&text, L"avx"))
			test->avx = TRUE;
		else if (take_word(&text, L"vmxe"))
			test->vmxe = TRUE;
		else if (take_word(&text, L"noapic"))
			test->noapic = TRUE;
		else if (take_word(&text, L"twice"))
			test->runs = 2;
		else
			break;
	}
	StrCpy(test->words, PROGRAM_PATH + 1);
	StrCat(test->words, L" ");
	StrCat(test->words, text);
}

static EFI_STATUS start_cafevisor(struct test *test)
{
	EFI_DEVICE_PATH *path = FileDevicePath(test->volume, PROGRAM_PATH);
	EFI_LOADED_IMAGE *loaded;
	EFI_HANDLE program;
	EFI_STATUS status;

	status = BS->LoadImage(FALSE, test->image, path, NULL, 0, &program);
	FreePool(path);
	if (EFI_ERROR(status))
		return status;
	status = BS->HandleProtocol(program, &LoadedImageProtocol, (void **)&loaded);
	if (EFI_ERROR(status))
		return status;
	loaded->LoadOptions = test->words;
	loaded->LoadOptionsSize = (UINT32)StrSize(test->words);
	state_read(&test->before, test->avx);
	state_load_vectors(&test->before);
	status = BS->StartImage(program, NULL, NULL);
	state_save_vectors(&test->after);
	state_read(&test->after, test->avx);
	return status;
}

/* By a timer of the firmware's that is not its events': the ACPI timer, as a rule. */
static void measure_tsc(struct test *test)
{
	const UINT64 began = cpu_read_tsc();

	BS->Stall(TSC_MEASURE_US);
	test->tsc_per_ms = (cpu_read_tsc() - began) / (TSC_MEASURE_US / 1000);
}

/* How long a timer event of that many milliseconds takes; it may never fire. */
static UINT64 measure_event(struct test *test, UINT64 milliseconds)
{
	const UINT64 began = cpu_read_tsc();
	const UINT64 give_up = began + GIVE_UP_MS * test->tsc_per_ms;
	EFI_EVENT event;

	if (EFI_ERROR(BS->CreateEvent(EVT_TIMER, 0, NULL, NULL, &event)))
		return ~0ull;
	BS->SetTimer(event, TimerRelative, milliseconds * TIMER_UNIT_MS);
	while (BS->CheckEvent(event) == EFI_NOT_READY && cpu_read_tsc() < give_up)
		;
	BS->CloseEvent(event);
	return (cpu_read_tsc() - began) / test->tsc_per_ms;
}

static VOID EFIAPI count_period(EFI_EVENT event, VOID *context)
{
	volatile UINTN *count = context;

	(void)event;
	(*count)++;
}

/*
 * A timer event takes as long as before. Not 100 ms by the TSC: in Bochs the local APIC's timer, by
 * which newer firmware ticks, and the TSC do not keep the ratio that the firmware takes for
 * granted.
 */
static void check_timer(struct test *test)
{
	const UINT64 measured = measure_event(test, TIMER_MS);

	report_number(&test->report, "timer_ms", measured);
	if (measured < test->timer_before_ms / 2 || measured > test->timer_before_ms * 3 / 2)
		report_difference(&test->report, "time of a timer event in ms",
			test->timer_before_ms, measured);
}

/* One start, with a periodic timer that was armed before it. */
static void run_once(struct test *test)
{
	static volatile UINTN periods;
	EFI_EVENT periodic;
	EFI_STATUS status;
	UINTN during;

	BS->CreateEvent(EVT_TIMER | EVT_NOTIFY_SIGNAL, TPL_CALLBACK, count_period, (VOID *)&periods,
		&periodic);
	BS->SetTimer(periodic, TimerPeriodic, PERIOD_MS * TIMER_UNIT_MS);
	status = start_cafevisor(test);
	report_number(&test->report, "status", status);
	state_compare(&test->report, &test->before, &test->after);

	during = periods;
	check_timer(test);
	report_number(&test->report, "periods_before", during);
	report_number(&test->report, "periods_after", periods - during);
	if (periods - during < PERIODS)
		report_difference(
			&test->report, "firings of a periodic timer", PERIODS, periods - during);
	BS->CloseEvent(periodic);
}

static void write_result(struct test *test)
{
	EFI_FILE_HANDLE root = LibOpenRoot(test->volume), file;
	UINTN size = test->report.length;
	EFI_STATUS status;

	if (root == NULL)
		return;
	if (!EFI_ERROR(root->Open(
		    root, &file, RESULT_PATH, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, 0)))
		file->Delete(file);
	status = root->Open(root, &file, RESULT_PATH,
		EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE | EFI_FILE_MODE_CREATE, 0);
	if (!EFI_ERROR(status)) {
		file->Write(file, &size, test->report.text);
		file->Close(file);
	}
	root->Close(root);
}

/* What cafevisor.efi must refuse to start with. */
static void put_obstacles(const struct test *test, BOOLEAN there)
{
	const UINT64 cr4 = cpu_read_cr4() & ~CR4_VMXE;
	const UINT64 apic_base = cpu_read_msr(MSR_IA32_APIC_BASE) & ~APIC_BASE_ENABLED;

	if (test->vmxe)
		cpu_write_cr4(there ? cr4 | CR4_VMXE : cr4);
	if (test->noapic)
		cpu_write_msr(
			MSR_IA32_APIC_BASE, there ? apic_base : apic_base | APIC_BASE_ENABLED);
}

static EFI_STATUS run(struct test *test)
{
	if (test->x2apic && !state_enter_x2apic())
		report_difference(&test->report, "x2APIC, which is not offered", 1, 0);
	measure_tsc(test);
	report_number(&test->report, "tsc_per_ms", test->tsc_per_ms);
	test->timer_before_ms = measure_event(test, TIMER_MS);
	report_number(&test->report, "timer_before_ms", test->timer_before_ms);
	/* Our own changes are taken back in the end, x2APIC mode excepted. */
	if (test->avx && !state_enable_xsave())
		report_difference(&test->report, "XSAVE, which is not offered", 1, 0);
	state_read(&test->original, test->avx);
	state_save_vectors(&test->original);
	state_report(&test->report, &test->original);
	put_obstacles(test, TRUE);
	for (UINTN i = 0; i < test->runs; i++) {
		state_mark(i);
		run_once(test);
	}
	put_obstacles(test, FALSE);
	state_restore(&test->original);
	report_number(&test->report, "runs", test->runs);
	report_number(&test->report, "differences", test->report.differences);
	write_result(test);
	Print(L"state.efi: %lu differences\n", (UINT64)test->report.differences);
	return test->report.differences == 0 ? EFI_SUCCESS : EFI_ABORTED;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	static struct test test;
	EFI_LOADED_IMAGE *loaded;

	InitializeLib(image, system);
	BS->SetWatchdogTimer(0, 0, 0, NULL);
	if (EFI_ERROR(BS->HandleProtocol(image, &LoadedImageProtocol, (void **)&loaded)))
		return EFI_UNSUPPORTED;
	test.image = image;
	test.volume = loaded->DeviceHandle;
	read_words(&test, loaded);
	return run(&test);
}

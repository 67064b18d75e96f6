/* SPDX-License-Identifier: MIT */
/*
 * The steps of one start, in the order in which efi_main takes them.
 */
#include "boot/session.h"

#include <stdarg.h>

#include "boot/environment.h"
#include "boot/guest_image.h"
#include "boot/guest_ram.h"
#include "boot/result.h"
#include "lib/bits.h"
#include "lib/format.h"
#include "lib/log.h"
#include "lib/string.h"
#include "vmm/report.h"

#define CONFIG_PATH     "\\cafevisor.conf"
#define CONFIG_MAX_SIZE (64 * KIB)
#define POOL_CHUNK      8
#define PAUSE_SECONDS   30

/* Notes how it ended, and says so; for a step to return. */
static bool fail(struct session *s, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool fail(struct session *s, int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	format_text_va(s->reason, sizeof(s->reason), format, arguments);
	va_end(arguments);
	s->status = status;
	log_error("boot", "%s", s->reason);
	return false;
}

/* Before there is a log: the firmware's console is all there is, if it has one. */
static struct session *say_and_give_up(EFI_SYSTEM_TABLE *system, CHAR16 *line)
{
	if (system->ConOut != NULL)
		system->ConOut->OutputString(system->ConOut, line);
	return NULL;
}

struct session *session_new(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	const uint64_t started = cpu_read_tsc();
	struct firmware firmware;
	struct session *s;

	if (firmware_open(&firmware, image, system) != STATUS_OK)
		return say_and_give_up(system,
			L"[boot] error: this firmware does not tell a program where it was loaded "
			L"from; start cafevisor.efi as a boot option or from the UEFI shell\r\n");
	s = firmware_alloc(&firmware, align_up(sizeof(*s), PAGE_SIZE) / PAGE_SIZE);
	if (s == NULL)
		return say_and_give_up(system,
			L"[boot] error: the firmware has no memory left for cafevisor.efi; switch "
			L"the machine off and on, and start it first\r\n");
	/* From here on the firmware's regions, this one among them, are the session's. */
	s->firmware = firmware;
	s->started_tsc = started;
	return s;
}

bool session_open(struct session *s)
{
	config_set_defaults(&s->config);
	if (console_open(&s->console, &s->firmware) != STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT, "no memory for the log");
	log_info("boot", "Cafevisor %s", CAFEVISOR_VERSION);
	if (volume_open(&s->volume, &s->firmware) != STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT, "cannot open the boot volume");
	return true;
}

/* cafevisor.conf, if there is one. */
static bool read_config_file(struct session *s)
{
	struct config_error error;
	uint64_t size;
	char *text;
	enum status status = volume_file_size(&s->volume, CONFIG_PATH, &size);

	if (status == STATUS_NOT_FOUND)
		return true;
	if (status != STATUS_OK || size > CONFIG_MAX_SIZE)
		return fail(s, VM_STATUS_PREFLIGHT, "cannot read %s: %s", CONFIG_PATH,
			status != STATUS_OK ? status_text(status) : "larger than 64 KiB");
	text = firmware_alloc(&s->firmware, CONFIG_MAX_SIZE / PAGE_SIZE);
	status = text == NULL ? STATUS_NO_MEMORY : volume_read(&s->volume, CONFIG_PATH, text, size);
	if (status != STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT, "cannot read %s: %s", CONFIG_PATH,
			status_text(status));
	if (config_parse_file(&s->config, text, size, CONFIG_PATH + 1, &error) != STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT, "%s", error.text);
	return true;
}

/*
 * Whether load options are a text: some boot managers put data of their own there. A text is UCS-2
 * and may have zeros at its end; length is cut to what lies before them.
 */
static bool options_are_text(const CHAR16 *options, size_t *length)
{
	while (*length > 0 && options[*length - 1] == 0)
		(*length)--;
	for (size_t i = 0; i < *length; i++) {
		if (options[i] < ' ' && options[i] != '\t')
			return false;
	}
	return true;
}

/* What is no ASCII cannot be part of a key or a path of ours. */
static bool read_load_options(struct session *s)
{
	char *text = s->options;
	const CHAR16 *options = s->firmware.loaded->LoadOptions;
	size_t length = s->firmware.loaded->LoadOptionsSize / sizeof(CHAR16);
	struct config_error error;

	if (options == NULL || length == 0)
		return true;
	if (!options_are_text(options, &length)) {
		log_warn("boot", "the %lu bytes of load options are no text; ignored",
			(uint64_t)s->firmware.loaded->LoadOptionsSize);
		return true;
	}
	if (length >= SESSION_MAX_OPTIONS)
		return fail(s, VM_STATUS_PREFLIGHT, "load options: longer than %d characters",
			SESSION_MAX_OPTIONS - 1);
	for (size_t i = 0; i < length; i++)
		text[i] = options[i] < 0x80 ? (char)options[i] : '?';
	text[length] = 0;
	if (config_parse_options(&s->config, text, &error) != STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT, "%s", error.text);
	return true;
}

bool session_configure(struct session *s)
{
	if (!read_config_file(s) || !read_load_options(s))
		return false;
	log_set_level(s->config.log_level);
	config_log(&s->config);
	return true;
}

bool session_preflight(struct session *s)
{
	preflight_run(&s->preflight, s->config.check);
	if (!s->preflight.passed)
		return fail(s, VM_STATUS_PREFLIGHT, "preflight: %s is needed and missing: %s",
			s->preflight.missing, s->preflight.advice);
	if (s->config.check) {
		s->status = VM_STATUS_OK;
		format_text(s->reason, sizeof(s->reason), "preflight: all that is needed is there");
		return false;
	}
	return true;
}

/*
 * A file of the guest's, in memory of the firmware's, which the caller frees where *file is not
 * null; an empty one has a page all the same. key is what the configuration calls it.
 */
static bool read_guest_file(
	struct session *s, const char *key, const char *path, void **file, uint64_t *size)
{
	enum status status = volume_file_size(&s->volume, path, size);

	if (status != STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT, "%s = %s: %s", key, path, status_text(status));
	*file = firmware_alloc_temporary(&s->firmware, max_u64(*size, 1));
	if (*file == NULL)
		return fail(s, VM_STATUS_PREFLIGHT, "%s = %s: no memory for its %lu bytes", key,
			path, *size);
	status = volume_read(&s->volume, path, *file, *size);
	return status == STATUS_OK || fail(s, VM_STATUS_PREFLIGHT, "%s = %s: cannot read it: %s",
					      key, path, status_text(status));
}

static bool place_guest(struct session *s, const struct guest_files *files)
{
	struct vcpu_start start;
	char why[GUEST_WHY_SIZE];

	if (guest_image_load(files, &s->vm.memory, &start, why, sizeof(why)) != STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT, "guest = %s: %s", s->config.guest, why);
	vcpu_set_start(&s->vcpu, &start);
	log_info("boot", "guest %s: entry 0x%lx, %s at 0x%lx", s->config.guest, start.rip,
		start.long_mode ? "parameters" : "start info",
		start.long_mode ? start.rsi : start.rbx);
	return true;
}

static bool load_guest(struct session *s)
{
	struct guest_files files = {
		.cmdline = s->config.cmdline,
		.virtio_disk = s->config.disk_device != DISK_DEVICE_SVIRTB,
	};
	void *kernel = NULL, *initrd = NULL;
	bool loaded = read_guest_file(s, "guest", s->config.guest, &kernel, &files.kernel_size);

	if (loaded && s->config.initrd[0] != '\0')
		loaded =
			read_guest_file(s, "initrd", s->config.initrd, &initrd, &files.initrd_size);
	files.kernel = kernel;
	files.initrd = initrd;
	loaded = loaded && place_guest(s, &files);
	if (kernel != NULL)
		firmware_free_temporary(&s->firmware, kernel, max_u64(files.kernel_size, 1));
	if (initrd != NULL)
		firmware_free_temporary(&s->firmware, initrd, max_u64(files.initrd_size, 1));
	return loaded;
}

static bool make_guest(struct session *s)
{
	const uint64_t ept = s->preflight.vmx.ept_vpid;
	enum status status;

	frame_pool_init(&s->pool, firmware_frame_source, &s->firmware, POOL_CHUNK);
	s->vm.frames = &s->pool;
	s->vm.tsc_hz = environment_measure_tsc(&s->firmware);
	if (s->console.com1.present) {
		s->vm.read_input = com1_read;
		s->vm.input_context = &s->console.com1;
	}
	log_info("boot", "TSC: %lu kHz", s->vm.tsc_hz / 1000);
	status = guest_ram_allocate(&s->firmware, s->config.memory, &s->vm.memory);
	if (status != STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT,
			"memory = %luM: the firmware has not that much free",
			s->config.memory / MIB);
	status = vm_init(&s->vm,
		(struct ept_capabilities){
			.page_1g = (ept & EPT_CAP_1G_PAGES) != 0,
			.page_2m = (ept & EPT_CAP_2M_PAGES) != 0,
		},
		&(struct vm_disk){
			.disk = &s->disk.ram,
			.svirtb = s->config.disk_device != DISK_DEVICE_VIRTIO,
			.virtio = s->config.disk_device != DISK_DEVICE_SVIRTB,
			.svirtb_entry_size = s->config.svirtb_entry_size,
			.sync_at_exit = s->config.disk_sync == DISK_SYNC_EXIT,
		});
	if (status == STATUS_OK)
		status = vcpu_init(&s->vcpu, &s->vm, &s->preflight.vmx);
	if (status != STATUS_OK)
		return fail(
			s, VM_STATUS_PREFLIGHT, "cannot make the guest: %s", status_text(status));
	return true;
}

static bool make_machine(struct session *s)
{
	enum status status = machine_map(&s->machine);

	if (status != STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT, "cannot build the host's page tables: %s",
			status_text(status));
	return true;
}

bool session_load(struct session *s)
{
	const uint64_t began = cpu_read_tsc();

	/* Small things first: the guest's memory takes the largest pieces that are left. */
	if (machine_init(&s->machine, &s->firmware, &s->preflight.vmx) != STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT, "no memory for the hypervisor");
	if (disk_load(&s->disk, &s->firmware, &s->volume, s->config.disk, s->config.disk_mode) !=
		STATUS_OK)
		return fail(s, VM_STATUS_PREFLIGHT, "disk = %s: %s", s->config.disk, s->disk.why);
	s->loading_tsc = cpu_read_tsc() - began;
	if (!make_guest(s))
		return false;
	if (!load_guest(s))
		return false;
	return make_machine(s);
}

/* The guest asked that its writes be made durable: the machine is the firmware's just now. */
static void answer_sync(struct session *s)
{
	enum status status = disk_write_back(&s->disk);

	block_complete_sync(&s->vm.block, status == STATUS_OK);
}

bool session_run_guest(struct session *s)
{
	struct vm *vm = &s->vm;
	enum exit_result result;
	bool panicked;

	log_info("boot", "starting the guest");
	s->entered_tsc = cpu_read_tsc();
	vm->timeout_seconds = s->config.timeout_seconds;
	vm->deadline = vm->timeout_seconds == 0 ? ~0ull
						: s->entered_tsc + vm->timeout_seconds * vm->tsc_hz;
	console_keep_input(&s->console);
	do {
		console_hide_screens(&s->console);
		result = machine_run(&s->machine, &s->vcpu, vcpu_run, &panicked);
		console_show_screens(&s->console);
		s->give_backs++;
		if (result == EXIT_GIVE_BACK)
			answer_sync(s);
	} while (result == EXIT_GIVE_BACK);
	console_leave_input(&s->console);
	/* What stands in the ramdisk then is not to be trusted: the file stays as it is. */
	if (panicked)
		return fail(s, VM_STATUS_STOPPED,
			"the hypervisor itself failed; nothing was written back");
	s->status = vm->status;
	memcpy(s->reason, vm->reason, sizeof(vm->reason));
	log_info("boot", "guest ended: %s; status %d", s->reason, s->status);
	return true;
}

void session_write_back(struct session *s)
{
	if (disk_write_back(&s->disk) != STATUS_OK)
		fail(s, VM_STATUS_WRITE_BACK, "%s", s->disk.why);
	else if (s->disk.write_backs > 1)
		log_info("boot", "%lu bytes in %lu write-backs", s->disk.written_back,
			s->disk.write_backs);
}

void session_report(struct session *s)
{
	enum status status;

	if (s->give_backs != 0)
		report_statistics(&s->vcpu);
	log_info("boot", "status %d: %s", s->status, s->reason);
	if (s->volume.root == NULL)
		return;
	status = result_write_log(s);
	if (status != STATUS_OK)
		log_warn("boot", "cannot write \\cafevisor.log: %s", status_text(status));
	status = result_write(s);
	if (status != STATUS_OK)
		log_warn("boot", "cannot write \\cafevisor.result: %s", status_text(status));
	console_pause(&s->console,
		s->config.pause == PAUSE_YES ||
			(s->config.pause == PAUSE_AUTO && environment_has_reader(&s->firmware)),
		PAUSE_SECONDS);
}

/* What the firmware, or a shell's %lasterror%, is told. */
static EFI_STATUS efi_status(int status)
{
	switch (status) {
	case VM_STATUS_OK: return EFI_SUCCESS;
	case VM_STATUS_TIMEOUT: return EFI_TIMEOUT;
	case VM_STATUS_WRITE_BACK: return EFI_DEVICE_ERROR;
	case VM_STATUS_PREFLIGHT: return EFI_UNSUPPORTED;
	default: return EFI_ABORTED;
	}
}

EFI_STATUS session_close(struct session *s)
{
	const EFI_STATUS status = efi_status(s->status);
	struct firmware firmware = s->firmware;

	/* The log's ring and sinks go with the rest. */
	log_close();
	if (s->volume.root != NULL)
		s->volume.root->Close(s->volume.root);
	firmware_free_all(&firmware);
	return status;
}

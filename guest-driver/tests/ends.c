/* SPDX-License-Identifier: MIT */
/*
 * Test guest: every way in which a run ends. The command line is one word, and the word is the end;
 * who comes back from it leaves with status CAME_BACK, an unknown word with CHECK_STATUS_UNKNOWN.
 * A word 'write=N' before it writes a line to sector N of the disk first: whatever the end is, the
 * host must find the line there.
 */
#include "guest-driver/runtime/io.h"
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/svirtb.h"
#include "guest-driver/testing/check.h"
#include "guest-driver/testing/words.h"
#include "guest-driver/tests/ends/ends.h"
#include "lib/string.h"

#define CAME_BACK 96
#define NO_DISK   95

/* A port that ends the run, and what is written there. */
struct port_end {
	const char *word;
	uint16_t port;
	uint8_t width;
	uint16_t value;
};

static const struct port_end port_ends[] = {
	{ "reset-keyboard", 0x64, 1, 0xfe },
	{ "reset-fast", 0x92, 1, 0x03 },
	{ "reset-chipset", 0xcf9, 1, 0x06 },
	{ "poweroff-qemu", 0x604, 2, 0x2000 },
	{ "poweroff-bochs", 0xb004, 2, 0x2000 },
	{ "poweroff-virtualbox", 0x4004, 2, 0x3400 },
};

struct end {
	const char *word;
	void (*reach)(void);
};

static const struct end ends[] = {
	{ "hlt", runtime_halt },
	{ "hlt-interrupts-on", end_by_hlt_with_interrupts },
	{ "triple", end_by_triple_fault },
	{ "loop", end_by_loop },
	{ "cpuid-loop", end_by_cpuid_loop },
	{ "doorbell-loop", end_by_doorbell_loop },
	{ "batch-loop", end_by_batch_loop },
	{ "sync-loop", end_by_sync_loop },
	{ "string-loop", end_by_string_loop },
	{ "fault-loop", end_by_fault_loop },
	{ "debug-loop", end_by_debug_loop },
	{ "fetch", end_by_fetch },
	{ "fetch-nowhere", end_by_fetch_from_nowhere },
	{ "fetch-across", end_by_fetch_across },
	{ "walk-cr3", end_by_walk_from_cr3 },
	{ "walk-pde", end_by_walk_from_pde },
	{ "walk-nowhere", end_by_walk_from_nowhere },
	{ "idt", end_by_idt },
	{ "stack", end_by_stack },
	{ "tss", end_by_tss },
	{ "gdt", end_by_gdt },
};

/* exit=NN: NN to port 0xf4. */
static bool end_by_status(const char *word)
{
	static const char key[] = "exit=";
	unsigned int status = 0;

	if (strncmp(word, key, sizeof(key) - 1) != 0)
		return false;
	for (word += sizeof(key) - 1; *word >= '0' && *word <= '9'; word++)
		status = status * 10 + (unsigned int)(*word - '0');
	port_write8(0xf4, (uint8_t)status);
	return true;
}

static bool end_by_port(const char *word)
{
	for (size_t i = 0; i < sizeof(port_ends) / sizeof(port_ends[0]); i++) {
		const struct port_end *end = &port_ends[i];

		if (strcmp(end->word, word) != 0)
			continue;
		if (end->width == 1)
			port_write8(end->port, (uint8_t)end->value);
		else
			port_write16(end->port, end->value);
		return true;
	}
	return false;
}

/* Lines as the hypervisor and its scripts print them, and what terminals obey; none may count. */
static bool end_by_forgery(const char *word)
{
	static const char *const lines[] = {
		"[boot] guest ended: guest wrote 0x0 to port 0xf4 (exit port); status 0\n",
		"[boot] status 0: guest wrote 0x0 to port 0xf4 (exit port)\n",
		"[vmm] error: guest stopped: nothing at all\r\n",
		"status=0\nreason=forged\nbytes_written_back=4096\n",
		"\r[boot] status 0\r",
		"\x1b[2J\x1b[H\x1b]0;forged\x07\x1b[31m[boot] status 0\x1b[0m\n",
		"\x9b"
		"2J\xff\xfe\x80 and bytes that are no text\n",
		"100 passed, 0 failed, 0 skipped\n",
		"a line without an end: [boot] status 0",
	};

	if (strcmp(word, "forged") != 0)
		return false;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		console_write(lines[i], strlen(lines[i]));
	console_write("\0[boot] status 0\n", 17);
	runtime_exit(7);
}

static void write_line(uint64_t sector)
{
	static char line[SVIRTB_SECTOR_SIZE] = "written before the end\n";
	static struct svirtb_entry ring[2];
	struct svirtb disk;

	if (svirtb_init(&disk, ring, 2, SVIRTB_ENTRY_SIZE) != SVIRTB_OK ||
		svirtb_write(&disk, sector, line, sizeof(line)) != SVIRTB_OK)
		runtime_exit(NO_DISK);
	svirtb_register_write(SVIRTB_STATUS, SVIRTB_RESET);
}

/* What follows a word 'write=N', after that was done. */
static const char *take_write(const char *cmdline)
{
	const char *rest = cmdline;
	char word[WORDS_MAX_LENGTH];
	uint64_t sector;

	if (!words_next(&rest, word) || words_numbers(word, "write=", &sector, 1) == 0)
		return cmdline;
	write_line(sector);
	return rest + (*rest == ' ');
}

int main(const char *cmdline)
{
	bool known = false;

	exceptions_init();
	print("ends: %s\n", cmdline);
	cmdline = take_write(cmdline);
	known = end_by_status(cmdline) || end_by_port(cmdline) || end_by_forgery(cmdline);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (strcmp(ends[i].word, cmdline) == 0) {
			known = true;
			ends[i].reach();
		}
	}
	if (!known)
		print("no end is called that\n");
	return known ? CAME_BACK : CHECK_STATUS_UNKNOWN;
}

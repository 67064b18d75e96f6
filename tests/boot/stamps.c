/* SPDX-License-Identifier: MIT */
/*
 * Says whether a disk image holds the stamps that it must hold. Called by
 *tests/boot/boots/virtio*.sh; prints what is wrong, and nothing when all is well; the status is 1
 *then, 2 for a wrong word. stamps sectors IMAGE FIRST COUNT GENERATION   these sectors are of this
 *generation stamps cut IMAGE CONSOLE                      the image is what a power cut may leave
 *of it CONSOLE is what the guest of guest-driver/tests/virtio_stamps/loop.c had said by then.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest-driver/tests/virtio_stamps/stamp.h"

#define SECTORS_MAX 4096u
#define REPORTS_MAX 3u

/* What the console has promised. */
struct promises {
	uint64_t seed;
	uint64_t next;                /* no generation beyond it has been begun */
	uint64_t stable[SECTORS_MAX]; /* each sector's generation, at least */
};

static struct stamp image[SECTORS_MAX];
static uint64_t sectors;
static unsigned int wrong;

static void read_image(const char *path)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		printf("%s: %s\n", path, strerror(errno));
		exit(2);
	}
	sectors = fread(image, STAMP_SECTOR_SIZE, SECTORS_MAX, file);
	fclose(file);
}

static uint64_t number_of(const char *text)
{
	char *end;
	const uint64_t number = strtoull(text, &end, 10);

	if (end == text || *end != '\0') {
		printf("'%s' is no number\n", text);
		exit(2);
	}
	return number;
}

static bool is_stamp(uint64_t sector, uint64_t generation)
{
	struct stamp stamp;

	stamp_make(&stamp, sector, generation);
	return memcmp(&image[sector], &stamp, sizeof(stamp)) == 0;
}

static void refuse(uint64_t sector, const char *wanted, uint64_t generation)
{
	const uint64_t named = image[sector].generation;

	if (wrong++ < REPORTS_MAX)
		printf("sector %llu is not of generation %llu%s; it %s %llu\n",
			(unsigned long long)sector, (unsigned long long)generation, wanted,
			is_stamp(sector, named) ? "is of" : "is broken, and names",
			(unsigned long long)named);
}

static void check_sectors(uint64_t first, uint64_t count, uint64_t generation)
{
	for (uint64_t sector = first; sector < first + count; sector++) {
		if (sector >= sectors) {
			printf("the image has %llu sectors\n", (unsigned long long)sectors);
			wrong++;
			return;
		}
		if (!is_stamp(sector, generation))
			refuse(sector, "", generation);
	}
}

static void note_line(struct promises *promises, const char *line)
{
	unsigned long long first, count, number;

	if (sscanf(line, "seed %llu", &number) == 1)
		promises->seed = number;
	else if (sscanf(line, "next %llu", &number) == 1)
		promises->next = number;
	else if (sscanf(line, "stable %llu %llu %llu", &first, &count, &number) == 3) {
		for (uint64_t i = first; i < first + count && i < SECTORS_MAX; i++)
			promises->stable[i] = number;
	}
}

/* A line that has no end yet says nothing. */
static void read_console(struct promises *promises, const char *path)
{
	FILE *file = fopen(path, "rb");
	char line[4096];

	if (file == NULL) {
		printf("%s: %s\n", path, strerror(errno));
		exit(2);
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strchr(line, '\n') != NULL)
			note_line(promises, line);
	}
	fclose(file);
}

/* The last generation up to this one that has written the sector. */
static uint64_t last_due(uint64_t seed, uint64_t sector, uint64_t generation)
{
	while (!stamp_is_due(seed, sector, generation))
		generation--;
	return generation;
}

/* What a sector may hold: what was stable, or what any later generation has written. */
static bool is_allowed(const struct promises *promises, uint64_t sector)
{
	const uint64_t stable = last_due(promises->seed, sector, promises->stable[sector]);
	const uint64_t named = image[sector].generation;

	return is_stamp(sector, named) &&
	       (named == stable || (named > stable && named <= promises->next &&
					   stamp_is_due(promises->seed, sector, named)));
}

static void check_cut(const char *console)
{
	static struct promises promises;
	uint64_t newer = 0;

	read_console(&promises, console);
	for (uint64_t sector = 0; sector < sectors; sector++) {
		if (!is_allowed(&promises, sector))
			refuse(sector, ", what was stable, or later",
				last_due(promises.seed, sector, promises.stable[sector]));
		newer += image[sector].generation >
			 last_due(promises.seed, sector, promises.stable[sector]);
	}
	if (promises.next == 0 || sectors == 0) {
		printf("the console, or the image, is empty\n");
		wrong++;
	}
	fprintf(stderr, "generation %llu, %llu sectors newer than what was stable\n",
		(unsigned long long)promises.next, (unsigned long long)newer);
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "sectors") == 0) {
		read_image(argv[2]);
		check_sectors(number_of(argv[3]), number_of(argv[4]), number_of(argv[5]));
	} else if (argc == 4 && strcmp(argv[1], "cut") == 0) {
		read_image(argv[2]);
		check_cut(argv[3]);
	} else {
		fprintf(stderr, "usage: stamps sectors IMAGE FIRST COUNT GENERATION\n"
				"       stamps cut IMAGE CONSOLE\n");
		return 2;
	}
	if (wrong > REPORTS_MAX)
		printf("and %u more\n", wrong - REPORTS_MAX);
	return wrong != 0;
}

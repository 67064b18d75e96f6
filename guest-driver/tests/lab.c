/* SPDX-License-Identifier: MIT */
/*
 * Test guest of the course's assignments: does what a random number says, and prints a digest of
 * all that it saw. The grader (tests/lab/kit/machine.py) knows the number, computes the digest and
 * the disk, and judges by them; nothing is judged in here.
 * Words: nonce=NAME, seed=0x..., group=forms|memory|svirtb|virtio, and the group's own.
 */
#include "guest-driver/runtime/runtime.h"
#include "guest-driver/testing/words.h"
#include "guest-driver/tests/lab/lab.h"
#include "lib/string.h"

#define NONCE "nonce="

static const struct {
	const char *word;
	bool (*run)(struct lab *lab);
} groups[] = {
	{ "group=forms", lab_forms },
	{ "group=memory", lab_memory },
	{ "group=svirtb", lab_svirtb },
	{ "group=virtio", lab_virtio },
};

uint64_t lab_random(struct lab *lab)
{
	uint64_t z = lab->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint32_t lab_below(struct lab *lab, uint32_t limit)
{
	return (uint32_t)(lab_random(lab) >> 32) % limit;
}

void lab_fill(struct lab *lab, void *buffer, uint32_t size)
{
	uint8_t *at = buffer;

	for (uint32_t i = 0; i < size; i += 8) {
		const uint64_t number = lab_random(lab);

		memcpy(at + i, &number, size - i < 8 ? size - i : 8);
	}
}

void lab_see(struct lab *lab, uint32_t value)
{
	sha256_update(&lab->seen, &value, sizeof(value));
}

static bool run(struct lab *lab)
{
	for (unsigned int i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (runtime_has_word(lab->cmdline, groups[i].word))
			return groups[i].run(lab);
	}
	print("lab: no such group\n");
	return false;
}

int main(const char *cmdline)
{
	static struct lab lab;
	char word[WORDS_MAX_LENGTH], nonce[WORDS_MAX_LENGTH] = "";
	char digest[SHA256_TEXT_SIZE];

	lab.cmdline = cmdline;
	lab.state = words_number(cmdline, "seed=", 0);
	sha256_init(&lab.seen);
	for (const char *at = cmdline; words_next(&at, word);) {
		if (strncmp(word, NONCE, strlen(NONCE)) == 0)
			memcpy(nonce, word + strlen(NONCE), sizeof(nonce) - strlen(NONCE));
	}
	if (!run(&lab))
		return 1;
	sha256_finish(&lab.seen, digest);
	print("lab: %s digest %s\n", nonce, digest);
	return 0;
}

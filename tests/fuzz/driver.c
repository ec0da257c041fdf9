/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main() of a fuzz target that is not built with libFuzzer:
 *
 *	fuzz_X                                     the smoke test of `make check`
 *	fuzz_X FILE|DIRECTORY...                   tries each file
 *	fuzz_X -smoke N SEED [FILE|DIRECTORY...]   tries the seeds, the files, and N mutations of
 *	                                           them; the same SEED makes the same mutations
 *	fuzz_X -seeds DIRECTORY                    writes the seeds, for libFuzzer to begin with
 *
 * The input that is being tried is in the file fuzz_X.input; when a run ends badly, that is the
 *one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_POOL     4096U
#define SMOKE_RUNS   20000U
#define SMOKE_SEED   1U
#define RUN_SECONDS  30 /* for one input; longer is a hang */
#define MAX_MUTATION 8U

struct input {
	size_t size;
	uint8_t bytes[FUZZ_MAX_INPUT];
};

static struct input *pool[MAX_POOL];
static unsigned pool_size;
static struct input *current; /* shared with the file fuzz_X.input */
static uint64_t random_state;

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static size_t random_below(size_t bound)
{
	return bound ? (size_t)(next_random() % bound) : 0;
}

static void *checked(void *pointer, const char *what)
{
	if (!pointer) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(2);
	}
	return pointer;
}

static void add_to_pool(const uint8_t *bytes, size_t size)
{
	struct input *input;

	if (pool_size == MAX_POOL)
		return;
	input = checked(malloc(sizeof(*input)), "malloc");
	input->size = size < FUZZ_MAX_INPUT ? size : FUZZ_MAX_INPUT;
	memcpy(input->bytes, bytes, input->size);
	pool[pool_size++] = input;
}

static void add_path(const char *path)
{
	uint8_t bytes[FUZZ_MAX_INPUT];
	struct dirent *entry;
	struct stat st;
	FILE *file;
	DIR *dir;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		dir = checked(opendir(path), path);
		while ((entry = readdir(dir))) {
			char name[4096];

			if (entry->d_name[0] == '.')
				continue;
			snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
			add_path(name);
		}
		closedir(dir);
		return;
	}
	file = checked(fopen(path, "rbe"), path);
	add_to_pool(bytes, fread(bytes, 1, sizeof(bytes), file));
	fclose(file);
}

static void try_current(void)
{
	/* A copy that ends where its allocation does, for a sanitizer to see a read too far. */
	uint8_t *copy = checked(malloc(current->size ? current->size : 1), "malloc");

	memcpy(copy, current->bytes, current->size);
	alarm(RUN_SECONDS);
	LLVMFuzzerTestOneInput(copy, current->size);
	alarm(0);
	free(copy);
}

/* Replaces the bytes [at, at + old) by size other ones, as far as they fit. */
static void replace(size_t at, size_t old, const uint8_t *bytes, size_t size)
{
	size_t tail = current->size - at - old;

	if (at + size > FUZZ_MAX_INPUT)
		size = FUZZ_MAX_INPUT - at;
	if (at + size + tail > FUZZ_MAX_INPUT)
		tail = FUZZ_MAX_INPUT - at - size;
	memmove(current->bytes + at + size, current->bytes + at + old, tail);
	memcpy(current->bytes + at, bytes, size);
	current->size = at + size + tail;
}

static void mutate(void)
{
	static const uint32_t edges[] = {
		0,    1,    2,	  3,	 4,	  7,	      8,	  64,
		65,   255,  256,  257,	 0x7fff,  0x8000,     0xffff,	  0x10000,
		8191, 8192, 8193, 65536, 1 << 28, 0x7fffffff, 0x80000000, 0xffffffff};
	size_t at = random_below(current->size + 1);
	size_t left = current->size - at;
	const struct input *other = pool[random_below(pool_size)];
	size_t from = random_below(other->size + 1);
	uint8_t byte = (uint8_t)next_random();
	uint8_t copy[FUZZ_MAX_INPUT];
	uint32_t word;

	switch (random_below(8)) {
	case 0: /* another bit */
		if (left)
			current->bytes[at] ^= (uint8_t)(1U << random_below(8));
		break;
	case 1: /* another byte */
		if (left)
			current->bytes[at] = byte;
		break;
	case 2: /* a number at the edge of some range */
		word = edges[random_below(sizeof(edges) / sizeof(edges[0]))];
		if (left >= sizeof(word))
			memcpy(current->bytes + at, &word, sizeof(word));
		break;
	case 3: /* a number one off */
		if (left >= sizeof(word)) {
			memcpy(&word, current->bytes + at, sizeof(word));
			word += byte & 1 ? 1U : UINT32_MAX;
			memcpy(current->bytes + at, &word, sizeof(word));
		}
		break;
	case 4: /* something missing */
		replace(at, random_below(left + 1), copy, 0);
		break;
	case 5: /* something twice */
		left = random_below(left + 1);
		memcpy(copy, current->bytes + at, left);
		replace(at, 0, copy, left);
		break;
	case 6: /* a piece of another input in between */
		replace(at, 0, other->bytes + from, random_below(other->size - from + 1));
		break;
	case 7: /* the end of another input */
		replace(at, left, other->bytes + from, other->size - from);
		break;
	}
}

static void write_seeds(const char *directory)
{
	for (unsigned i = 0; i < pool_size; i++) {
		char name[4096];
		FILE *file;

		snprintf(name, sizeof(name), "%s/seed-%u", directory, i);
		file = checked(fopen(name, "wbe"), name);
		if (fwrite(pool[i]->bytes, 1, pool[i]->size, file) != pool[i]->size ||
		    fclose(file) != 0) {
			perror(name);
			exit(2);
		}
	}
}

static void open_current(const char *program)
{
	const char *base = strrchr(program, '/');
	char name[256];
	int fd;

	snprintf(name, sizeof(name), "%s.input", base ? base + 1 : program);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd >= 0 && ftruncate(fd, sizeof(struct input)) == 0)
		current =
			mmap(NULL, sizeof(struct input), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!current || current == MAP_FAILED) {
		perror(name);
		exit(2);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	bool seeds = argc == 3 && !strcmp(argv[1], "-seeds");
	bool smoke = argc == 1 || (argc >= 4 && !strcmp(argv[1], "-smoke"));
	unsigned long mutations = 0;
	uint8_t bytes[FUZZ_MAX_INPUT];
	size_t size;

	if (argc > 1 && argv[1][0] == '-' && !smoke && !seeds) {
		fprintf(stderr,
			"usage: %s [[-smoke N SEED] FILE|DIRECTORY... | -seeds DIRECTORY]\n",
			argv[0]);
		return 2;
	}
	if (smoke || seeds) {
		for (unsigned i = 0; (size = fuzz_seed(i, bytes, sizeof(bytes))); i++)
			add_to_pool(bytes, size);
	}
	if (seeds) {
		write_seeds(argv[2]);
		return 0;
	}
	if (smoke) {
		mutations = argc > 1 ? strtoul(argv[2], NULL, 0) : SMOKE_RUNS;
		random_state = argc > 1 ? strtoull(argv[3], NULL, 0) : SMOKE_SEED;
	}
	for (int i = smoke ? 4 : 1; i < argc; i++)
		add_path(argv[i]);
	if (!pool_size) {
		fprintf(stderr, "%s: nothing to try\n", argv[0]);
		return 2;
	}

	open_current(argv[0]);
	for (unsigned i = 0; i < pool_size; i++) {
		*current = *pool[i];
		try_current();
	}
	for (unsigned long i = 0; i < mutations; i++) {
		*current = *pool[random_below(pool_size)];
		for (size_t num = 1 + random_below(MAX_MUTATION); num; num--)
			mutate();
		try_current();
	}
	printf("%u inputs and %lu mutations tried\n", pool_size, mutations);
	return 0;
}

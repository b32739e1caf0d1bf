// SPDX-License-Identifier: GPL-2.0-only
/* Reading a YAML file, and what may be in it at all. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/profile/node.h"
#include "ctl/profile/utf8.h"

static int read_all(struct arena *arena, int fd, struct source *source)
{
	/* One byte more than allowed: who fills it is too large (a pipe has no size). */
	char *text = arena_alloc(arena, FILE_BYTES_MAX + 2);
	size_t length = 0;

	while (length <= FILE_BYTES_MAX) {
		ssize_t got = read(fd, text + length, FILE_BYTES_MAX + 1 - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		length += (size_t)got;
	}
	source->text = text;
	source->length = length;
	return length > FILE_BYTES_MAX ? -EFBIG : 0;
}

static int open_and_read(struct arena *arena, struct source *source)
{
	/* Without O_NONBLOCK, opening a FIFO that nobody writes would wait for ever. */
	int fd = open(source->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat about;

	if (fd < 0)
		return -errno;
	int result = fstat(fd, &about) ? -errno : 0;

	if (!result && S_ISDIR(about.st_mode))
		result = -EISDIR;
	else if (!result && S_ISREG(about.st_mode) && about.st_size > (off_t)FILE_BYTES_MAX)
		result = -EFBIG;
	else if (!result && fcntl(fd, F_SETFL, 0) < 0)
		result = -errno;
	if (!result)
		result = read_all(arena, fd, source);
	close(fd);
	return result;
}

int source_read(struct arena *arena, const char *file, struct source **out, struct diagnostics *d)
{
	struct source *source = arena_alloc(arena, sizeof(*source));

	source->file = arena_copy(arena, file, strlen(file));
	int result = open_and_read(arena, source);

	if (!result) {
		*out = source;
		return 0;
	}
	source->text = NULL;
	if (result == -EFBIG)
		complain_at(d, source, 0, 0, 0, "at most 1 MiB", "the file is too large");
	else if (result == -EISDIR)
		complain_at(d, source, 0, 0, 0, "a YAML file", "this is a directory");
	else
		complain_at(d, source, 0, 0, 0, NULL, "cannot be read: %s", strerror(-result));
	return result;
}

size_t utf8_length(const char *text, size_t left)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t length = p[0] < 0x80   ? 1
			: p[0] < 0xc2 ? 0
			: p[0] < 0xe0 ? 2
			: p[0] < 0xf0 ? 3
			: p[0] < 0xf5 ? 4
				      : 0;

	if (!length || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return length;
}

bool source_check(const struct source *source, struct diagnostics *d)
{
	int line = 1, column = 1;

	for (size_t i = 0; i < source->length;) {
		unsigned char c = (unsigned char)source->text[i];
		size_t length = utf8_length(source->text + i, source->length - i);

		if (!length) {
			complain_at(d, source, line, column, 1, "text in UTF-8",
				    "this is not UTF-8: byte 0x%02x", c);
			return false;
		}
		if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f ||
		    (c == 0xc2 && (unsigned char)source->text[i + 1] < 0xa0)) {
			complain_at(d, source, line, column, 1, "text",
				    "there is a control character: byte 0x%02x", c);
			return false;
		}
		i += length;
		column++;
		if (c == '\n') {
			line++;
			column = 1;
		}
	}
	return true;
}

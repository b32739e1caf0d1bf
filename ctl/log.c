// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/log.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

#define MARK	 "Kernel error message: "
#define VERIFIER "BEGIN PROG LOAD LOG --\n"

static int verbosity;
static char kernel_said[256];

/* The line after a mark. */
static void keep(const char *text, const char *mark)
{
	const char *found = strstr(text, mark);

	if (!found)
		return;
	snprintf(kernel_said, sizeof(kernel_said), "%.250s", found + strlen(mark));
	kernel_said[strcspn(kernel_said, "\n")] = '\0';
}

static int print(bool debug, const char *format, va_list arguments)
{
	char text[8192];
	va_list copy;

	va_copy(copy, arguments);
	vsnprintf(text, sizeof(text), format, copy);
	va_end(copy);
	keep(text, MARK);
	keep(text, VERIFIER);
	if (verbosity > 1 || (verbosity && !debug && !strstr(text, VERIFIER)))
		return vfprintf(stderr, format, arguments);
	return 0;
}

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	return print(level == LIBBPF_DEBUG, format, arguments);
}

static int print_libxdp(enum libxdp_print_level level, const char *format, va_list arguments)
{
	return print(level == LIBXDP_DEBUG, format, arguments);
}

void log_install(int verbose)
{
	verbosity = verbose;
	libbpf_set_print(print_libbpf);
	libxdp_set_print(print_libxdp);
}

const char *log_kernel_said(void)
{
	return kernel_said;
}

void log_forget(void)
{
	*kernel_said = '\0';
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* What a library function of ours says when it returns -errno: verbs print it. */
#ifndef SENSORCTL_ERROR_H
#define SENSORCTL_ERROR_H

struct error {
	int code;	   /* enum exit_code that fits, 0: FAILED */
	char message[512]; /* what failed: why */
	char hint[256];	   /* what to do, or "" */
};

/* Fills error (which may be NULL) and returns `result`, a -errno. */
int error_set(struct error *error, int result, int code, const char *hint, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif

// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "xdp/stream/broker.h"

enum { SCHEDULING_OTHER, SCHEDULING_FIFO, SCHEDULING_NICE };

/*
 * A real-time thread that does not sleep for this long is broken (registering the memory of a new
 * profile takes some 100 ms); it gets SIGXCPU, and
 * goes on as a normal one.
 */
#define RUNAWAY_US 1000000

static unsigned int *scheduling;

static int be_nice(void)
{
	return setpriority(PRIO_PROCESS, 0, -20) ? SCHEDULING_OTHER : SCHEDULING_NICE;
}

static void runaway(int signal)
{
	const struct sched_param normal = { 0 };

	(void)signal;
	sched_setscheduler(0, SCHED_OTHER, &normal);
	*scheduling = be_nice();
}

unsigned int privilege_schedule(bool busy_poll, unsigned int *shown)
{
	const struct sched_param first = { .sched_priority = 1 };
	const struct rlimit limit = { .rlim_cur = RUNAWAY_US, .rlim_max = RLIM_INFINITY };
	const struct sigaction action = { .sa_handler = runaway, .sa_flags = SA_RESTART };

	/* Short sleeps are meant as short; real-time threads have no slack anyway. */
	prctl(PR_SET_TIMERSLACK, 1);
	scheduling = shown;
	/* A thread that polls without end may not be a real-time one. */
	if (!busy_poll && !sigaction(SIGXCPU, &action, NULL) && !setrlimit(RLIMIT_RTTIME, &limit) &&
	    !sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first))
		*shown = SCHEDULING_FIFO;
	else
		*shown = be_nice();
	return *shown;
}

/* What it takes to open AF_XDP sockets and pin their memory when the profile changes. */
#define BROKER_KEEPS \
	(1ull << CAP_NET_RAW | 1ull << CAP_NET_ADMIN | 1ull << CAP_IPC_LOCK | 1ull << CAP_BPF)

int privilege_keep(uint64_t keep)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)keep, .permitted = (uint32_t)keep },
		{ .effective = (uint32_t)(keep >> 32), .permitted = (uint32_t)(keep >> 32) },
	};

	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

int privilege_become(const char *user, struct error *error)
{
	const struct passwd *entry = getpwnam(user);
	int result = 0;

	if (!entry)
		return error_set(error, -ENOENT, USAGE, "Make one: adduser --system NAME",
				 "no user \"%s\"", user);
	if (prctl(PR_SET_KEEPCAPS, 1) || initgroups(user, entry->pw_gid) ||
	    setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid))
		result = -errno;
	if (!result)
		result = privilege_keep(BROKER_KEEPS);
	if (result)
		return error_set(error, result, 0, NULL, "can't become user \"%s\": %s", user,
				 strerror(-result));
	return 0;
}

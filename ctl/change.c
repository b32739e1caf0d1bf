// SPDX-License-Identifier: GPL-2.0-only
#include "ctl/change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/bpffs.h"
#include "ctl/capability.h"
#include "ctl/json.h"
#include "ctl/lock.h"
#include "ctl/names.h"
#include "ctl/option.h"
#include "ctl/pending.h"
#include "ctl/pins.h"
#include "ctl/swap.h"

#define LONGEST_WAIT_S 86400

int change_begin(const struct invocation *invocation, bool create, int *lock)
{
	const struct globals *globals = invocation->globals;
	struct error error;

	*lock = -1;
	/* Before a directory is made that would then be somebody's who can't use it. */
	if (create && !capability_suffices())
		return fail(invocation, FAILED, CAPABILITY_HINT,
			    "can't load programs: no permission");
	if (create && bpffs_prepare(globals->bpffs, &error))
		return fail_error(invocation, &error);
	*lock = lock_take(globals->bpffs, LOCK_WAIT_MS, &error);
	if (*lock == -ENOENT && !create)
		return 0;
	if (*lock < 0)
		return fail_error(invocation, &error);
	pins_mend_locked(globals);
	return 0;
}

void change_end(int lock)
{
	if (lock >= 0)
		close(lock);
}

int change_confirm(const struct invocation *invocation, __u64 *confirm_ns)
{
	unsigned long seconds = 0;
	int code = option_number(invocation, "confirm", LONGEST_WAIT_S, &seconds);

	*confirm_ns = seconds * 1000000000u;
	return code;
}

int change_swap(const struct invocation *invocation, const struct attached *attached,
		struct profile_image *image, __u64 confirm_ns)
{
	__u64 deadline_ns;
	struct error error;
	int code = DONE;

	if (swap_to(attached, image, confirm_ns, &deadline_ns, &error))
		return fail_error(invocation, &error);
	if (deadline_ns)
		code = change_await(invocation, attached->directory, attached->netns,
				    attached->ifindex, attached->interface, deadline_ns);
	if (code)
		return code;
	if (invocation->globals->json)
		json_print(json_pack("{s:s, s:s, s:s, s:I}", "interface", attached->interface,
				     "profile", image->name, "mode",
				     mode_names[attached->view->mode], "generation",
				     (json_int_t)image->generation),
			   false);
	else
		printf("%s: profile %s is active (generation %llu)\n", attached->interface,
		       image->name, image->generation);
	return DONE;
}

int change_await(const struct invocation *invocation, const char *directory, ino_t netns,
		 unsigned int ifindex, const char *interface, __u64 deadline_ns)
{
	__u64 now = pending_now();
	__u64 rest = deadline_ns > now ? deadline_ns - now : 0;
	int result = pending_watch(invocation->globals, directory, netns, ifindex, deadline_ns);

	if (result)
		return fail(invocation, FAILED, "Call sensorctl confirm, or detach",
			    "can't leave a process behind that rolls back: %s", strerror(-result));
	fprintf(stderr,
		"sensorctl: %s: rolled back in %llu s unless you call: sensorctl "
		"confirm %s\n",
		invocation->verb->name, (rest + 999999999) / 1000000000, interface);
	return DONE;
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test hook: with SENSORCTL_CRASH=STEP in the environment the process kills itself at that
 * step with SIGKILL, as an unlucky operator or the OOM killer might. The tests go through all
 * steps and see whether the next call finds a state that is either old or new.
 */
#ifndef SENSORCTL_CRASH_H
#define SENSORCTL_CRASH_H

enum crash_step {
	CRASH_STAGED,	   /* attach: the staging directory is made */
	CRASH_LOADED,	   /* attach: programs and maps are loaded, nothing is pinned */
	CRASH_MAPS_PINNED, /* attach: all is pinned but the link */
	CRASH_REPLACED,	   /* attach: another program was taken off, ours is not on yet */
	CRASH_LINKED,	   /* attach: on the interface, the link is not pinned yet */
	CRASH_LINK_PINNED, /* attach: complete, under its staging name */
	CRASH_ATTACHED,	   /* attach: under its final name */
	CRASH_ZEROED,	   /* swap: fresh ids are zeroed */
	CRASH_NAMED,	   /* swap: the name table is written */
	CRASH_PENDING,	   /* swap: what to roll back to is pinned */
	CRASH_FILLED,	   /* swap: the new image is filled, the old one is active */
	CRASH_SWAPPED,	   /* swap: the new image is active, its generation not copied */
	CRASH_CONFIRMING,  /* confirm: nothing to roll back to, but its image is still there */
	CRASH_RETIRED,	   /* detach: renamed, still on the interface */
	CRASH_UNLINKED,	   /* detach: off the interface, what it replaced is not back on yet */
	CRASH_STEPS,
};

void crash_here(enum crash_step step);

#endif

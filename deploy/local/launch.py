"""Run a program that dies with its parent, and optionally as another user.

A script of its own, started with `python -I -S`, because the settings below belong to a process
that is about to become the program: they must be made after the fork and outlive the exec.

    launch.py PARENT_PID SIGNAL USER|- MODE PROGRAM [ARGUMENT ...]

MODE is `search` where the user could not even walk to its own files (a checkout below a folder
that only root may enter), else `plain`.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522


def become(user: str, search: bool) -> None:
    """Drop root for `user`; with `search` keep the one capability of entering any folder."""
    entry = pwd.getpwnam(user)
    libc = ctypes.CDLL(None, use_errno=True)
    if search:
        # Capabilities outlive the change of user, and access(2) takes them into account, by which
        # initdb looks for its neighbours.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    if search and not any(
        keep_capability(libc, capability) for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE)
    ):
        sys.exit(
            f"launch: {user} cannot reach the program: make its folders searchable (chmod o+x)"
        )


def keep_capability(libc: ctypes.CDLL, capability: int) -> bool:
    """Whether this process, and what it executes, now holds exactly `capability`."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if libc.capset(ctypes.byref(header), ctypes.byref(sets)) != 0:
        return False
    return bool(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def die_with(parent: int, signal_number: int) -> None:
    """Have the kernel send `signal_number` here when the parent ends, however it ends."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before the kernel knew of our wish
        sys.exit("launch: the parent is gone")


def main() -> None:
    """Take the arguments, change this process, become the program."""
    parent, signal_number, user, mode, *command = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if user != "-":
        become(user, search=mode == "search")
    # After the change of user: changing it clears the wish.
    die_with(int(parent), int(signal_number))
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()

//! The usage texts.

use super::options;
use crate::text::{Text, texts};

texts! {
    /// Of what one is asked for. That of `vesicle run` is made from its table; what is here is what stands before it.
    Help {
        Commands = "usage: vesicle COMMAND

  run [OPTION...] ROOTFS COMMAND [ARG...]       start COMMAND in new namespaces
  init [OPTION...] [--] COMMAND [ARG...]        be the init of a container: reap, forward, end as COMMAND does
  enter [OPTION...] PID [--] COMMAND [ARG...]   run COMMAND inside a container that runs
  boot [OPTION...] [--] [COMMAND [ARG...]]      be /init of an initramfs
  help run, help init, help enter, help boot    their options
  --version
"
        Run = "usage: vesicle run [OPTION...] ROOTFS COMMAND [ARG...]\n"
        #[cfg(feature = "init")] Init = "usage: vesicle init [OPTION...] [--] COMMAND [ARG...]

  -s          become a subreaper, as process 1 too
  -p SIGNAL   send me SIGNAL when my parent dies
  -g          forward signals to COMMAND's process group
  -e CODE     exit code CODE counts as 0 (repeatable)
  -r FROM:TO  forward signal FROM as TO; 0: not at all (repeatable)
  -w          say what was reaped
  -v          say more
  -q          say nothing
  -k SECONDS  KILL so long after a TERM
  -a          stay until every child is gone
  -P          pause: no COMMAND, wait for TERM or INT

SIGNAL is a number or a name. Called as tini, docker-init, dumb-init or catatonit it has their options.
"
        #[cfg(feature = "enter")] Enter = "usage: vesicle enter [OPTION...] PID [--] COMMAND [ARG...]

  --all                every namespace of PID that differs, its root and cgroup (default)
  --user[=FD|PATH]     only those namespaces that are named; with a value, that one instead
  --pid[=FD|PATH]
  --net[=FD|PATH]
  --uts[=FD|PATH]
  --ipc[=FD|PATH]
  --cgroup[=FD|PATH]   and PID's cgroup
  --time[=FD|PATH]
  --mount[=FD|PATH]    and PID's root
  --env                PID's environment instead of the caller's
  --no-cgroup          stay in the caller's cgroup
  --uid N              another user id inside, without PID's groups
  --gid N              another group id inside, without PID's groups
  --chdir DIR          working directory (/)
  --setenv VAR VALUE   set a variable
  --unsetenv VAR       unset a variable
  --clearenv           start from an empty environment
  --argv0 NAME         argv[0] of COMMAND
  --keep-fd FD         leave this descriptor open for COMMAND
  --umask MODE         file mode creation mask of COMMAND
  --new-session        a new session, without the terminal
  --die-with-parent    die with the launcher, and the launcher with its parent
  --allow-new-privs    no_new_privs off, where PID has it off
  --privileged         keep the caller's capabilities, no_new_privs off, no filter
  --seccomp default|FILE|FD  refuse system calls, as with run

What lives in a container may be hostile: COMMAND is its own from the start.
"
        #[cfg(feature = "boot")] Boot = "usage: vesicle boot [OPTION...] [--] [COMMAND [ARG...]]

  --root DEVICE        switch to this root: a path, LABEL=, UUID=, PARTUUID=, virtiofs:TAG, 9p:TAG, overlay:DEVICE
  --root-type FS       its file system
  --root-flags OPTS    its mount options
  --root-wait SECONDS  wait so long for it (10)
  --on-exit ACTION     poweroff, reboot, halt, respawn or panic
  --grace SECONDS      between TERM and KILL at the end (5)
  --rescue             a shell when booting fails

Called as init by the kernel it is boot too. Options are also read from /etc/vesicle.boot, one word a line, and from the
kernel's command line: vesicle.OPTION=VALUE.
"
    }
}

impl Help {
    /// Appends that of bwrap, which was called by this name.
    #[cfg(feature = "bwrap")]
    pub(crate) fn write_bwrap(called: &[u8], out: &mut Text<'_>) {
        out.push(b"usage: ").push(called).push(b" [OPTIONS...] [--] COMMAND [ARGS...]\n\n");
        options::help(out, true);
    }

    /// Appends it.
    pub(crate) fn write(self, out: &mut Text<'_>) {
        Help::say(self as usize, out);
        if self == Help::Run {
            options::help(out, false);
        }
    }
}

//! The usage texts.

use super::options;
use crate::text::{Text, texts};

texts! {
    /// Of what one is asked for. That of `vesicle run` is made from its table; what is here is what stands before it.
    Help {
        Commands = "usage: vesicle COMMAND

  run [OPTION...] ROOTFS COMMAND [ARG...]   start COMMAND in new namespaces
  init [OPTION...] [--] COMMAND [ARG...]    be the init of this container: reap, forward, exit as COMMAND does
  help run, help init                       their options
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
    }
}

impl Help {
    /// Appends it.
    pub(crate) fn write(self, out: &mut Text<'_>) {
        Help::say(self as usize, out);
        if self == Help::Run {
            options::help(out);
        }
    }
}

//! asyncio beside us: the scripts, which travel inside of this program, and how they are run.
//!
//! A script gets its arguments on the command line and speaks the same lines as our own roles.

use std::io;
use std::process::Command;

use super::child::Role;

pub(crate) const ECHO: &str = include_str!("../../python/echo.py");
pub(crate) const FETCH: &str = include_str!("../../python/fetch.py");
pub(crate) const WAITS: &str = include_str!("../../python/waits.py");
pub(crate) const CPU: &str = include_str!("../../python/cpu.py");

/// Starts a script.
pub(crate) fn start(script: &str, arguments: &[String]) -> io::Result<Role> {
    let mut command = Command::new("python3");
    // Isolated: the reader's environment and packages must not change what is measured.
    command.args(["-I", "-c", script]).args(arguments);
    Role::spawn(command, "python3")
}

//! Processes that a command leaves behind, found in `/proc`. A supervisor adopts every orphan among its descendants
//! (`PR_SET_CHILD_SUBREAPER`), so that neither a double fork nor `setsid` gets one out of its sight. Where there is no `/proc`
//! (macOS) only the process group is known.

use std::io::Read as _;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// One line of `/proc`.
struct Process {
    pid: i32,
    parent: i32,
    session: i32,
}

/// Every descendant of this process that has not ended.
pub(super) fn descendants() -> Vec<Pid> {
    let processes = all();
    let mut found = vec![rustix::process::getpid().as_raw_nonzero().get()];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        let children = processes.iter().filter(|process| process.parent == parent);
        found.extend(children.map(|process| process.pid));
        next += 1;
    }
    found.into_iter().skip(1).filter_map(Pid::from_raw).collect()
}

/// Every process of a session that has not ended.
pub(super) fn session(leader: u32) -> Vec<Pid> {
    let belongs = |process: &Process| u32::try_from(process.session) == Ok(leader);
    let members = all().into_iter().filter(belongs);
    members.filter_map(|process| Pid::from_raw(process.pid)).collect()
}

/// The most of a process's environment that is read, in bytes.
const MAX_ENVIRONMENT: u64 = 4 * 1024 * 1024;

/// Every process that was started with a variable of this value and has not ended, as far as it may be looked at: those of the same
/// user.
pub(super) fn with_variable(name: &str, value: &str) -> Vec<Pid> {
    let wanted = format!("{name}={value}").into_bytes();
    let carries = |process: &Process| {
        environment(process.pid)
            .is_some_and(|bytes| bytes.split(|byte| *byte == 0).any(|entry| entry == wanted))
    };
    let carriers = all().into_iter().filter(carries);
    carriers
        .filter_map(|process| Pid::from_raw(process.pid))
        .collect()
}

fn environment(pid: i32) -> Option<Vec<u8>> {
    let file = std::fs::File::open(format!("/proc/{pid}/environ")).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_ENVIRONMENT).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Does this process exist, and has it not ended? One that has ended and that nobody waits for has.
pub(super) fn is_running(pid: Pid) -> bool {
    read(pid.as_raw_nonzero().get()).is_some()
}

/// Sends a signal to the command's group, if its leader is still there to vouch for the number, and to every descendant.
pub(super) fn signal(group: Option<Pid>, signal: Signal) {
    // A process that has just ended is what was wanted.
    if let Some(group) = group {
        kill_process_group(group, signal).ok();
    }
    for pid in descendants() {
        kill_process(pid, signal).ok();
    }
}

fn all() -> Vec<Process> {
    let Ok(folder) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    folder
        .filter_map(|entry| read(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// Fields are counted after the last `)`, because the command's name may hold anything. Source: proc_pid_stat(5).
fn read(pid: i32) -> Option<Process> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let text = std::str::from_utf8(stat.get(after_name..)?).ok()?;
    let mut fields = text.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Process { pid, parent, session })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_grandchild_is_a_descendant_and_this_process_is_not() {
        let mut child = std::process::Command::new("/bin/sh")
            .args(["-c", "sleep 60 & echo $!; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        let grandchild = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        let found = descendants();
        assert!(found.contains(&Pid::from_child(&child)) && found.contains(&grandchild));
        assert!(!found.contains(&rustix::process::getpid()));
        kill_process(grandchild, Signal::KILL).unwrap();
        child.wait().unwrap();
    }
}

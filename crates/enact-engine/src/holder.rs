//! Who holds a lease: a process, told apart from a later one with the same number.

use serde::{Deserialize, Serialize};

/// A process on a host. The start time and the boot id make a reused process number somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The host's name.
    pub host: String,
    /// The process number.
    pub pid: u32,
    /// When the process started, in the kernel's ticks since boot; 0 where that cannot be read.
    pub started: u64,
    /// The kernel's boot id; empty where that cannot be read.
    pub boot_id: String,
}

impl Holder {
    /// This process.
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            host: read_line("/proc/sys/kernel/hostname"),
            pid,
            started: Stat::read(pid).map_or(0, |stat| stat.started),
            boot_id: boot_id(),
        }
    }

    /// Is the process certainly gone? Only a process of this host and this boot can be told; anything else may
    /// live, and its lease has to run out.
    pub fn is_gone(&self) -> bool {
        let here = read_line("/proc/sys/kernel/hostname");
        if self.boot_id.is_empty() || self.host != here {
            return false;
        }
        // Another boot of this host: whatever ran before it is gone.
        if self.boot_id != boot_id() {
            return true;
        }
        match Stat::read(self.pid) {
            // A zombie has ended; it is only waiting to be counted, for ever where nobody counts (a container's init).
            Some(stat) => stat.started != self.started || matches!(stat.state, 'Z' | 'X'),
            None => true,
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "process {} on {}", self.pid, self.host)
    }
}

fn boot_id() -> String {
    read_line("/proc/sys/kernel/random/boot_id")
}

fn read_line(path: &str) -> String {
    std::fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// What `/proc/PID/stat` says.
struct Stat {
    /// Field 3: `R`, `S`, `Z`, …
    state: char,
    /// Field 22: ticks since boot.
    started: u64,
}

impl Stat {
    /// Counted after the last `)`, because the command's name may hold anything. Source: proc_pid_stat(5).
    fn read(pid: u32) -> Option<Self> {
        let stat = read_line(&format!("/proc/{pid}/stat"));
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?.chars().next()?;
        let started = fields.nth(18)?.parse().ok()?;
        Some(Self { state, started })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_not_gone_and_a_reused_number_is() {
        let me = Holder::this_process();
        assert!(!me.is_gone());
        assert!(
            Holder {
                started: me.started + 1,
                ..me.clone()
            }
            .is_gone()
        );
        assert!(
            Holder {
                boot_id: "another".to_owned(),
                ..me.clone()
            }
            .is_gone()
        );
        assert!(
            !Holder {
                host: "elsewhere".to_owned(),
                ..me
            }
            .is_gone()
        );
    }

    #[test]
    fn a_process_that_has_ended_and_was_not_waited_for_is_gone() {
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        let pid = child.id();
        let me = Holder::this_process();
        while Stat::read(pid).is_some_and(|stat| stat.state != 'Z') {
            std::thread::yield_now();
        }
        let started = Stat::read(pid).unwrap().started;
        assert!(Holder { pid, started, ..me }.is_gone());
        child.wait().unwrap();
    }
}

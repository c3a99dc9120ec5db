//! Who holds a lease: a process, told apart from a later one with the same number.

use std::path::Path;

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
            started: start_ticks(pid),
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
        !Path::new(&format!("/proc/{}", self.pid)).exists() || start_ticks(self.pid) != self.started
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

/// Field 22 of `/proc/PID/stat`; counted after the last `)`, because the command's name may hold anything.
/// Source: proc_pid_stat(5).
fn start_ticks(pid: u32) -> u64 {
    let stat = read_line(&format!("/proc/{pid}/stat"));
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name
        .split_whitespace()
        .nth(19)
        .and_then(|ticks| ticks.parse().ok())
        .unwrap_or(0)
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
}

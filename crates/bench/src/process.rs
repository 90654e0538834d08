//! What a process has used, as the system counts it: CPU time and memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// A process whose CPU time is followed thread by thread, so that the share of threads that end
/// between two looks is not lost.
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Nanoseconds of each thread, as last seen.
    threads: BTreeMap<u32, u64>,
}

/// Bytes of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

impl Process {
    /// Follows the process from now on.
    pub(crate) fn follow(pid: u32) -> Self {
        Self {
            pid,
            threads: BTreeMap::new(),
        }
    }

    /// Follows this process.
    pub(crate) fn own() -> Self {
        Self::follow(std::process::id())
    }

    /// CPU time used so far, in nanoseconds.
    pub(crate) fn cpu(&mut self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid));
        for task in tasks.into_iter().flatten().flatten() {
            let thread = task.file_name().to_str().and_then(|id| id.parse().ok());
            let used = fs::read_to_string(task.path().join("schedstat"));
            if let (Some(thread), Ok(used)) = (thread, used) {
                let used = used.split(' ').next().and_then(|used| used.parse().ok());
                self.threads.insert(thread, used.unwrap_or_default());
            }
        }
        self.threads.values().sum()
    }

    /// Its memory; `None` if there is no such process.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        read_memory(&status)
    }
}

fn read_memory(status: &str) -> Option<Memory> {
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    };
    Some(Memory {
        resident: value("VmRSS:")?,
        peak: value("VmHWM:")?,
    })
}

/// The process that listens on a TCP port of this computer, if it can be seen.
pub(crate) fn listener(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables = tables.map(|path| fs::read_to_string(path).unwrap_or_default());
    let inodes: Vec<_> = tables
        .iter()
        .flat_map(|table| table.lines())
        .filter_map(|line| listening(line, port))
        .map(|inode| PathBuf::from(format!("socket:[{inode}]")))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .find(|pid: &u32| {
            let files = fs::read_dir(format!("/proc/{pid}/fd"));
            let mut files = files.into_iter().flatten().flatten();
            files.any(|file| fs::read_link(file.path()).is_ok_and(|to| inodes.contains(&to)))
        })
}

/// The inode of a socket in a line of `/proc/net/tcp` that listens on `port`.
fn listening(line: &str, port: u16) -> Option<&str> {
    const LISTEN: &str = "0A";
    let mut words = line.split_whitespace();
    let (_, found) = words.nth(1)?.rsplit_once(':')?;
    let found = u16::from_str_radix(found, 16).ok()?;
    let state = words.nth(1)?;
    let inode = words.nth(5)?;
    (found == port && state == LISTEN).then_some(inode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tfoghorn\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let expect = Memory {
            resident: 1 << 20,
            peak: 2 << 20,
        };
        assert_eq!(read_memory(status), Some(expect));
        assert_eq!(read_memory("Name:\tkthread\n"), None);
    }

    #[test]
    fn a_listener_is_found_by_port_and_state() {
        let line = "   0: 0100007F:1771 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
                    1000        0 34567 1 0000000000000000 100 0 0 10 0";
        assert_eq!(listening(line, 6001), Some("34567"));
        assert_eq!(listening(line, 6002), None);
        assert_eq!(listening(&line.replace(" 0A ", " 01 "), 6001), None);
        assert_eq!(listening("  sl  local_address rem_address", 6001), None);
    }

    #[test]
    fn this_process_uses_cpu_and_memory() {
        let mut own = Process::own();
        assert!(own.cpu() > 0);
        assert!(
            own.memory()
                .is_some_and(|memory| memory.peak >= memory.resident)
        );
    }

    #[test]
    fn the_owner_of_a_port_is_found() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(listener(port), Some(std::process::id()));
    }
}

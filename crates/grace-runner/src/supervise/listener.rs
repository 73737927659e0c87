//! Whose server it is that answers: the process that listens, looked up in `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::process::Pid;

use super::children::parents;

/// A process that listens where the server of the guard should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stranger {
    pub(super) pid: i32,
    pub(super) name: String,
}

/// A socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Listener {
    address: IpAddr,
    inode: u64,
}

/// Who takes connections to `port` of 127.0.0.1 without being the guard or a process below it.
///
/// `None` where it is the guard's own server, and where `/proc` cannot tell: it belongs to Linux, and shows nobody the
/// open files of other users' processes.
pub(super) fn stranger_at(port: u16, guard: Pid) -> Option<Stranger> {
    let mut inodes: BTreeSet<u64> = reached(&listeners(port)).into_iter().collect();
    let parents = parents();
    let family = family(guard.as_raw_nonzero().get(), &parents);
    for pid in &family {
        // What cannot be read may well listen.
        for inode in sockets(*pid)? {
            inodes.remove(&inode);
        }
    }
    if inodes.is_empty() {
        return None;
    }
    let mut others = parents.iter().map(|(pid, _)| *pid);
    let pid = others.find(|pid| {
        let sockets = sockets(*pid).unwrap_or_default();
        !family.contains(pid) && sockets.iter().any(|inode| inodes.contains(inode))
    })?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name = name.trim_end().to_owned();
    Some(Stranger { pid, name })
}

/// The processes that came of `root`, itself included.
fn family(root: i32, parents: &[(i32, i32)]) -> BTreeSet<i32> {
    let mut family = BTreeSet::from([root]);
    loop {
        let known = family.len();
        let children = parents
            .iter()
            .filter(|(_, parent)| family.contains(parent))
            .map(|(pid, _)| *pid);
        let children: Vec<i32> = children.collect();
        family.extend(children);
        if family.len() == known {
            return family;
        }
    }
}

/// The inodes of a process's sockets; none of one that has ended, `None` if they may not be seen.
fn sockets(pid: i32) -> Option<Vec<u64>> {
    let folder = format!("/proc/{pid}/fd");
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::PermissionDenied && !has_ended(pid) => {
            return None;
        }
        Err(_) => return Some(Vec::new()),
    };
    let links = entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    let inode = |link: std::path::PathBuf| {
        let inner = link.to_str()?.strip_prefix("socket:[")?;
        inner.strip_suffix(']')?.parse().ok()
    };
    Some(links.filter_map(inode).collect())
}

/// Whether a process only waits to be reaped; the kernel shows such ones to nobody but root.
fn has_ended(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, fields)| fields.trim_start());
    state.is_none_or(|state| state.starts_with('Z'))
}

fn listeners(port: u16) -> Vec<Listener> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let texts = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    let lines = texts.iter().flat_map(|text| text.lines().skip(1));
    lines.filter_map(|line| listener_in(line, port)).collect()
}

/// Of those that listen at a port, the ones that the kernel hands connections to 127.0.0.1: the most specific address wins.
/// Several may share it (`SO_REUSEPORT`).
fn reached(listeners: &[Listener]) -> Vec<u64> {
    let addresses = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()),
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    ];
    let at = |address: &IpAddr| -> Vec<u64> {
        let same = listeners.iter().filter(|one| one.address == *address);
        same.map(|one| one.inode).collect()
    };
    let mut found = addresses.iter().map(at);
    found.find(|inodes| !inodes.is_empty()).unwrap_or_default()
}

/// Reads a line of `/proc/net/tcp` or `tcp6` (proc(5)): local address and port are its second field, the state its fourth,
/// the inode its tenth. Each 32-bit word of an address is a number in the machine's own order of bytes.
fn listener_in(line: &str, port: u16) -> Option<Listener> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (address, local_port) = fields.get(1)?.split_once(':')?;
    if *fields.get(3)? != LISTEN || u16::from_str_radix(local_port, 16).ok()? != port {
        return None;
    }
    let mut bytes = Vec::new();
    for start in (0..address.len()).step_by(8) {
        let word = u32::from_str_radix(address.get(start..start + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let address = match bytes.len() {
        4 => IpAddr::from(*bytes.first_chunk::<4>()?),
        _ => IpAddr::from(*bytes.first_chunk::<16>()?),
    };
    let inode = fields.get(9)?.parse().ok()?;
    Some(Listener { address, inode })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn lines_of_both_tables_are_read() {
        let word = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let line = |address: &str, state: &str| {
            format!(
                "  0: {address}:1F4B 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 77 1 0"
            )
        };
        let four = line(&word([127, 0, 0, 1]), "0A");
        let found = listener_in(&four, 8011).unwrap();
        assert_eq!(found.address, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(found.inode, 77);
        assert_eq!(listener_in(&four, 8012), None);
        let connected = line(&word([127, 0, 0, 1]), "01");
        assert_eq!(listener_in(&connected, 8011), None);
        let words = [[0; 4], [0; 4], [0, 0, 255, 255], [127, 0, 0, 1]].map(word);
        let six = listener_in(&line(&words.concat(), "0A"), 8011).unwrap();
        assert_eq!(
            six.address,
            IpAddr::V6(Ipv4Addr::LOCALHOST.to_ipv6_mapped())
        );
        assert_eq!(listener_in("sl local_address", 8011), None);
    }

    #[test]
    fn the_most_specific_address_is_reached() {
        let listener = |address: IpAddr, inode| Listener { address, inode };
        let any = listener(Ipv4Addr::UNSPECIFIED.into(), 1);
        let here = listener(Ipv4Addr::LOCALHOST.into(), 2);
        let elsewhere = listener(IpAddr::from([10, 0, 0, 1]), 3);
        assert_eq!(reached(&[any, here, elsewhere]), [2]);
        assert_eq!(reached(&[elsewhere, any]), [1]);
        assert_eq!(reached(&[elsewhere]), Vec::<u64>::new());
    }

    #[test]
    fn a_family_is_all_that_came_of_its_root() {
        let parents = [(5, 1), (6, 5), (9, 8), (7, 6), (8, 1)];
        assert_eq!(family(5, &parents), BTreeSet::from([5, 6, 7]));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_listener_outside_the_family_is_a_stranger() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = rustix::process::getpid();
        assert_eq!(stranger_at(port, own), None);
        let mut other = Command::new("sleep");
        let mut other = other.arg("60").stdin(Stdio::null()).spawn().unwrap();
        let guard = Pid::from_child(&other);
        let stranger = stranger_at(port, guard).unwrap();
        assert_eq!(stranger.pid, own.as_raw_nonzero().get());
        assert!(!stranger.name.is_empty());
        drop(listener);
        assert_eq!(stranger_at(port, guard), None);
        other.kill().unwrap();
        other.wait().unwrap();
    }
}

//! Processes and their parents; those that came to the guard when their parents ended.

use rustix::process::{Pid, Signal, kill_process};

/// Makes orphans among this process's descendants its children, so that none can leave unseen.
#[cfg(target_os = "linux")]
pub(super) fn adopt_orphans() -> std::io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(
        rustix::process::getpid(),
    ))?)
}

/// Elsewhere orphans are nobody's, and only the process group is ended.
#[cfg(not(target_os = "linux"))]
pub(super) fn adopt_orphans() -> std::io::Result<()> {
    Ok(())
}

/// Sends SIGKILL to every child of this process. Their ids cannot mean others: who is not waited for keeps his id.
pub(super) fn kill_children() {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let children = parents().into_iter().filter(|(_, parent)| *parent == own);
    for pid in children.filter_map(|(pid, _)| Pid::from_raw(pid)) {
        // It may have ended in this moment.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// All processes with their parents; nothing where there is no `/proc`.
pub(super) fn parents() -> Vec<(i32, i32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let of_entry = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        Some((pid, parent_in(&stat)?))
    };
    entries.flatten().filter_map(of_entry).collect()
}

/// The parent's id in a line of `/proc/<pid>/stat`: the second field after the name, which may hold anything.
fn parent_in(stat: &str) -> Option<i32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_in("12 (sh) S 7 12 12 0"), Some(7));
        assert_eq!(parent_in("12 (a) S 9 (b)) R 7 12 12 0"), Some(7));
        assert_eq!(parent_in("12 (sh"), None);
        assert_eq!(parent_in("12 (sh) S"), None);
    }
}

//! Processes that came to the guard when their parents ended.

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
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        let stat = std::fs::read_to_string(entry.path().join("stat"));
        if let (Some(pid), Ok(stat)) = (pid.and_then(Pid::from_raw), stat)
            && parent_in(&stat) == Some(own)
        {
            // It may have ended in this moment.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
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

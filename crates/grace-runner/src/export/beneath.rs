//! Folders and files beneath a root, reached component by component and never through a symbolic link.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use grace_core::export::is_file_name;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, fstatvfs, open, openat, statat};

/// An open folder. Its path is only for messages.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens the root, which may itself be a link: the caller named it.
    pub(super) fn root(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = open(path, flags, Mode::empty())?;
        let path = path.to_owned();
        Ok(Self { fd, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a folder in it.
    pub(super) fn folder(&self, name: &str) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = self.open(name, flags)?;
        let path = self.path.join(name);
        Ok(Self { fd, path })
    }

    /// Opens a regular file in it; with its bytes.
    pub(super) fn file(&self, name: &str) -> io::Result<(File, u64)> {
        // A pipe must not keep us waiting.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = self.open(name, flags)?;
        let stat = fstat(&fd)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::other("is no regular file"));
        }
        let bytes = u64::try_from(stat.st_size).unwrap_or_default();
        Ok((File::from(fd), bytes))
    }

    fn open(&self, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
        if !is_file_name(name) {
            return Err(io::Error::other("has a name that no file of grace has"));
        }
        match openat(&self.fd, name, flags, Mode::empty()) {
            Err(rustix::io::Errno::LOOP | rustix::io::Errno::MLINK) => Err(io::Error::other(
                "is a symbolic link, which is not followed",
            )),
            opened => Ok(opened?),
        }
    }

    /// The names in it that can be opened here, sorted; others are none of grace's.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.fd)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().to_str()
                && is_file_name(name)
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether there is anything of this name, hidden or not.
    pub(super) fn has(&self, name: &str) -> bool {
        statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Free and all bytes of its file system, if the system says.
    pub(super) fn space(&self) -> Option<(u64, u64)> {
        let found = fstatvfs(&self.fd).ok()?;
        let bytes = |blocks: u64| blocks.checked_mul(found.f_frsize);
        Some((bytes(found.f_bavail)?, bytes(found.f_blocks)?))
    }
}

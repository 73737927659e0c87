//! One grace for each port: two servers that both may listen at it (`SO_REUSEPORT`) would share its connections.

use std::io;

/// Held from before the first start of a server until the end of the process that starts it.
#[derive(Debug)]
pub(super) struct PortLock {
    #[cfg(target_os = "linux")]
    _name: std::os::unix::net::UnixListener,
}

impl PortLock {
    /// Takes the lock of `port`. It is a name of the kernel's, seen where the port is seen, and gone with its process.
    #[cfg(target_os = "linux")]
    pub(super) fn take(port: u16) -> io::Result<Self> {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::{SocketAddr, UnixListener};

        let name = SocketAddr::from_abstract_name(format!("grace.server-port.{port}"))?;
        let taken = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                io::Error::new(error.kind(), "another grace has its model server there")
            }
            _ => error,
        };
        let name = UnixListener::bind_addr(&name).map_err(taken)?;
        Ok(Self { _name: name })
    }

    /// Elsewhere there are no such names.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn take(_port: u16) -> io::Result<Self> {
        Ok(Self {})
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_locked_once_until_it_is_given_back() {
        // No test has its server at a port of the system.
        let first = PortLock::take(1).unwrap();
        let error = PortLock::take(1).unwrap_err();
        assert!(error.to_string().contains("another grace"), "{error}");
        assert!(PortLock::take(2).is_ok());
        drop(first);
        assert!(PortLock::take(1).is_ok());
    }
}

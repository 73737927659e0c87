//! TLS in front of the API, as every real cluster has it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A second way to a mock cluster, on a port of its own.
///
/// Its certificate is for 127.0.0.1 and is made anew each time.
#[derive(Debug, Clone)]
pub struct Https {
    pub(crate) address: SocketAddr,
    pub(crate) authority: String,
}

impl Https {
    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate that a client has to trust, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// A certificate that signs itself: as PEM, and as what a server needs.
pub(crate) fn certificate() -> (String, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed([String::from("127.0.0.1")])
        .expect("a certificate for an address");
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key)
        })
        .expect("a key that fits its certificate");
    (made.cert.pem(), Arc::new(config))
}

/// Passes what comes over TLS on to the API at `to`, connection by connection.
pub(crate) async fn forward(listener: TcpListener, config: Arc<ServerConfig>, to: SocketAddr) {
    let acceptor = TlsAcceptor::from(config);
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(pipe(acceptor.clone(), stream, to));
    }
}

/// Ends with the connection; whoever trusts another certificate never gets one.
async fn pipe(acceptor: TlsAcceptor, stream: TcpStream, to: SocketAddr) -> io::Result<()> {
    let mut client = acceptor.accept(stream).await?;
    let mut api = TcpStream::connect(to).await?;
    tokio::io::copy_bidirectional(&mut client, &mut api).await?;
    Ok(())
}

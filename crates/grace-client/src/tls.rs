use std::sync::Arc;

use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;

use crate::config::ConfigError;

/// Rustls with ring, handed over as a value so that no process-wide provider
/// is installed. For plain HTTP the system's root certificates are not read:
/// that takes longer than all the rest of making a client.
pub(crate) fn client_config(is_https: bool) -> Result<ClientConfig, ConfigError> {
    let builder = builder().map_err(setup)?;
    let mut config = if is_https {
        builder.with_platform_verifier().map_err(setup)?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    }
    .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

fn setup(error: rustls::Error) -> ConfigError {
    ConfigError::Setup {
        source: error.into(),
    }
}

//! A certificate for this host, made at start, and rustls' side of a server that shows it.
//!
//! Why: the examples then need no files. The certificate is self-signed: clients must trust it (it
//! is written to a file for that) or skip the check (`curl -k`).

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use futures_rustls::TlsAcceptor;
use futures_rustls::rustls::ServerConfig;
use futures_rustls::rustls::pki_types::PrivateKeyDer;

/// An acceptor with a fresh certificate for `localhost` and 127.0.0.1, which is also written to
/// `file`. `protocols` are what it offers through ALPN, best first; empty: it does not speak of
/// protocols.
///
/// # Errors
/// If the file cannot be written.
pub fn acceptor(file: Option<&Path>, protocols: &[&str]) -> Result<TlsAcceptor, Box<dyn Error>> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    if let Some(file) = file {
        std::fs::write(file, made.cert.pem())?;
    }
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

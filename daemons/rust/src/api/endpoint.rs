//! The address of the API, and the connections to it: over TCP, TLS or a Unix socket, never
//! through a proxy.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use super::link::Link;
use crate::config;

/// The HTTP version of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

/// The API's address, with the settings for a connection.
pub struct Endpoint {
    address: Address,
    /// The daemon offers HTTP/2, and the API may choose it.
    pub offers_http2: bool,
}

enum Address {
    Unix(PathBuf),
    Tcp(String, u16),
    Tls(String, u16, ServerName<'static>, TlsConnector),
}

impl Endpoint {
    /// Reads the endpoint from the configuration.
    pub fn new(api: &config::Api) -> Result<Self, String> {
        let secure = api.base.scheme() == Some(&Scheme::HTTPS);
        let host = api.base.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = api.base.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let address = match &api.socket {
            Some(path) => Address::Unix(path.clone()),
            None if !secure => Address::Tcp(host, port),
            None => {
                let name = ServerName::try_from(host.clone())
                    .map_err(|error| format!("OPENAI_API_BASE: {host:?}: {error}"))?;
                Address::Tls(host, port, name, TlsConnector::from(Arc::new(tls(api)?)))
            }
        };
        Ok(Self { offers_http2: api.http2 && matches!(address, Address::Tls(..)), address })
    }

    pub async fn dial(&self) -> io::Result<(Link, Protocol)> {
        let link = match &self.address {
            Address::Unix(path) => Link::new(unix(path).await?),
            Address::Tcp(host, port) => Link::new(tcp(host, *port).await?),
            Address::Tls(host, port, name, connector) => {
                let stream = connector.connect(name.clone(), tcp(host, *port).await?).await?;
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let protocol = if http2 { Protocol::Http2 } else { Protocol::Http1 };
                return Ok((Link::new(stream), protocol));
            }
        };
        Ok((link, Protocol::Http1))
    }
}

/// The time between two attempts to connect to a Unix socket whose queue is full. The kernel
/// reports no event when the queue has room.
const FULL_PAUSE: Duration = Duration::from_millis(10);

async fn unix(path: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path).await {
            // TCP's connect waits for room. A Unix socket's does not, so wait here.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(FULL_PAUSE).await,
            result => return result,
        }
    }
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn tls(api: &config::Api) -> Result<ClientConfig, String> {
    let mut config = if api.insecure {
        let provider = ring::default_provider();
        ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth()
    } else {
        ClientConfig::builder().with_root_certificates(roots(api)?).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if api.http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(config)
}

/// Returns the system's certificate authorities, and those of the file.
fn roots(api: &config::Api) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // Some systems have certificates that rustls cannot parse. Use the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = &api.ca_file {
        let wrong =
            |error: &dyn std::fmt::Display| format!("OPENAI_CA_FILE: {}: {error}", path.display());
        let known = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
            let certificate = certificate.map_err(|error| wrong(&error))?;
            roots.add(certificate).map_err(|error| wrong(&error))?;
        }
        if roots.len() == known {
            return Err(wrong(&"expected certificates in PEM, found none"));
        }
    }
    Ok(roots)
}

/// The verifier for `OPENAI_INSECURE_SSL`. It accepts any certificate, but the server must still
/// prove that it has the certificate's key.
#[derive(Debug)]
struct AnyCertificate(CryptoProvider);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer,
        _: &[CertificateDer],
        _: &ServerName,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

//! The options of a connection with TLS.

use std::fs;

use redis::{Client, ClientTlsConfig, ConnectionAddr, TlsCertificates};

use super::url::{invalid, is_true};
use crate::error::Result;

/// What a URL says of TLS.
pub(super) struct Tls {
    is_verified: bool,
    checks_hostname: bool,
    authorities: Option<Vec<u8>>,
    certificate: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { is_verified: true, checks_hostname: true, authorities: None, certificate: None, key: None }
    }
}

impl Tls {
    /// Takes an option. `false` if it is not known.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<bool> {
        match name {
            "ssl_cert_reqs" => {
                self.is_verified = match value {
                    "none" => false,
                    // To a client, Python's `optional` is `required`.
                    "required" | "optional" => true,
                    _ => return Err(invalid("the option ssl_cert_reqs must be required or none")),
                }
            }
            "ssl_check_hostname" => self.checks_hostname = is_true(value),
            "ssl_ca_certs" => self.authorities = Some(certificates(name, file(name, value)?)?),
            "ssl_ca_data" => self.authorities = Some(certificates(name, value.as_bytes().to_vec())?),
            "ssl_certfile" => self.certificate = Some(file(name, value)?),
            "ssl_keyfile" => self.key = Some(file(name, value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The address of a server that is talked to in this way.
    pub(super) fn address(self, host: String, port: u16) -> Result<ConnectionAddr> {
        // Another part of the process may have chosen a provider before. Any is good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client_tls = match (self.certificate, self.key) {
            (Some(client_cert), Some(client_key)) => Some(ClientTlsConfig { client_cert, client_key }),
            (None, None) => None,
            _ => return Err(invalid("the options ssl_certfile and ssl_keyfile need each other")),
        };
        let address = ConnectionAddr::TcpTls { host, port, insecure: !self.is_verified, tls_params: None };
        let certificates = TlsCertificates { client_tls, root_cert: self.authorities };
        let client = Client::build_with_tls(address, certificates)
            .map_err(|error| invalid(format!("a certificate or the key is no PEM file: {error}")))?;
        let mut address = client.get_connection_info().addr().clone();
        address.set_danger_accept_invalid_hostnames(!self.checks_hostname);
        Ok(address)
    }
}

fn certificates(name: &str, pem: Vec<u8>) -> Result<Vec<u8>> {
    match memchr::memmem::find(&pem, b"-----BEGIN CERTIFICATE-----") {
        Some(_) => Ok(pem),
        None => Err(invalid(format!("the option {name} names no certificate in PEM"))),
    }
}

fn file(name: &str, path: &str) -> Result<Vec<u8>> {
    fs::read(path)
        .map_err(|error| invalid(format!("the file {path} of the option {name} cannot be read: {error}")))
}

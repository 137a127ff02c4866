//! The certificate of a listener, from files or from the configuration, and its renewal while running.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use foundation::Secret;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Certificate chain and key of a listener.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, the listener's own certificate first, in PEM.
    pub certificate: PemSource,
    /// The private key, in PEM.
    pub key: PemSource,
}

/// Where PEM text comes from.
#[derive(Debug, Clone)]
pub enum PemSource {
    /// A file, read again when it changes.
    Path(PathBuf),
    /// The configuration itself: the PEM text in base64.
    Base64(Secret<String>),
}

impl PemSource {
    fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Path(path) => {
                std::fs::read(path).map_err(|cause| format!("{} cannot be read: {cause}", path.display()))
            }
            Self::Base64(text) => {
                let text: String = text.reveal().split_whitespace().collect();
                STANDARD.decode(text).map_err(|_| "a value named base64 is not in base64".to_owned())
            }
        }
    }
}

/// The certificate that new connections get.
pub(crate) struct Certificates {
    files: TlsFiles,
    current: ArcSwap<CertifiedKey>,
    loaded: Mutex<Pem>,
}

#[derive(PartialEq, Eq)]
struct Pem {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Certificates {
    pub(crate) fn load(files: &TlsFiles) -> Result<Arc<Self>, String> {
        let pem = Pem { certificate: files.certificate.read()?, key: files.key.read()? };
        let current = ArcSwap::from_pointee(pem.certified()?);
        Ok(Arc::new(Self { files: files.clone(), current, loaded: Mutex::new(pem) }))
    }

    /// Looks at the files again; true if there is a new certificate. Files that cannot be used, such as a pair of which
    /// only one half has been replaced yet, leave the old certificate in place.
    pub(crate) fn reload_if_changed(&self) -> Result<bool, String> {
        let pem = Pem { certificate: self.files.certificate.read()?, key: self.files.key.read()? };
        let mut loaded = self.loaded.lock();
        if *loaded == pem {
            return Ok(false);
        }
        self.current.store(Arc::new(pem.certified()?));
        *loaded = pem;
        Ok(true)
    }

    /// TLS 1.2 and 1.3, HTTP/2 preferred.
    pub(crate) fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let versions = builder.with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
        let mut config = versions.with_no_client_auth().with_cert_resolver(Arc::new(Current(self.clone())));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl Pem {
    fn certified(&self) -> Result<CertifiedKey, String> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|_| "the certificate is not in PEM".to_owned())?;
        if chain.is_empty() {
            return Err("there is no certificate in the file".to_owned());
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| "the key is not in PEM".to_owned())?;
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
            .map_err(|cause| format!("certificate and key do not work together: {cause}"))
    }
}

#[derive(Debug)]
struct Current(Arc<Certificates>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current.load_full())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn self_signed() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_changed_pair_is_loaded_and_half_a_pair_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let write = |pair: &(String, String)| {
            std::fs::write(&certificate, &pair.0).expect("written");
            std::fs::write(&key, &pair.1).expect("written");
        };
        let (old, new) = (self_signed(), self_signed());
        write(&old);
        let files = TlsFiles { certificate: PemSource::Path(certificate.clone()), key: PemSource::Path(key.clone()) };
        let certificates = Certificates::load(&files).expect("a pair");
        let shown = || certificates.current.load().cert[0].to_vec();
        let first = shown();
        assert_eq!(certificates.reload_if_changed(), Ok(false));
        write(&(new.0.clone(), old.1.clone()));
        assert!(certificates.reload_if_changed().is_err());
        assert_eq!(shown(), first);
        write(&new);
        assert_eq!(certificates.reload_if_changed(), Ok(true));
        assert_ne!(shown(), first);
        std::fs::remove_file(&key).expect("removed");
        assert!(certificates.reload_if_changed().is_err());
    }

    #[test]
    fn base64_works_and_what_is_wrong_is_said_without_the_key() {
        let (certificate, key) = self_signed();
        let encoded = |text: &str| PemSource::Base64(STANDARD.encode(text).into());
        let good = TlsFiles { certificate: encoded(&certificate), key: encoded(&key) };
        assert!(Certificates::load(&good).expect("a pair").server_config().is_ok());
        assert!(!format!("{good:?}").contains(&STANDARD.encode(&key)[..20]));
        let stranger = TlsFiles { key: encoded(&self_signed().1), ..good.clone() };
        assert!(Certificates::load(&stranger).expect_err("no pair").contains("together"));
        let empty = TlsFiles { certificate: encoded(""), ..good.clone() };
        assert!(Certificates::load(&empty).expect_err("empty").contains("no certificate"));
        let garbled = TlsFiles { key: PemSource::Base64("%%%".to_owned().into()), ..good };
        assert!(Certificates::load(&garbled).expect_err("garbled").contains("base64"));
    }
}

//! What a `dsn` may say. Those of the reference server are accepted, with the parameters of its drivers.

use std::path::PathBuf;
use std::time::Duration;

use foundation::GoDuration;
use url::Url;

use crate::DbError;

/// A database to open.
#[derive(Debug)]
pub(crate) enum Dsn {
    Sqlite(SqliteDsn),
    Postgres(Box<PostgresDsn>),
}

#[derive(Debug, PartialEq)]
pub(crate) struct SqliteDsn {
    /// `None` is a temporary file.
    pub(crate) path: Option<PathBuf>,
    /// The value of `PRAGMA synchronous`.
    pub(crate) synchronous: &'static str,
}

#[derive(Debug)]
pub(crate) struct PostgresDsn {
    pub(crate) server: tokio_postgres::Config,
    pub(crate) tls: TlsMode,
    /// A PEM file of certificates that are trusted besides, or, with `require`, instead of nothing.
    pub(crate) root_certificates: Option<PathBuf>,
    pub(crate) max_connections: Option<usize>,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) max_idle_time: Option<Duration>,
    /// Off behind poolers that hand each transaction another connection.
    pub(crate) named_statements: bool,
    description: String,
}

/// libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// No encryption.
    Disable,
    /// Encryption if the server offers it; its certificate is not checked.
    Prefer,
    /// Encryption; the certificate is checked only if `sslrootcert` is given.
    Require,
    /// The certificate must be signed by a trusted root.
    VerifyCa,
    /// And must be made out for the host.
    VerifyFull,
}

impl Dsn {
    pub(crate) fn parse(dsn: &str) -> Result<Self, DbError> {
        if dsn == "memory" {
            return Ok(Self::Sqlite(SqliteDsn { path: None, synchronous: "NORMAL" }));
        }
        let Some((scheme, rest)) = dsn.split_once("://") else {
            return Err(DbError::Dsn(EXPECTED.to_owned()));
        };
        match scheme {
            "sqlite" | "sqlite3" => parse_sqlite(rest).map(Self::Sqlite),
            "postgres" | "postgresql" | "cockroach" | "cockroachdb" | "crdb" | "yugabyte" => {
                parse_postgres(rest).map(|postgres| Self::Postgres(Box::new(postgres)))
            }
            "mysql" => Err(DbError::Dsn("MySQL is not supported: use SQLite or PostgreSQL".to_owned())),
            _ => Err(DbError::Dsn(EXPECTED.to_owned())),
        }
    }

    /// The DSN without secrets.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Sqlite(SqliteDsn { path: None, .. }) => "memory".to_owned(),
            Self::Sqlite(SqliteDsn { path: Some(path), .. }) => format!("sqlite://{}", path.display()),
            Self::Postgres(postgres) => postgres.description.clone(),
        }
    }
}

const EXPECTED: &str = "write memory, sqlite://path/to/file or postgres://user:password@host:5432/database";

/// The parameters are those of go-sqlite3; all but these two are about what limen decides by itself.
fn parse_sqlite(rest: &str) -> Result<SqliteDsn, DbError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.strip_prefix("file:").unwrap_or(path);
    let mut in_memory = path == ":memory:";
    let mut synchronous = "NORMAL";
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match (&*name, &*value) {
            ("mode", "memory") => in_memory = true,
            ("_synchronous" | "_sync", level) => {
                synchronous = match level.to_ascii_lowercase().as_str() {
                    "2" | "full" => "FULL",
                    "3" | "extra" => "EXTRA",
                    _ => "NORMAL",
                }
            }
            _ => {}
        }
    }
    if path.is_empty() && !in_memory {
        return Err(DbError::Dsn("the path of the SQLite file is missing: sqlite://path/to/file".to_owned()));
    }
    Ok(SqliteDsn { path: (!in_memory).then(|| PathBuf::from(path)), synchronous })
}

fn parse_postgres(rest: &str) -> Result<PostgresDsn, DbError> {
    let mut url = Url::parse(&format!("postgres://{rest}")).map_err(|_| DbError::Dsn(EXPECTED.to_owned()))?;
    let parameters: Vec<(String, String)> =
        url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    url.set_query(None);
    let mut dsn = PostgresDsn {
        server: tokio_postgres::Config::new(),
        tls: TlsMode::Prefer,
        root_certificates: None,
        max_connections: None,
        max_lifetime: None,
        max_idle_time: None,
        named_statements: true,
        description: String::new(),
    };
    let mut passed_on = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in &parameters {
        if !dsn.take(name, value)? {
            passed_on.append_pair(name, value);
        }
    }
    let passed_on = passed_on.finish();
    let described = url.set_password(None).map(|()| url.to_string()).unwrap_or_default();
    dsn.description = described;
    // The driver reads the authority itself: it knows lists of hosts.
    let authority = rest.split_once('?').map_or(rest, |(authority, _)| authority);
    dsn.server = format!("postgres://{authority}?{passed_on}")
        .parse()
        .map_err(|error: tokio_postgres::Error| DbError::Dsn(driver_reason(&error)))?;
    if dsn.server.get_application_name().is_none() {
        dsn.server.application_name("limen");
    }
    if dsn.server.get_connect_timeout().is_none() {
        dsn.server.connect_timeout(Duration::from_secs(10));
    }
    dsn.server.ssl_mode(match dsn.tls {
        TlsMode::Disable => tokio_postgres::config::SslMode::Disable,
        TlsMode::Prefer => tokio_postgres::config::SslMode::Prefer,
        _ => tokio_postgres::config::SslMode::Require,
    });
    Ok(dsn)
}

/// The driver's texts name parameters, not their values.
fn driver_reason(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

impl PostgresDsn {
    /// Takes a parameter that is limen's own business; `false` leaves it to the driver.
    fn take(&mut self, name: &str, value: &str) -> Result<bool, DbError> {
        let refuse = |expected: &str| DbError::Dsn(format!("{name} is {value:?}, expected {expected}"));
        match name {
            "max_conns" => self.max_connections = Some(value.parse().map_err(|_| refuse("a number"))?),
            "max_conn_lifetime" => {
                self.max_lifetime = Some(duration(value).ok_or_else(|| refuse("a duration such as 30m"))?)
            }
            "max_conn_idle_time" | "max_idle_conn_time" => {
                self.max_idle_time = Some(duration(value).ok_or_else(|| refuse("a duration such as 5m"))?);
            }
            // Idle connections are closed by age, not by number.
            "max_idle_conns" => drop(value.parse::<usize>().map_err(|_| refuse("a number"))?),
            "sslmode" => {
                self.tls = match value {
                    "disable" => TlsMode::Disable,
                    "allow" | "prefer" => TlsMode::Prefer,
                    "require" => TlsMode::Require,
                    "verify-ca" => TlsMode::VerifyCa,
                    "verify-full" => TlsMode::VerifyFull,
                    _ => return Err(refuse("disable, prefer, require, verify-ca or verify-full")),
                }
            }
            "sslrootcert" => self.root_certificates = Some(PathBuf::from(value)),
            "default_query_exec_mode" => self.named_statements = matches!(value, "cache_statement" | "cache_describe"),
            "sslcert" | "sslkey" => return Err(DbError::Dsn(format!("{name}: client certificates are not supported"))),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn duration(text: &str) -> Option<Duration> {
    text.parse::<GoDuration>().ok().map(GoDuration::to_std)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(dsn: &str) -> SqliteDsn {
        match Dsn::parse(dsn).unwrap() {
            Dsn::Sqlite(sqlite) => sqlite,
            Dsn::Postgres(_) => panic!("{dsn} is SQLite"),
        }
    }

    fn postgres(dsn: &str) -> PostgresDsn {
        match Dsn::parse(dsn).unwrap() {
            Dsn::Postgres(postgres) => *postgres,
            Dsn::Sqlite(_) => panic!("{dsn} is PostgreSQL"),
        }
    }

    #[test]
    fn sqlite_paths_and_the_parameters_of_the_reference_driver() {
        let plain = |path: Option<&str>| SqliteDsn { path: path.map(PathBuf::from), synchronous: "NORMAL" };
        assert_eq!(sqlite("memory"), plain(None));
        assert_eq!(sqlite("sqlite://a/b.sqlite?_fk=true&mode=rwc&_journal=WAL"), plain(Some("a/b.sqlite")));
        assert_eq!(sqlite("sqlite:///var/lib/b.sqlite?_fk=true"), plain(Some("/var/lib/b.sqlite")));
        assert_eq!(sqlite("sqlite://file:x?mode=memory"), plain(None));
        assert_eq!(sqlite("sqlite://:memory:"), plain(None));
        assert_eq!(sqlite("sqlite://b?_synchronous=FULL").synchronous, "FULL");
        assert!(Dsn::parse("sqlite://").is_err());
    }

    #[test]
    fn postgres_parameters_are_taken_out_and_the_password_is_not_described() {
        let dsn = postgres(
            "postgres://ann:se%40cret@db.example:5433/limen?sslmode=verify-full&max_conns=7&max_idle_conns=2\
             &max_conn_lifetime=30m&max_conn_idle_time=5m&application_name=x",
        );
        assert_eq!((dsn.tls, dsn.max_connections), (TlsMode::VerifyFull, Some(7)));
        assert_eq!(dsn.max_lifetime, Some(Duration::from_secs(1800)));
        assert_eq!(dsn.max_idle_time, Some(Duration::from_secs(300)));
        assert_eq!(dsn.server.get_password(), Some(b"se@cret".as_slice()));
        assert_eq!(dsn.server.get_application_name(), Some("x"));
        assert_eq!(dsn.description, "postgres://ann@db.example:5433/limen");
    }

    #[test]
    fn other_schemes_of_the_same_protocol_are_the_same() {
        assert_eq!(postgres("cockroach://root@localhost:26257/x?sslmode=disable").tls, TlsMode::Disable);
        assert_eq!(postgres("yugabyte://y@localhost:5433/x").tls, TlsMode::Prefer);
        assert!(!postgres("postgresql://y@localhost/x?default_query_exec_mode=exec").named_statements);
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_repeating_the_password() {
        for dsn in [
            "mysql://root:hunter2@tcp(localhost:3306)/x",
            "postgres://a:hunter2@[broken/x",
            "postgres://a:hunter2@h/x?sslmode=maybe",
            "postgres://a:hunter2@h/x?max_conns=many",
            "postgres://a:hunter2@h/x?no_such_parameter=1",
            "hunter2",
            "oracle://a:hunter2@h/x",
        ] {
            let error = Dsn::parse(dsn).unwrap_err();
            assert!(matches!(error, DbError::Dsn(_)), "{error:?}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}

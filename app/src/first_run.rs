//! The first start on a machine: a data directory with a configuration of its own, strict and with fresh secrets, so that
//! the server works at once and no two installations share a key. What exists is never touched.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use foundation::Rng;
use url::Url;

/// What [`ensure`] found or made.
#[derive(Debug, PartialEq, Eq)]
pub struct FirstRun {
    /// The configuration file.
    pub config: PathBuf,
    /// Whether this call made it.
    pub created: bool,
}

/// Makes the data directory and its files where they are missing.
///
/// Two starts at the same time agree on one file: each writes its own under another name, and the first to give it the
/// real name wins.
///
/// # Errors
/// A directory that cannot be made or written, or whose path a DSN cannot express.
pub fn ensure(data_dir: &Path, rng: &dyn Rng) -> anyhow::Result<FirstRun> {
    let folder = std::path::absolute(data_dir).context("the data directory has no absolute path")?;
    let config = folder.join("limen.yml");
    if config.try_exists().with_context(|| format!("{} cannot be looked at", config.display()))? {
        return Ok(FirstRun { config, created: false });
    }
    make_private_folder(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let schema = folder.join("identity.schema.json");
    place(&schema, IDENTITY_SCHEMA, rng)?;
    let hook = folder.join("hook.jsonnet");
    place(&hook, HOOK, rng)?;
    let namespaces = folder.join("namespaces.ts");
    place(&namespaces, NAMESPACES, rng)?;
    let files = Files { schema, hook, namespaces };
    let created = place(&config, &configuration(&folder, &files, rng)?, rng)?;
    Ok(FirstRun { config, created })
}

/// Gives a new file its content and then its name. `false`: somebody else was first.
fn place(file: &Path, content: &str, rng: &dyn Rng) -> anyhow::Result<bool> {
    let draft = file.with_extension(format!("{}.tmp", rng.alphanumeric(16)));
    let placed = write_private(&draft, content).and_then(|()| match std::fs::hard_link(&draft, file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    });
    // The draft holds secrets: it goes away whatever happened. Should this fail, the file is private all the same.
    let _ = std::fs::remove_file(&draft);
    placed.with_context(|| format!("{} cannot be written", file.display()))
}

fn write_private(file: &Path, content: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The files that the configuration names.
struct Files {
    schema: PathBuf,
    hook: PathBuf,
    namespaces: PathBuf,
}

fn configuration(folder: &Path, files: &Files, rng: &dyn Rng) -> anyhow::Result<String> {
    let Some(path) = folder.to_str().filter(|path| !path.contains('?')) else {
        bail!("{} has characters that a DSN cannot express: choose another data directory", folder.display());
    };
    let (Ok(schema), Ok(hook)) = (Url::from_file_path(&files.schema), Url::from_file_path(&files.hook)) else {
        bail!("{} is no absolute path", folder.display());
    };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let text = CONFIGURATION
        .replace("@DSN@", &quoted(&format!("sqlite://{path}/limen.db")))
        .replace("@SCHEMA@", &quoted(schema.as_str()))
        .replace("@HOOK@", &quoted(hook.as_str()))
        // Any letters and digits are base64, and make a secret as the specification of these signatures has it.
        .replace("@WEBHOOK@", &format!("whsec_{}", rng.alphanumeric(32)))
        .replace("@NAMESPACES@", &quoted(&format!("file://{}", files.namespaces.display())))
        .replace("@PAGES@", &rng.alphanumeric(48))
        .replace("@COOKIE@", &rng.alphanumeric(48))
        .replace("@DEFAULT@", &rng.alphanumeric(48))
        .replace("@CIPHER@", &rng.alphanumeric(32));
    Ok(text)
}

/// Strict where a kratos.yml keeps what its clients rely on. Texts in `@` are replaced.
const CONFIGURATION: &str = include_str!("first_run/limen.yml");

const IDENTITY_SCHEMA: &str = include_str!("first_run/identity.schema.json");

/// The template of the web hook that tells of new accounts.
const HOOK: &str = include_str!("first_run/hook.jsonnet");

/// Definitions to begin with.
const NAMESPACES: &str = include_str!("first_run/namespaces.ts");

#[cfg(test)]
mod tests {
    use foundation::{SeededRng, SystemRng};
    use identity::settings::{CipherAlgorithm, FlowName, HasherAlgorithm, Hook};

    use super::*;
    use crate::commands::config::{Environment, Ready, loader, ready};

    fn made() -> (tempfile::TempDir, FirstRun) {
        let folder = tempfile::tempdir().unwrap();
        let run = ensure(&folder.path().join("deep/data"), &SystemRng).unwrap();
        (folder, run)
    }

    fn load(run: &FirstRun) -> Ready {
        ready(&loader(std::slice::from_ref(&run.config), &Environment::new())).unwrap()
    }

    #[test]
    fn what_it_makes_is_right_and_strict() {
        let (_folder, run) = made();
        assert!(run.created);
        let Ready { settings, loaded, notices } = load(&run);
        assert_eq!(loaded.dialect(), settings::Dialect::Limen);
        assert_eq!(notices, Vec::<String>::new());
        assert!(settings.security.account_enumeration.mitigate && settings.clients.http.disallow_private_ip_ranges);
        assert_eq!(settings.hashers.algorithm, HasherAlgorithm::Argon2);
        assert_eq!(settings.ciphers.algorithm, CipherAlgorithm::XChaCha20Poly1305);
        assert_eq!(settings.secrets.cipher_keys().count(), 1);
        let revokes =
            |flow, method| settings.after(flow, method).iter().any(|hook| matches!(hook, Hook::RevokeActiveSessions));
        assert!(revokes(FlowName::Settings, "password") && revokes(FlowName::Recovery, "code"));
        assert!(settings.security.account_enumeration.registration);
        let registered = settings.after(FlowName::Registration, "password");
        assert!(matches!(registered, [Hook::WebHook(_)]), "{registered:?}");
        assert!(settings.flow(FlowName::Recovery).enabled && settings.flow(FlowName::Verification).enabled);
        assert!(!settings.dev);
    }

    #[test]
    fn it_listens_on_this_machine_only() {
        let (_folder, run) = made();
        let settings = load(&run).settings;
        for host in [&settings.serve.public.listener.host, &settings.serve.admin.listener.host] {
            assert_eq!(host, "127.0.0.1");
        }
        assert_eq!(settings.public_base_url().as_str(), "http://localhost:4433/");
        assert_eq!(settings.ui_url(FlowName::Login).as_str(), "http://localhost:4455/login");
        assert_eq!(settings.error_ui_url().as_str(), "http://localhost:4455/error");
        assert_eq!(settings.inbox_base_url().unwrap().as_str(), "http://localhost:4436/");
    }

    #[test]
    fn its_permissions_are_strict_on_this_machine_and_their_namespaces_can_be_read() {
        let (_folder, run) = made();
        let loader =
            crate::commands::config::permissions_loader(std::slice::from_ref(&run.config), &Environment::new());
        let (settings, notices) = crate::commands::config::permissions_typed(&loader.load().unwrap()).unwrap();
        assert!(settings.strict() && settings.own_format && notices.is_empty(), "{notices:?}");
        assert_eq!(settings.serve.write.host, "127.0.0.1");
        let read = permissions::language::parse(NAMESPACES, permissions::language::Dialect::Limen);
        assert!(read.schema.is_some() && read.diagnostics.is_empty(), "{:?}", read.diagnostics);
    }

    #[test]
    fn the_schema_it_names_is_there_and_is_json() {
        let (_folder, run) = made();
        let url = Url::parse(&load(&run).settings.identity.schemas[0].url).unwrap();
        let text = std::fs::read_to_string(url.to_file_path().unwrap()).unwrap();
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(schema["properties"]["traits"]["properties"]["email"]["title"], "E-mail address");
    }

    #[test]
    fn what_exists_is_never_touched() {
        let (_folder, run) = made();
        std::fs::write(&run.config, "mine").unwrap();
        let again = ensure(run.config.parent().unwrap(), &SystemRng).unwrap();
        assert_eq!(again, FirstRun { config: run.config.clone(), created: false });
        assert_eq!(std::fs::read_to_string(&run.config).unwrap(), "mine");
    }

    #[test]
    fn two_installations_share_no_secret() {
        let secrets = |run: &FirstRun| {
            let secrets = load(run).settings.secrets;
            [&secrets.cookie[0], &secrets.cipher[0], &secrets.default[0]].map(|secret| secret.reveal().clone())
        };
        let ((_one, first), (_two, second)) = (made(), made());
        let (first, second) = (secrets(&first), secrets(&second));
        assert!(first.iter().all(|secret| secret.len() >= 32 && !second.contains(secret)));
        assert!(first[0] != first[1] && first[0] != first[2]);
    }

    #[test]
    fn starts_at_the_same_time_agree_on_one_file_and_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let created: usize = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|seed| {
                    scope.spawn({
                        let data = &data;
                        move || ensure(data, &SeededRng::new(seed)).unwrap()
                    })
                })
                .collect();
            starts.into_iter().map(|start| usize::from(start.join().unwrap().created)).sum()
        });
        assert_eq!(created, 1);
        let mut names: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["hook.jsonnet", "identity.schema.json", "limen.yml", "namespaces.ts"]);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, run) = made();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&run.config), 0o600);
        assert_eq!(mode(run.config.parent().unwrap()), 0o700);
    }

    #[test]
    fn a_path_that_a_dsn_cannot_express_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ensure(&folder.path().join("what?"), &SystemRng).is_err());
    }
}

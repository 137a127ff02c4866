//! `limen config …`: what the configuration is, whether it is right, and what a key means. The functions return text;
//! the command line prints it. The same check runs before the server starts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use identity::settings::{SCHEMA, Settings};
use settings::{Dialect, Loaded, Loader};

/// The environment, read once by the program.
pub type Environment = BTreeMap<String, String>;

/// A loader for the identity service's files.
pub fn loader(files: &[PathBuf], environment: &Environment) -> Loader {
    Loader::new(SCHEMA).files(files.iter().cloned()).environment(environment.clone())
}

/// A loader for the permission service's files.
pub fn permissions_loader(files: &[PathBuf], environment: &Environment) -> Loader {
    let loader = Loader::new(permissions::settings::SCHEMA).service("permissions");
    loader.files(files.iter().cloned()).environment(environment.clone())
}

/// Types the permission service's configuration. With it, what is to be said in the log.
///
/// # Errors
/// All that keeps it from being put in force.
pub fn permissions_typed(loaded: &Loaded) -> anyhow::Result<(permissions::settings::Settings, Vec<String>)> {
    let later = loaded.refuse_unavailable()?;
    let own_format = loaded.dialect() == Dialect::Limen;
    let settings = permissions::settings::Settings::from_value(loaded.value().clone(), own_format)
        .context("the configuration of permissions cannot be used")?;
    let mut notices = loaded.remarks().to_vec();
    notices.extend(later.into_iter().map(|key| format!("{key} has no effect: this release does not have it yet")));
    Ok((settings, notices))
}

/// A configuration with which the server can start.
#[derive(Debug)]
pub struct Ready {
    /// The typed values.
    pub settings: Settings,
    /// Where they came from.
    pub loaded: Loaded,
    /// To be said in the log: keys and variables without effect.
    pub notices: Vec<String>,
}

/// Reads, checks and types a configuration.
///
/// # Errors
/// All that keeps the server from starting, each with its key.
pub fn ready(loader: &Loader) -> anyhow::Result<Ready> {
    typed(loader.load()?)
}

/// Types a configuration that was read, and refuses what this release cannot do safely.
///
/// # Errors
/// All that keeps it from being put in force.
pub fn typed(loaded: Loaded) -> anyhow::Result<Ready> {
    let later = loaded.refuse_unavailable()?;
    let settings = Settings::from_value(loaded.value().clone()).context("the configuration cannot be used")?;
    let problems = settings.problems();
    if !problems.is_empty() {
        bail!("the configuration cannot be used:\n- {}", problems.join("\n- "));
    }
    let mut notices = loaded.remarks().to_vec();
    notices.extend(later.into_iter().map(|key| format!("{key} has no effect: this release does not have it yet")));
    if settings.dev {
        notices.push("dev is on: never in production".to_owned());
    }
    Ok(Ready { settings, loaded, notices })
}

/// `limen config check`: whether a server with this configuration would start.
///
/// # Errors
/// All that is wrong.
pub fn check(files: &[PathBuf], environment: &Environment) -> anyhow::Result<String> {
    let ready = ready(&loader(files, environment))?;
    let dialect = match ready.loaded.dialect() {
        Dialect::Kratos => "the format of kratos.yml",
        Dialect::Limen => "limen's own format",
    };
    let mut text = format!("The configuration is right ({dialect}).\n");
    for notice in ready.notices {
        text += &format!("- {notice}\n");
    }
    Ok(text)
}

/// `limen config explain KEY`: its value, who set it, what it is for and its default. Secrets are masked. Works with a
/// configuration that is wrong elsewhere.
///
/// # Errors
/// Files that cannot be read, and an unknown key.
pub fn explain(files: &[PathBuf], environment: &Environment, key: &str) -> anyhow::Result<String> {
    Ok(loader(files, environment).load_unchecked()?.explain(key)?.to_string())
}

/// `limen config defaults`: all keys that have a default, as YAML.
///
/// # Errors
/// None with the schema that the program carries.
pub fn defaults() -> anyhow::Result<String> {
    Ok(settings::to_yaml(&Loader::new(SCHEMA).defaults()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "dsn: memory\nidentity: {schemas: [{id: default, url: 'base64://e30='}]}\n\
        selfservice: {default_browser_return_url: 'https://a.example/'}\nsecrets: {cookie: [0123456789abcdef]}\n";

    fn with<T>(text: &str, run: impl FnOnce(&[PathBuf], &Environment) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kratos.yml");
        std::fs::write(&file, text).unwrap();
        run(&[file], &Environment::new())
    }

    #[test]
    fn a_right_configuration_is_told_with_what_has_no_effect() {
        let text = with(&format!("{GOOD}tracing: {{provider: otel}}\n"), check).unwrap();
        assert!(text.contains("is right") && text.contains("tracing has no effect"), "{text}");
    }

    #[test]
    fn a_server_without_secrets_does_not_start_and_says_how_to_make_one() {
        let without = GOOD.replace("secrets: {cookie: [0123456789abcdef]}", "");
        let error = with(&without, check).unwrap_err().to_string();
        assert!(error.contains("secrets.cookie") && error.contains("openssl rand"), "{error}");
        assert!(with(&format!("{without}dev: true\n"), check).unwrap().contains("never in production"));
    }

    #[test]
    fn what_this_release_cannot_do_safely_is_refused() {
        let error =
            with(&format!("{GOOD}oauth2_provider: {{url: 'http://localhost:4445'}}\n"), check).unwrap_err().to_string();
        assert!(error.contains("oauth2_provider.url"), "{error}");
    }

    #[test]
    fn a_key_is_explained_even_when_another_is_wrong() {
        let wrong = format!("{GOOD}nonsense: 1\n");
        assert!(with(&wrong, check).is_err());
        let text = with(&wrong, |files, environment| explain(files, environment, "secrets.cookie")).unwrap();
        assert!(text.contains("[secret]") && !text.contains("0123456789abcdef"), "{text}");
    }

    #[test]
    fn defaults_are_yaml_that_reads_back() {
        let text = defaults().unwrap();
        assert!(text.contains("name: ory_kratos_session"), "{text}");
    }
}

//! The loader with the real schema and files as operators write them.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its files must stop")]

mod environment;
mod errors;
mod explanations;
mod files;
mod later;

use std::collections::BTreeMap;
use std::path::PathBuf;

use settings::{Loaded, Loader, SettingsError};

/// The schema that the program ships.
const SCHEMA: &str = include_str!("../../../../api/identity.config.schema.json");

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures").join(name)
}

/// Loads a fixture.
fn load(name: &str) -> Result<Loaded, SettingsError> {
    Loader::new(SCHEMA).files([fixture(name)]).load()
}

/// Loads the password fixture with a few lines on top and variables.
fn load_with(lines: &str, variables: &[(&str, &str)]) -> Result<Loaded, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("extra.yml");
    std::fs::write(&file, lines).unwrap();
    let environment: BTreeMap<String, String> =
        variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Loader::new(SCHEMA).files([fixture("password.yml"), file]).environment(environment).load()
}

use std::path::{Path as FilePath, PathBuf};

use serde_json::json;

use super::*;

const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "properties": {
    "dsn": {"type": "string"},
    "serve": {"type": "object", "properties": {"port": {"type": "integer"},
        "public": {"type": "object", "properties": {"cors": {"type": "object"}}}}},
    "session": {"type": "object", "properties": {"lifespan": {"type": "string"}}}}}"#;

fn write(folder: &FilePath, text: &str) -> PathBuf {
    let file = folder.join("limen.yml");
    std::fs::write(&file, text).unwrap();
    file
}

fn started(text: &str) -> (tempfile::TempDir, Loader, Loaded) {
    let folder = tempfile::tempdir().unwrap();
    let loader = Loader::new(SCHEMA).files([write(folder.path(), text)]);
    let loaded = loader.load().unwrap();
    (folder, loader, loaded)
}

#[test]
fn a_change_is_reported_once() {
    let (folder, loader, loaded) = started("session: {lifespan: 1h}");
    let mut reloader = Reloader::new(loader, loaded);
    assert!(reloader.reload().unwrap().is_none());
    write(folder.path(), "session: {lifespan: 2h}");
    let reload = reloader.reload().unwrap().unwrap();
    assert_eq!(reload.changed, ["session.lifespan"]);
    assert_eq!(reload.loaded.value()["session"]["lifespan"], "2h");
    reloader.accept(reload.loaded);
    assert!(reloader.reload().unwrap().is_none());
}

#[test]
fn what_needs_a_restart_keeps_its_value_and_is_named() {
    let (folder, loader, loaded) = started("dsn: a\nserve: {port: 1}\nsession: {lifespan: 1h}");
    let mut reloader = Reloader::new(loader, loaded);
    write(folder.path(), "dsn: b\nserve: {public: {cors: {allowed_origins: [x]}}}\nsession: {lifespan: 2h}");
    let reload = reloader.reload().unwrap().unwrap();
    assert_eq!(reload.needs_restart, ["dsn", "serve.port"]);
    assert_eq!(reload.changed, ["serve.public.cors.allowed_origins", "session.lifespan"]);
    assert_eq!(
        *reload.loaded.value(),
        json!({"dsn": "a", "serve": {"port": 1, "public": {"cors": {"allowed_origins": ["x"]}}}, "session": {"lifespan": "2h"}})
    );
}

#[test]
fn a_wrong_file_changes_nothing() {
    let (folder, loader, loaded) = started("session: {lifespan: 1h}");
    let mut reloader = Reloader::new(loader, loaded);
    write(folder.path(), "sesion: {lifespan: 2h}");
    assert!(reloader.reload().is_err());
    write(folder.path(), "session: {lifespan: 1h}");
    assert!(reloader.reload().unwrap().is_none());
}

/// Starts a watch that reports each lifespan; it looks when told to.
fn watched(loader: Loader, loaded: Loaded) -> (Watch, Receiver<String>) {
    let (sender, seen) = channel();
    let apply = move |reload: Reload| {
        let lifespan = reload.loaded.value()["session"]["lifespan"].as_str().unwrap_or("none").to_owned();
        let refused = lifespan == "refused";
        sender.send(lifespan).map_err(|error| error.to_string())?;
        if refused { Err("refused".to_owned()) } else { Ok(()) }
    };
    (watch(loader, loaded, None, apply).unwrap(), seen)
}

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_file_that_is_replaced_by_rename_is_noticed() {
    let (folder, loader, loaded) = started("session: {lifespan: 1h}");
    let (watch, seen) = watched(loader, loaded);
    let fresh = folder.path().join("fresh.tmp");
    std::fs::write(&fresh, "session: {lifespan: 3h}").unwrap();
    std::fs::rename(&fresh, folder.path().join("limen.yml")).unwrap();
    watch.look();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "3h");
}

#[cfg(unix)]
#[test]
fn a_link_that_points_elsewhere_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (version, lifespan) in [("v1", "1h"), ("v2", "4h")] {
        std::fs::create_dir(at(version)).unwrap();
        std::fs::write(at(version).join("limen.yml"), format!("session: {{lifespan: {lifespan}}}")).unwrap();
    }
    std::os::unix::fs::symlink("v1", at("data")).unwrap();
    std::os::unix::fs::symlink("data/limen.yml", at("limen.yml")).unwrap();
    let loader = Loader::new(SCHEMA).files([at("limen.yml")]);
    let loaded = loader.load().unwrap();
    let (watch, seen) = watched(loader, loaded);
    std::os::unix::fs::symlink("v2", at("data.new")).unwrap();
    std::fs::rename(at("data.new"), at("data")).unwrap();
    watch.look();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "4h");
}

#[test]
fn a_refused_change_is_compared_again_with_what_is_in_force() {
    let (folder, loader, loaded) = started("session: {lifespan: 1h}");
    let (watch, seen) = watched(loader, loaded);
    write(folder.path(), "session: {lifespan: refused}");
    watch.reload();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "refused");
    write(folder.path(), "session: {lifespan: 5h}");
    watch.reload();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "5h");
}

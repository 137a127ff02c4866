//! Whole files.

use serde_json::json;
use settings::{Dialect, Origin};

use crate::{fixture, load, load_with};

#[test]
fn files_of_the_compatible_server_are_read_unchanged() {
    for name in ["password.yml", "everything_later.yml"] {
        let loaded = load(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(loaded.dialect(), Dialect::Kratos, "{name}");
    }
}

#[test]
fn the_own_format_is_read_into_the_same_shape() {
    let loaded = load("limen.yml").unwrap();
    assert_eq!(loaded.dialect(), Dialect::Limen);
    assert_eq!(loaded.value()["dsn"], "sqlite:///var/lib/limen/limen.db");
    assert_eq!(loaded.value()["identity"]["schemas"][0]["id"], "default");
    assert_eq!(loaded.value()["serve"]["pages"]["port"], 4455);
}

#[test]
fn later_files_stand_above_earlier_ones_and_replace_lists() {
    let loaded =
        load_with("selfservice: {allowed_return_urls: ['https://only.example.org']}\nlog: {level: debug}", &[])
            .unwrap();
    assert_eq!(loaded.value()["selfservice"]["allowed_return_urls"], json!(["https://only.example.org"]));
    assert_eq!(loaded.value()["log"], json!({"level": "debug", "format": "text"}));
    assert_eq!(loaded.origin("log.format"), Some(&Origin::File(fixture("password.yml"))));
}

#[test]
fn a_key_without_a_value_is_like_no_key() {
    let loaded = load_with("selfservice: {flows: {error: , recovery: {ui_url: ~}}}", &[]).unwrap();
    assert!(loaded.value()["selfservice"]["flows"].get("error").is_none());
    assert!(loaded.value()["selfservice"]["flows"]["recovery"].get("ui_url").is_none());
}

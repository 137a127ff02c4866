//! No file may be longer than 600 lines, tests and generated code aside (docs/architecture.md: one file, one aggregate or one use case).

use std::path::Path;

use crate::sources::{read, rust_files, shown};

const MOST: usize = 600;

/// Files that are too long.
pub fn problems(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for folder in ["app", "crates", "xtask"] {
        for file in rust_files(&root.join(folder))? {
            let name = shown(root, &file);
            if is_test(&name) || name.contains("/generated/") {
                continue;
            }
            let lines = own_lines(&read(&file)?);
            if lines > MOST {
                problems.push(format!("{name} has {lines} lines, {MOST} are the most: split it by use case"));
            }
        }
    }
    Ok(problems)
}

fn is_test(name: &str) -> bool {
    name.contains("/tests/") || name.ends_with("tests.rs")
}

/// Lines up to the tests at the end of the file.
fn own_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{'));
    tests.unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_at_the_end_do_not_count() {
        assert_eq!(own_lines("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
        assert_eq!(own_lines("a\n#[cfg(test)]\nmod tests;\nb\n"), 4);
        assert_eq!(own_lines("a\n    #[cfg(test)]\nfn b() {}\n"), 3);
    }

    #[test]
    fn files_of_tests_may_be_long() {
        assert!(is_test("crates/web/tests/it/listen.rs") && is_test("crates/identity/src/schema/field_tests.rs"));
        assert!(!is_test("crates/identity/src/schema/fields.rs"));
    }

    #[test]
    fn a_long_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["app", "crates", "xtask"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("app/long.rs"), "line\n".repeat(601)).unwrap();
        std::fs::write(folder.path().join("app/short.rs"), "line\n".repeat(600)).unwrap();
        let problems = problems(folder.path()).unwrap();
        assert!(problems.len() == 1 && problems[0].starts_with("app/long.rs has 601"), "{problems:?}");
    }
}

//! Finds and reads the Rust sources of the checkout.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// All Rust files below a folder, in order; build output and hidden folders aside.
pub fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let path = entry.path();
            let skipped = name == "target" || name == "node_modules" || name.to_string_lossy().starts_with('.');
            if entry.file_type()?.is_dir() {
                open.extend((!skipped).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Reads a file.
pub fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// A path as people write it, from the root of the checkout.
pub fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

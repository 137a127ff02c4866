//! Generates `crates/protocol/src/generated` from `api/proto`.

use std::error::Error;
use std::path::{Path, PathBuf};

/// What is generated, in this order.
const FILES: [&str; 9] = [
    "ory/keto/relation_tuples/v1alpha2/relation_tuples.proto",
    "ory/keto/relation_tuples/v1alpha2/check_service.proto",
    "ory/keto/relation_tuples/v1alpha2/expand_service.proto",
    "ory/keto/relation_tuples/v1alpha2/read_service.proto",
    "ory/keto/relation_tuples/v1alpha2/namespaces_service.proto",
    "ory/keto/relation_tuples/v1alpha2/write_service.proto",
    "ory/keto/relation_tuples/v1alpha2/version.proto",
    "ory/keto/opl/v1alpha1/syntax_service.proto",
    "limen/permissions/v1/permissions.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let protocol = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (root, out) = (protocol.join("../../api/proto"), protocol.join("src/generated"));
    std::fs::create_dir_all(&out)?;
    let descriptors = descriptors(&root, &out)?;
    connectrpc_build::Config::new()
        .files(&FILES)
        .descriptor_set(descriptors)
        .out_dir(&out)
        .emit_rerun_directives(false)
        .emit_register_fn(false)
        .file_per_package(true)
        .gate_client_feature(true)
        .include_file("mod.rs")
        .compile()?;
    let mut sources = String::new();
    for file in FILES {
        sources += &format!("=== {file}\n{}", std::fs::read_to_string(root.join(file))?);
    }
    std::fs::write(out.join("sources.txt"), sources)?;
    Ok(())
}

fn descriptors(root: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES)?;
    let file = out.join("descriptors.bin");
    std::fs::write(&file, compiler.encode_file_descriptor_set())?;
    Ok(file)
}

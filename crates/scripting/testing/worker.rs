//! The child process of the sandbox's tests: what `limen jsonnet-worker` is in the program.

fn main() -> std::io::Result<()> {
    scripting::jsonnet::worker::run(64 << 20)
}

//! limen, the program: commands, and the composition of services, listeners and workers. No domain rules.

mod bridges;
mod commands;
mod compose;
mod first_run;
mod listeners;
mod logs;
mod permission_service;
mod workers;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    match commands::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logs::say_error(&error);
            ExitCode::FAILURE
        }
    }
}

//! Tests of the engine and the language through what they offer to the rest of the program.
mod language;

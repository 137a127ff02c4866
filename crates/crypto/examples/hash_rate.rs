//! How many passwords this machine can check in a second when it does nothing else: Argon2id, bare, on some threads.
//! `make bench` holds sign-ins against it.
//!
//!     cargo run --release -p crypto --example hash_rate -- THREADS SECONDS MEMORY_KIB ITERATIONS
#![expect(clippy::unwrap_used, reason = "a chore: what is wrong with its arguments may be told bluntly")]
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};

fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).map(|argument| argument.parse().unwrap()).collect();
    let [threads, seconds, memory_kib, iterations] = numbers[..] else { panic!("four numbers are needed") };
    let params = Params::new(memory_kib, iterations, 1, Some(32)).unwrap();
    let begun = Instant::now();
    let end = begun + Duration::from_secs(seconds.into());
    let done: u32 = std::thread::scope(|scope| {
        let hashing: Vec<_> = (0..threads).map(|_| scope.spawn(|| hash_until(end, &params))).collect();
        hashing.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("{:.3}", f64::from(done) / begun.elapsed().as_secs_f64());
}

fn hash_until(end: Instant, params: &Params) -> u32 {
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let mut key = [0; 32];
    let mut done = 0;
    while Instant::now() < end {
        hasher.hash_password_into(b"harbour-7-lantern", b"sixteen-bytes-of", &mut key).unwrap();
        done += 1;
    }
    done
}

//! What password hashing promises, through its public surface. The stored hashes were computed by other programs
//! (libxcrypt, OpenSSL, Python's hashlib), all of the same password unless the test says otherwise.

use std::sync::Arc;

use foundation::{Rng, SeededRng};

use super::nominal::Cost;
use super::*;

const ANYBODY: Caller = Caller::ANYBODY;
const PASSWORD: &str = "correct horse é";

const STORED: &[&str] = &[
    "$2a$05$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK",
    "$2b$05$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK",
    "$2y$05$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK",
    "$2z$05$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK",
    "$2$05$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK",
    // The last character of this salt has bits that do not count.
    "$2a$05$abcdefghijklmnopqrstuvNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK",
    "$md5-crypt$saltsalt$KhJsixuZP0mAb705KB9Yw.",
    "$md5-crypt$ab$haE/wd7L/6oGVsfvaXVAw0",
    "$sha256-crypt$rounds=1400$saltstring$/JQg735tPThOS7rC8llHaDJ.WDwIIgiloPKkeWVODa3",
    "$sha256-crypt$saltstring$aXLr59fnwrVg6Wz/o5uKtjZU0xGSbMc6YxPqiHv2NE.",
    "$sha512-crypt$rounds=1400$saltstring$r1zPL8SJfLl.5huLidcqMElaqrMHI/L0IKUU/bI5kzcBztSZs.q8s8xp2tNKPL2MWUvCnx9FBly54hlgc/zcx1",
    "$sha512-crypt$saltstring$Vy1qkR4howG25g0MrA26uBcI9k9c5cxzfoR6VfYPEDH6Qz8CJGsLsSf6i7jmz6/3LKpWlmhxHaJqvorDx2KhI.",
    "$pbkdf2-sha1$i=1000,l=20$MDEyMzQ1Njc4OWFiY2RlZg$luj/dfvocExw3xl+r2xiB4MgltY",
    "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$4XDspDRv/7n9wuJfaGpXw8XZEL0JUuwJpcZGQDTRGhM",
    "$pbkdf2-sha512$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg$lMuq/dD69/JAImt7RaDYGM25rtD5Auvr3mm9jR3Ilk4Zw1CzcJn2+q42ann7KVfa1AKnrfJ5FjPq7lcdxlv8ZQ",
    // SHA3-224, SHA3-384 and SHA-256, as the reference server reads these names.
    "$pbkdf2-sha224$i=1000,l=28$MDEyMzQ1Njc4OWFiY2RlZg$HTaoN11r/4h8OyAkyCA7+qaJeFCqu3k+rbVCkw",
    "$pbkdf2-sha384$i=1000,l=48$MDEyMzQ1Njc4OWFiY2RlZg$BnO4uDMVpN7ivhxWNQBIb8WSS1BsUrf5s9SDNx4TzHWEhrT1AbaGoKo3FZ0VJC7g",
    "$pbkdf2-sha999$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$4XDspDRv/7n9wuJfaGpXw8XZEL0JUuwJpcZGQDTRGhM",
    // The length of the hash counts, not the stated one.
    "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$4XDspDRv/7n9wuJfaGpXw8XZEL0JUuwJpcZGQDTRGhNQmnrom7beww",
    "$scrypt$ln=1024,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg==$xc0d9tNbtu9QPWgiLn1+UUrfdsLJBU9iKwhQq/12ylg=",
    "$firescrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg==$F5OrVO3oHrPqIRgl6SdgkknbXljRx/X33w0qZAe7S81UkEVT8a7pd4NER1UjY5Lhi6dbHzGdpBmuysGo0PaawA==$Bw==$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
    "{SSHA}CBbyqzCGWAq09cVM4d7ULa6GazUwMTIzNDU2Nzg5YWJjZGVm",
    "{SSHA256}OjUISTYCOcdXxQn8jW7uLRfh+MTUmpDCs7TmBbAq5MYwMTIzNDU2Nzg5YWJjZGVm",
    "{SSHA512}W5YcYY6jvshjDD+jUtaAQ/UgpoXTUmExcii1k6Oq+1kp651XCb0CcayfYMyKBYlSoqD5QdiIP+HWQckVBhu46TAxMjM0NTY3ODlhYmNkZWY=",
    "$sha1$pf=e1NBTFR9OntQQVNTV09SRH06e1NBTFR9$MDEyMzQ1Njc4OWFiY2RlZg==$ih0ucgqGG7QNhc9apxmEMBtpGWo=",
    "$sha256$pf=e1NBTFR9OntQQVNTV09SRH06e1NBTFR9$MDEyMzQ1Njc4OWFiY2RlZg==$aijtH8Yb08OW0yG0mvN7XhQBW5OH+X5SwXXq0E2+6OM=",
    "$sha512$pf=e1NBTFR9OntQQVNTV09SRH06e1NBTFR9$MDEyMzQ1Njc4OWFiY2RlZg==$Bu34eKq4Dechfb2Z2ZRMjjERgSl5rCxKEc8uaX18diueaXJ69mOlldeIgXtn1Pngch2KN+0ay9zg47h6p5dkvQ==",
    "$md5$pf=e1NBTFR9OntQQVNTV09SRH06e1NBTFR9$MDEyMzQ1Njc4OWFiY2RlZg==$qpUv9s6XNuti96BshsiJuw==",
    "$md5$mdTqo8SmDcMiisuCO4kkvg==",
    "$hmac-md4$ODE2OGZiYWY2NDQ1ZTE0MzBkZWQyMTMyMTVmODE5Y2M=$MDEyMzQ1Njc4OWFiY2RlZg==",
    "$hmac-md5$MzM1ZWI3NzMyYmJmZmNhNmNmMDFiZmNkNWM0OWQ0MTA=$MDEyMzQ1Njc4OWFiY2RlZg==",
    "$hmac-sha1$ZWU2YWFiNjJlOWM1MWFlMWQ3YTkwYjhiZGYxZjg2NDBhZGI4YWU4ZA==$MDEyMzQ1Njc4OWFiY2RlZg==",
    "$hmac-sha224$ZmNiYjE4ZWE0OTAwMWZiMTgzMTE4MTdmZjYyZTZmY2IwNTZhYzk2M2YyZGQxOTY3N2E4ZjJlZjQ=$MDEyMzQ1Njc4OWFiY2RlZg==",
    "$hmac-sha256$ZDJhNjVhMThhNjQ3YmNkNTBmN2UwMmZjMDI3OGU1NzY1Y2ZlMTdjY2FlOWU2NzdhYWZiMzlhNTA2MDNjZjY2NQ==$MDEyMzQ1Njc4OWFiY2RlZg==",
    "$hmac-sha384$NTVlOGJlZjJjODU0YTkyZWVhYWI1YWQyMWM5MGM1MGQ4N2RlN2NhMDY1MWExNGM3NjQyNDZjYTY1OWE1NDczNmI5ZjMxOWQ1MWM3ZGY4MzRlNWNmMDM2MTU0MTIzODMw$MDEyMzQ1Njc4OWFiY2RlZg==",
    "$hmac-sha512$M2Q0YjcyYzJhNzgxNjU1NmYwYTY4NzExYzA5ODM1ZTdlMDUyYWIwNzEyMzdlOTg1NWQ0YjMxYThiOGYwZmU0MmM4MjJkZjJkYjc1MjQ0MTdmYWRmNDBjZTIwZTgyZjk5NWMzNWIxMjJhNzEyNTg2NmMxZDljZjMyMDI2ZTIyYmI=$MDEyMzQ1Njc4OWFiY2RlZg==",
];

fn argon2(memory_kib: u32) -> HashParameters {
    let argon2 = Argon2Parameters { memory_kib, iterations: 1, parallelism: 1, salt_length: 16, key_length: 32 };
    HashParameters { algorithm: Algorithm::Argon2id, bcrypt_cost: 4, argon2 }
}

fn bcrypt(cost: u32) -> HashParameters {
    HashParameters { algorithm: Algorithm::Bcrypt, bcrypt_cost: cost, ..argon2(64) }
}

fn hashing(parameters: HashParameters) -> PasswordHashing {
    PasswordHashing::new(parameters, PoolLimits { threads: 2, queue: 16, ..PoolLimits::for_this_machine(0, 65536) })
}

fn rng() -> Arc<dyn Rng> {
    Arc::new(SeededRng::new(1))
}

fn verified(matches: bool, outdated: bool) -> Result<Verified, HashError> {
    Ok(Verified { matches, outdated })
}

#[tokio::test]
async fn every_format_of_an_import_is_checked() {
    let hashing = hashing(argon2(64));
    for stored in STORED {
        assert_eq!(is_supported(stored), Ok(()), "{stored}");
        assert_eq!(hashing.verify(ANYBODY, PASSWORD, stored).await, verified(true, true), "{stored}");
        for wrong in ["correct horse e", "", "correct horse é "] {
            assert_eq!(hashing.verify(ANYBODY, wrong, stored).await, verified(false, true), "{wrong} against {stored}");
        }
    }
}

#[tokio::test]
async fn more_of_other_passwords_is_checked() {
    let hashing = hashing(argon2(64));
    for (password, stored) in [
        // From the reference implementation of Argon2.
        ("password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
        ("password", "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"),
        ("", "$md5-crypt$saltsalt$5Jhcit4zN9UlGiA0txPkO0"),
        ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "$md5-crypt$saltsalt$lTT80f5GEB.8cfLv43D0D1"),
        // From the documentation of Firebase.
        (
            "user1password",
            "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==",
        ),
    ] {
        assert_eq!(hashing.verify(ANYBODY, password, stored).await, verified(true, true), "{stored}");
        assert_eq!(hashing.verify(ANYBODY, "Password", stored).await, verified(false, true), "{stored}");
    }
}

#[test]
fn what_is_no_hash_is_unknown_or_malformed() {
    for stored in
        ["", "password", "$", "$2x$05$abc", "$3$abc", "$argon2d$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$YWJjZGVmZ2g", "{MD5}x"]
    {
        assert_eq!(is_supported(stored), Err(UnsupportedHash::Unknown), "{stored}");
    }
    for stored in [
        "$2a$05$",
        "$2a$5$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK",
        "$2a$05$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJL",
        "$2a$05$abcdefghijklmnopqrst\u{e9}uNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK",
        "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR",
        "$argon2id$v=19$t=1,m=64,p=1$c29tZXNhbHQ$nf65EOgLrQMR",
        "$argon2id$v=19$m=64,t=,p=1$c29tZXNhbHQ$nf65EOgLrQMR",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ=$nf65EOgLrQMR",
        "$scrypt$ln=1024,r=8$MDEy$xc0d",
        "$pbkdf2-sha256$i=+1,l=32$MDEy$4XDs",
        "$pbkdf2-sha2567$i=1,l=32$MDEy$4XDspDRv/7n9",
        "$sha256-crypt$rounds=x$saltstring$aXLr59fnwrVg6Wz/o5uKtjZU0xGSbMc6YxPqiHv2NE.",
        "$sha512-crypt$saltstring$aXLr59fnwrVg6Wz/o5uKtjZU0xGSbMc6YxPqiHv2NE.",
        "$md5-crypt$saltsalt$",
        "{SSHA}CBbyqzCGWAq09cVM4d7ULa6GazU=",
        "$sha1$pf=e1BBU1NXT1JEfQ==$$ih0u",
        "$hmac-sha256$MDEy$MDEy",
    ] {
        assert!(matches!(is_supported(stored), Err(UnsupportedHash::Malformed(_))), "{stored}");
    }
}

#[test]
fn hashes_that_cost_too_much_or_prove_too_little_are_refused() {
    for stored in [
        "$2a$16$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK",
        "$2a$03$abcdefghijklmnopqrstuuNKTrdYIyJepeBe0WMJS4ZyMwX4aEJLK",
        "$argon2id$v=19$m=1048577,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR",
        "$argon2id$v=19$m=99999999999,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR",
        "$argon2id$v=19$m=64,t=11,p=1$c29tZXNhbHQ$nf65EOgLrQMR",
        "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR",
        "$argon2id$v=19$m=1024,t=1,p=17$c29tZXNhbHQ$nf65EOgLrQMR",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
        "$scrypt$ln=262144,r=8,p=1$MDEy$xc0d9tNbtu9QPWgi",
        "$scrypt$ln=1000,r=8,p=1$MDEy$xc0d9tNbtu9QPWgi",
        "$scrypt$ln=1024,r=9,p=1$MDEy$xc0d9tNbtu9QPWgi",
        "$scrypt$ln=1024,r=8,p=11$MDEy$xc0d9tNbtu9QPWgi",
        "$scrypt$ln=1024,r=8,p=1$MDEy$",
        "$firescrypt$ln=18,r=8,p=1$MDEy$xc0d9tNbtu9QPWgi$Bw==$AAEC",
        "$pbkdf2-sha256$i=10000001,l=32$MDEy$4XDspDRv/7n9",
        "$pbkdf2-sha256$i=0,l=32$MDEy$4XDspDRv/7n9",
        "$pbkdf2-sha256$i=1000,l=0$MDEy$",
        "$sha256-crypt$rounds=5000001$saltstring$aXLr59fnwrVg6Wz/o5uKtjZU0xGSbMc6YxPqiHv2NE.",
        // A layout without the password: every password would match.
        "$sha1$pf=e1NBTFR9$MDEyMzQ1Njc4OWFiY2RlZg==$ih0ucgqGG7QNhc9apxmEMBtpGWo=",
    ] {
        assert!(matches!(is_supported(stored), Err(UnsupportedHash::Bounds(_))), "{stored}");
    }
}

#[tokio::test]
async fn an_unsupported_hash_matches_nothing() {
    let stored = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$";
    assert!(matches!(hashing(argon2(64)).verify(ANYBODY, "", stored).await, Err(HashError::Unsupported(_))));
    assert!(matches!(
        hashing(argon2(64)).verify(ANYBODY, "", "").await,
        Err(HashError::Unsupported(UnsupportedHash::Unknown))
    ));
}

#[tokio::test]
async fn placeholders_in_a_password_or_a_salt_are_not_replaced() {
    use base64::Engine as _;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let digest = digests::Digest::Sha256.of(b"{PASSWORD}/{SALT}");
    let (layout, salt) = (encode(b"{SALT}/{PASSWORD}"), encode(b"{PASSWORD}"));
    let stored = format!("$sha256$pf={layout}${salt}${}", encode(&digest));
    assert_eq!(hashing(argon2(64)).verify(ANYBODY, "{SALT}", &stored).await, verified(true, true));
}

#[tokio::test]
async fn what_is_hashed_is_found_again() {
    for (parameters, prefix) in [(argon2(64), "$argon2id$v=19$m=64,t=1,p=1$"), (bcrypt(4), "$2a$04$")] {
        let (hashing, rng) = (hashing(parameters), rng());
        let stored = hashing.hash(ANYBODY, &rng, PASSWORD).await.unwrap();
        assert!(stored.starts_with(prefix), "{stored}");
        assert_eq!(hashing.verify(ANYBODY, PASSWORD, &stored).await, verified(true, false));
        assert_eq!(hashing.verify(ANYBODY, "other", &stored).await, verified(false, false));
        assert_ne!(hashing.hash(ANYBODY, &rng, PASSWORD).await.unwrap(), stored, "each hash has its own salt");
    }
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_outdated() {
    let hashing = hashing(argon2(64));
    let weak = hashing.hash(ANYBODY, &rng(), PASSWORD).await.unwrap();
    hashing.reconfigure(argon2(128));
    assert_eq!(hashing.verify(ANYBODY, PASSWORD, &weak).await, verified(true, true));
    let strong = hashing.hash(ANYBODY, &rng(), PASSWORD).await.unwrap();
    assert_eq!(hashing.verify(ANYBODY, PASSWORD, &strong).await, verified(true, false));
    hashing.reconfigure(bcrypt(4));
    assert_eq!(hashing.verify(ANYBODY, PASSWORD, &strong).await, verified(true, true));
    let bcrypted = hashing.hash(ANYBODY, &rng(), PASSWORD).await.unwrap();
    hashing.reconfigure(bcrypt(5));
    assert_eq!(hashing.verify(ANYBODY, PASSWORD, &bcrypted).await, verified(true, true));
}

#[tokio::test]
async fn no_password_is_cut_by_bcrypt() {
    let hashing = hashing(bcrypt(4));
    let longest = "x".repeat(72);
    let too_long = "x".repeat(73);
    let stored = hashing.hash(ANYBODY, &rng(), &longest).await.unwrap();
    assert_eq!(hashing.verify(ANYBODY, &longest, &stored).await, verified(true, false));
    assert_eq!(hashing.verify(ANYBODY, &too_long, &stored).await, verified(false, false));
    assert_eq!(hashing.hash(ANYBODY, &rng(), &too_long).await, Err(HashError::TooLong { maximum_bytes: 72 }));
    hashing.reconfigure(argon2(64));
    let stored = hashing.hash(ANYBODY, &rng(), &too_long).await.unwrap();
    assert_eq!(hashing.verify(ANYBODY, &longest, &stored).await, verified(false, false));
}

#[tokio::test]
async fn parameters_whose_hashes_could_not_be_checked_are_refused() {
    let mut wide = argon2(64);
    wide.argon2.parallelism = 17;
    let mut short = argon2(64);
    short.argon2.key_length = 4;
    for parameters in [bcrypt(16), bcrypt(3), argon2(7), argon2(1_048_577), wide, short] {
        assert!(matches!(parameters.check(), Err(HashError::Parameters(_))), "{parameters:?}");
        assert!(matches!(hashing(parameters).hash(ANYBODY, &rng(), PASSWORD).await, Err(HashError::Parameters(_))));
    }
}

#[tokio::test]
async fn known_and_unknown_are_refused_alike_when_the_pool_is_full() {
    let hashing =
        Arc::new(PasswordHashing::new(argon2(64), PoolLimits { threads: 1, ..PoolLimits::for_this_machine(0, 64) }));
    let stored = hashing.hash(ANYBODY, &rng(), PASSWORD).await.unwrap();
    let (hold, release) = std::sync::mpsc::channel::<()>();
    let blocked = tokio::spawn({
        let hashing = hashing.clone();
        async move { hashing.pool.run(ANYBODY, Cost::NOTHING, move |_| release.recv().is_ok()).await }
    });
    while hashing.running() == 0 {
        tokio::task::yield_now().await;
    }
    let busy = HashError::Busy { retry_after_seconds: 1 };
    assert_eq!(hashing.verify_nobody(ANYBODY, PASSWORD).await, Err(busy));
    assert!(matches!(hashing.verify(ANYBODY, PASSWORD, &stored).await, Err(HashError::Busy { .. })));
    assert!(matches!(hashing.verify(ANYBODY, PASSWORD, "unknown").await, Err(HashError::Busy { .. })));
    assert!(matches!(hashing.hash(ANYBODY, &rng(), PASSWORD).await, Err(HashError::Busy { .. })));
    drop(hold);
    assert_eq!(blocked.await.unwrap(), Ok(false));
    assert_eq!(hashing.verify_nobody(ANYBODY, PASSWORD).await, Ok(()));
    assert_eq!((hashing.running(), hashing.waiting()), (0, 0));
}

#[test]
fn the_range_api_gets_five_characters() {
    let (prefix, suffix) = sha1_prefix("password");
    assert_eq!((prefix.as_str(), suffix.as_str()), ("5BAA6", "1E4C9B93F3F0682250B6CF8331B7EE68FD8"));
}

/// The shortest of three, which a busy machine disturbs least.
async fn duration<T>(mut work: impl AsyncFnMut() -> T) -> std::time::Duration {
    let mut shortest = std::time::Duration::MAX;
    for _ in 0..3 {
        let start = std::time::Instant::now();
        work().await;
        shortest = shortest.min(start.elapsed());
    }
    shortest
}

#[tokio::test]
async fn unknown_identifiers_and_old_hashes_cost_what_known_ones_cost() {
    // Without the work that makes them equal, the cheap ones take a thousandth; a factor of three leaves room for noise.
    for parameters in [argon2(32768), bcrypt(9)] {
        let hashing = hashing(parameters);
        let current = hashing.hash(ANYBODY, &rng(), PASSWORD).await.unwrap();
        let known = duration(async || hashing.verify(ANYBODY, "wrong", &current).await).await;
        let unknown = duration(async || hashing.verify_nobody(ANYBODY, "wrong").await).await;
        let malformed = duration(async || hashing.verify(ANYBODY, "wrong", "none").await).await;
        let old = duration(async || hashing.verify(ANYBODY, "wrong", "$md5$mdTqo8SmDcMiisuCO4kkvg==").await).await;
        let bcrypted = duration(async || hashing.verify(ANYBODY, "wrong", STORED[0]).await).await;
        for other in [unknown, malformed, old, bcrypted] {
            assert!(other < known * 3 && known < other * 3, "{known:?} for a known one, {other:?} for another");
        }
    }
}

#[tokio::test]
async fn memory_that_was_used_before_changes_no_hash() {
    // One thread, so that one memory serves them all: larger, smaller and larger again.
    let limits = PoolLimits { threads: 1, ..PoolLimits::for_this_machine(4, 65536) };
    let hashing = PasswordHashing::new(argon2(4096), limits);
    let known = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for memory in [4096, 64, 8192] {
        hashing.reconfigure(argon2(memory));
        let made = hashing.hash(ANYBODY, &rng(), PASSWORD).await.unwrap();
        assert_eq!(hashing.verify(ANYBODY, "password", known).await, verified(true, true));
        assert_eq!(hashing.verify(ANYBODY, PASSWORD, &made).await, verified(true, false));
    }
}

#[tokio::test]
async fn waits_times_and_refusals_are_counted() {
    let hashing = PasswordHashing::new(argon2(64), PoolLimits { threads: 1, ..PoolLimits::for_this_machine(0, 64) });
    let mut registry = Registry::default();
    hashing.register(&mut registry);
    hashing.verify_nobody(ANYBODY, PASSWORD).await.unwrap();
    let (hold, release) = std::sync::mpsc::channel::<()>();
    let held = hashing.pool.run(ANYBODY, Cost::NOTHING, move |_| release.recv().is_ok());
    let refused = async {
        while hashing.running() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(hashing.verify_nobody(ANYBODY, PASSWORD).await, Err(HashError::Busy { .. })));
        drop(hold);
    };
    let (held, ()) = tokio::join!(held, refused);
    assert_eq!(held, Ok(false));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "password_hash_wait_seconds_count 2",
        "password_hash_duration_seconds_count 2",
        "password_hash_refused_total{reason=\"full\"} 1",
        "password_hash_waiting 0",
        "password_hash_running 0",
    ] {
        assert!(text.lines().any(|written| written == line), "{line} is missing in\n{text}");
    }
}

//! What every other crate may use: time, randomness, secrets, durations, the context of a request and the error
//! envelope. No I/O happens here, and nothing here knows a service.

mod clock;
mod context;
mod duration;
mod error;
mod rng;
mod secret;

pub use clock::{Clock, ManualClock, SystemClock};
pub use context::{ClientInfo, RequestContext};
pub use duration::{DurationError, GoDuration};
pub use error::{ApiError, Refusal};
pub use jiff::Timestamp;
pub use rng::{Rng, SeededRng, SystemRng};
pub use secret::Secret;
pub use uuid::Uuid;

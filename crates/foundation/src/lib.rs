//! What every other crate may use: time, randomness, secrets, durations, the context of a request, the error
//! envelope, the words of each language and colours. No I/O happens here, and nothing here knows a service.

mod clock;
mod color;
mod context;
mod duration;
mod error;
mod language;
mod rng;
mod secret;

pub use clock::{Clock, ManualClock, SystemClock};
pub use color::{Color, ColorError};
pub use context::{ClientInfo, RequestContext};
pub use duration::{DurationError, GoDuration};
pub use error::{ApiError, Refusal};
pub use jiff::Timestamp;
pub use language::{Languages, OwnTexts, Texts};
pub use rng::{Rng, SeededRng, SystemRng};
pub use secret::Secret;
pub use uuid::Uuid;

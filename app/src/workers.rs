//! Background work: delivering messages, removing what has expired, following the configuration and the changes that other
//! programs on the same database make.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::compose::{self, Program};

/// How often hash parameters are compared with the configuration.
const FOLLOW: Duration = Duration::from_secs(2);

/// Starts all workers; what is given ends when they have.
pub fn start(program: &Program, stopped: &watch::Receiver<bool>) -> impl Future<Output = ()> + use<> {
    let courier = Arc::clone(&program.courier);
    let end = ended(stopped.clone());
    let delivering = tokio::spawn(async move { courier.run(end).await });
    let identity = program.identity.clone();
    let end = ended(stopped.clone());
    let cleaning = tokio::spawn(async move { identity.clean_forever(end).await });
    let identity = program.identity.clone();
    let end = ended(stopped.clone());
    let remembering = tokio::spawn(async move { identity.follow_forever(end).await });
    let following =
        tokio::spawn(follow(Arc::clone(&program.passwords), Arc::clone(&program.snapshot), stopped.clone()));
    async move {
        let _ = tokio::join!(delivering, cleaning, remembering, following);
    }
}

async fn ended(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the same as one that says so.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Gives the hashing pool the parameters of the configuration in force.
async fn follow(
    passwords: Arc<crypto::PasswordHashing>,
    snapshot: Arc<settings::Live<identity::Snapshot>>,
    stopped: watch::Receiver<bool>,
) {
    let mut known = compose::hash_parameters(&snapshot.get().settings);
    let mut tick = tokio::time::interval(FOLLOW);
    let end = ended(stopped);
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return,
            _ = tick.tick() => {
                let wanted = compose::hash_parameters(&snapshot.get().settings);
                if wanted != known {
                    passwords.reconfigure(wanted);
                    known = wanted;
                }
            }
        }
    }
}

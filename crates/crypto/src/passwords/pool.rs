//! The pool: so many at once, so much memory at once, so many waiting, each client in its turn, and the rest is told to
//! come back. Nothing here knows what is hashed.
//!
//! It has threads of its own, which give way to those that answer requests: session checks stay quick while passwords
//! take every core.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;

use super::HashError;
use super::figures::{Figures, Refusal};
use super::memory::Memory;
use super::nominal::Cost;
use super::queue::{Caller, Queue};

/// How long a thread keeps its memory without work.
const KEPT: Duration = Duration::from_secs(2);
/// How far the threads stand back (`nice`), where the system knows such a thing for single threads. One step: a machine that
/// others keep busy still gives them their part.
#[cfg(target_os = "linux")]
const NICE: i32 = 1;

/// What hashing may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// How many passwords are hashed at once, each on a thread of its own.
    pub threads: usize,
    /// How many more may wait.
    pub queue: usize,
    /// The memory of all that are hashed at once, in KiB. One that needs more than this runs alone.
    pub memory_kib: u32,
    /// The longest wait: who would wait longer is refused at once, and who did is not hashed any more.
    pub patience: Duration,
}

impl PoolLimits {
    /// A thread for each core of this machine, room for `queue` more to wait, and ten seconds of patience.
    pub fn for_this_machine(queue: usize, memory_kib: u32) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { threads, queue, memory_kib, patience: Duration::from_secs(10) }
    }
}

/// Ends its threads when it is dropped.
#[derive(Debug)]
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    limits: PoolLimits,
    state: Mutex<State>,
    /// Something to do, or the end.
    wake: Condvar,
    figures: Figures,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("limits", &self.limits).finish_non_exhaustive()
    }
}

struct State {
    queue: Queue<Ticket>,
    running: usize,
    /// Of what runs.
    memory_kib: u32,
    /// The nominal time of all that run or wait.
    microseconds: u64,
    threads: usize,
    idle: usize,
    ended: bool,
}

struct Ticket {
    cost: Cost,
    since: Instant,
    work: Box<dyn Work>,
}

type Tell = Box<dyn FnOnce() + Send>;

/// A job and who waits for it.
trait Work: Send {
    /// Gives what tells the result, for when the place is free again: who hears of it finds it free.
    fn run(self: Box<Self>, memory: &mut Memory) -> Tell;
    fn refuse(self: Box<Self>, error: HashError);
}

struct Job<T, F> {
    job: F,
    answer: oneshot::Sender<Result<T, HashError>>,
}

impl<T: Send + 'static, F: FnOnce(&mut Memory) -> T + Send> Work for Job<T, F> {
    fn run(self: Box<Self>, memory: &mut Memory) -> Tell {
        let Self { job, answer } = *self;
        let result = job(memory);
        // Whoever asked may be gone.
        Box::new(move || drop(answer.send(Ok(result))))
    }

    fn refuse(self: Box<Self>, error: HashError) {
        let _ = self.answer.send(Err(error));
    }
}

impl Pool {
    pub(super) fn new(limits: PoolLimits) -> Self {
        let limits = PoolLimits { threads: limits.threads.max(1), memory_kib: limits.memory_kib.max(1), ..limits };
        let state = State {
            queue: Queue::new(),
            running: 0,
            memory_kib: 0,
            microseconds: 0,
            threads: 0,
            idle: 0,
            ended: false,
        };
        let shared = Shared { limits, state: Mutex::new(state), wake: Condvar::new(), figures: Figures::new() };
        Self { shared: Arc::new(shared) }
    }

    pub(super) fn waiting(&self) -> usize {
        self.shared.state.lock().queue.len()
    }

    pub(super) fn running(&self) -> usize {
        self.shared.state.lock().running
    }

    pub(super) fn figures(&self) -> &Figures {
        &self.shared.figures
    }

    /// Runs `job` when it is its turn. Dropping the future before that gives the place up; a job that runs, ends.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        caller: Caller,
        cost: Cost,
        job: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let (answer, answered) = oneshot::channel();
        let ticket = Ticket { cost, since: Instant::now(), work: Box::new(Job { job, answer }) };
        let _place = self.admit(caller, ticket)?;
        answered.await.unwrap_or(Err(HashError::Interrupted))
    }

    fn admit(&self, caller: Caller, ticket: Ticket) -> Result<Place<'_>, HashError> {
        let limits = &self.shared.limits;
        let mut state = self.shared.state.lock();
        let refuse = |state: &State, refusal| {
            self.shared.figures.refused(refusal);
            Err(state.busy(limits))
        };
        if state.wait_for(caller, limits) > limits.patience {
            return refuse(&state, Refusal::Late);
        }
        if state.running + state.queue.len() >= limits.threads + limits.queue {
            let Some(evicted) = state.queue.make_room_for(caller) else { return refuse(&state, Refusal::Full) };
            state.forget(evicted.cost);
            self.shared.figures.refused(Refusal::Full);
            evicted.work.refuse(state.busy(limits));
        }
        state.microseconds += ticket.cost.microseconds;
        let name = state.queue.push(caller, ticket);
        self.shared.count(&state);
        if state.idle == 0 && state.threads < limits.threads {
            self.shared.start_thread(&mut state)?;
        }
        drop(state);
        self.shared.wake.notify_one();
        Ok(Place { shared: &self.shared, caller, name })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state.lock().ended = true;
        self.shared.wake.notify_all();
    }
}

impl State {
    /// How long a further job of this client would wait, judged by what is there.
    fn wait_for(&self, caller: Caller, limits: &PoolLimits) -> Duration {
        let present = (self.queue.len() + self.running) as u64;
        let each = self.microseconds / present.max(1);
        Duration::from_micros(each * self.queue.ahead_of(caller) as u64 / limits.threads as u64)
    }

    fn busy(&self, limits: &PoolLimits) -> HashError {
        let each = self.microseconds / limits.threads as u64;
        let seconds = u32::try_from(each.div_ceil(1_000_000)).unwrap_or(u32::MAX).clamp(1, 60);
        HashError::Busy { retry_after_seconds: seconds }
    }

    fn forget(&mut self, cost: Cost) {
        self.microseconds -= cost.microseconds;
    }

    /// Takes the next job, if its memory is free. One that needs much is not overtaken, or it would never have its turn.
    fn next(&mut self, limits: &PoolLimits) -> Option<(Ticket, u32)> {
        let needed = self.queue.peek()?.cost.memory_kib.min(limits.memory_kib);
        if needed > limits.memory_kib - self.memory_kib {
            return None;
        }
        let ticket = self.queue.pop()?;
        self.running += 1;
        self.memory_kib += needed;
        Some((ticket, needed))
    }
}

impl Shared {
    fn count(&self, state: &State) {
        self.figures.count(state.queue.len(), state.running);
    }

    fn start_thread(self: &Arc<Self>, state: &mut State) -> Result<(), HashError> {
        let shared = Arc::clone(self);
        match std::thread::Builder::new().name("passwords".to_owned()).spawn(move || shared.work()) {
            Ok(_) => state.threads += 1,
            // With at least one thread the work is done, later.
            Err(_) if state.threads > 0 => {}
            Err(_) => return Err(HashError::Interrupted),
        }
        Ok(())
    }

    /// The life of a thread.
    fn work(&self) {
        stand_back();
        let mut memory = Memory::default();
        // All threads together keep no more than may be used at once.
        let kept_kib = self.limits.memory_kib as usize / self.limits.threads;
        let mut state = self.state.lock();
        while !state.ended {
            match state.next(&self.limits) {
                Some((ticket, needed)) => {
                    self.count(&state);
                    let cost = ticket.cost;
                    let tell = MutexGuard::unlocked(&mut state, || {
                        let tell = self.do_one(ticket, &mut memory);
                        memory.shrink(kept_kib);
                        tell
                    });
                    state.running -= 1;
                    state.memory_kib -= needed;
                    state.forget(cost);
                    self.count(&state);
                    // Another one may have waited for this one's memory.
                    self.wake.notify_one();
                    MutexGuard::unlocked(&mut state, || tell.map(|tell| tell()));
                }
                None => {
                    state.idle += 1;
                    let woken = self.wake.wait_for(&mut state, KEPT);
                    state.idle -= 1;
                    if woken.timed_out() {
                        MutexGuard::unlocked(&mut state, || memory.shrink(0));
                    }
                }
            }
        }
    }

    fn do_one(&self, ticket: Ticket, memory: &mut Memory) -> Option<Tell> {
        let began = Instant::now();
        let waited = began.duration_since(ticket.since);
        self.figures.began(waited);
        if waited > self.limits.patience {
            self.figures.refused(Refusal::Late);
            let busy = self.state.lock().busy(&self.limits);
            ticket.work.refuse(busy);
            return None;
        }
        // A job that panics answers nobody: its caller is told that it was interrupted.
        let tell = catch_unwind(AssertUnwindSafe(|| ticket.work.run(memory))).ok();
        self.figures.ended(began.elapsed());
        tell
    }
}

/// A place in the queue, given up when it is dropped before its turn.
struct Place<'a> {
    shared: &'a Shared,
    caller: Caller,
    name: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if let Some(ticket) = state.queue.remove(self.caller, self.name) {
            state.forget(ticket.cost);
            self.shared.count(&state);
            self.shared.figures.abandoned();
        }
    }
}

/// Lets threads that answer requests go first.
fn stand_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        // Refused by some sandboxes; hashing works all the same.
        let _ = error;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    fn pool(threads: usize, queue: usize, memory_kib: u32) -> Arc<Pool> {
        with_patience(threads, queue, memory_kib, Duration::from_secs(60))
    }

    fn with_patience(threads: usize, queue: usize, memory_kib: u32, patience: Duration) -> Arc<Pool> {
        Arc::new(Pool::new(PoolLimits { threads, queue, memory_kib, patience }))
    }

    /// A job that runs until its sender is dropped.
    fn held(pool: &Arc<Pool>, memory_kib: u32) -> (Sender<()>, JoinHandle<Result<(), HashError>>) {
        held_by(pool, Caller::ANYBODY, memory_kib)
    }

    fn held_by(pool: &Arc<Pool>, caller: Caller, memory_kib: u32) -> (Sender<()>, JoinHandle<Result<(), HashError>>) {
        let (hold, release) = channel::<()>();
        let pool = pool.clone();
        let cost = Cost { memory_kib, microseconds: 3_000_000 };
        let job = move |_: &mut Memory| {
            let _ = release.recv();
        };
        (hold, tokio::spawn(async move { pool.run(caller, cost, job).await }))
    }

    async fn until(pool: &Pool, running: usize, waiting: usize) {
        while (pool.running(), pool.waiting()) != (running, waiting) {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn no_more_run_than_there_are_threads() {
        let pool = pool(2, 5, 100);
        let (first, one) = held(&pool, 1);
        let (_second, _two) = held(&pool, 1);
        let (_third, _three) = held(&pool, 1);
        until(&pool, 2, 1).await;
        drop(first);
        assert_eq!(one.await.unwrap(), Ok(()));
        until(&pool, 2, 0).await;
    }

    #[tokio::test]
    async fn no_more_run_than_the_memory_bears() {
        let pool = pool(4, 4, 100);
        let (first, one) = held(&pool, 60);
        until(&pool, 1, 0).await;
        let (_second, _two) = held(&pool, 60);
        until(&pool, 1, 1).await;
        for _ in 0..100 {
            yield_now().await;
        }
        assert_eq!((pool.running(), pool.waiting()), (1, 1));
        drop(first);
        assert_eq!(one.await.unwrap(), Ok(()));
        until(&pool, 1, 0).await;
    }

    #[tokio::test]
    async fn one_that_needs_more_memory_than_there_is_runs_alone() {
        let pool = pool(4, 4, 100);
        let (_first, _one) = held(&pool, 5000);
        until(&pool, 1, 0).await;
        let (_second, _two) = held(&pool, 1);
        until(&pool, 1, 1).await;
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once_and_says_when_to_come_back() {
        let pool = pool(1, 1, 100);
        let (first, one) = held(&pool, 1);
        until(&pool, 1, 0).await;
        let (_second, _two) = held(&pool, 1);
        until(&pool, 1, 1).await;
        let refused = pool.run(Caller::ANYBODY, Cost { memory_kib: 1, microseconds: 1 }, |_| ()).await;
        assert_eq!(refused, Err(HashError::Busy { retry_after_seconds: 6 }));

        drop(first);
        assert_eq!(one.await.unwrap(), Ok(()));
        until(&pool, 1, 0).await;
        let (_third, _three) = held(&pool, 1);
        until(&pool, 1, 1).await;
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_frees_its_place_in_the_queue() {
        let pool = pool(1, 1, 100);
        let (first, _one) = held(&pool, 1);
        until(&pool, 1, 0).await;
        let (_second, two) = held(&pool, 1);
        until(&pool, 1, 1).await;
        two.abort();
        assert!(two.await.unwrap_err().is_cancelled());
        assert_eq!((pool.running(), pool.waiting()), (1, 0));

        let (third, three) = held(&pool, 1);
        until(&pool, 1, 1).await;
        drop((first, third));
        assert_eq!(three.await.unwrap(), Ok(()));
        assert_eq!((pool.running(), pool.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_later_does_not_free_what_is_in_use() {
        let pool = pool(1, 1, 100);
        let (first, one) = held(&pool, 1);
        until(&pool, 1, 0).await;
        one.abort();
        assert!(one.await.unwrap_err().is_cancelled());
        assert_eq!(pool.running(), 1);
        drop(first);
        until(&pool, 0, 0).await;
    }

    #[tokio::test]
    async fn a_job_that_panics_frees_everything() {
        let pool = pool(1, 0, 100);
        let cost = Cost { memory_kib: 100, microseconds: 1 };
        assert_eq!(
            pool.run(Caller::ANYBODY, cost, |_| panic!("on purpose")).await,
            Err::<(), _>(HashError::Interrupted)
        );
        until(&pool, 0, 0).await;
        assert_eq!(pool.run(Caller::ANYBODY, cost, |_| 7).await, Ok(7));
    }

    const FLOOD: Caller = Caller::new(1);
    const OTHER: Caller = Caller::new(2);

    #[tokio::test]
    async fn a_client_with_two_hundred_in_flight_does_not_delay_another() {
        let pool = pool(1, 256, 100);
        let (first, _one) = held_by(&pool, FLOOD, 1);
        until(&pool, 1, 0).await;
        let done = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for number in 0..201 {
            // The other client comes last, after two hundred of the first.
            let caller = if number == 200 { OTHER } else { FLOOD };
            let (served, done) = (pool.clone(), done.clone());
            let cost = Cost { memory_kib: 1, microseconds: 1 };
            tasks.push(tokio::spawn(async move { served.run(caller, cost, move |_| done.lock().push(caller)).await }));
            until(&pool, 1, number + 1).await;
        }
        until(&pool, 1, 201).await;
        drop(first);
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok(()));
        }
        let place = done.lock().iter().position(|caller| *caller == OTHER);
        assert!(place.is_some_and(|place| place <= 1), "the other client was number {place:?}");
    }

    #[tokio::test]
    async fn in_a_full_queue_the_greedy_client_gives_its_place_to_another() {
        let pool = pool(1, 2, 100);
        let (first, _one) = held_by(&pool, FLOOD, 1);
        until(&pool, 1, 0).await;
        let (second, two) = held_by(&pool, FLOOD, 1);
        until(&pool, 1, 1).await;
        let (_third, three) = held_by(&pool, FLOOD, 1);
        until(&pool, 1, 2).await;
        let refused = pool.run(FLOOD, Cost { memory_kib: 1, microseconds: 1 }, |_| ()).await;
        assert!(matches!(refused, Err(HashError::Busy { .. })), "{refused:?}");

        let (fourth, four) = held_by(&pool, OTHER, 1);
        assert!(matches!(three.await.unwrap(), Err(HashError::Busy { .. })));
        until(&pool, 1, 2).await;
        drop((first, second, fourth));
        assert_eq!(four.await.unwrap(), Ok(()));
        assert_eq!(two.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_refused_at_once_and_others_are_not() {
        // Each job says it takes three seconds.
        let pool = with_patience(1, 100, 100, Duration::from_secs(7));
        let mut held = Vec::new();
        for waiting in 0..4 {
            held.push(held_by(&pool, FLOOD, 1));
            until(&pool, 1, waiting).await;
        }
        let cost = Cost { memory_kib: 1, microseconds: 1 };
        let refused = pool.run(FLOOD, cost, |_| ()).await;
        assert!(matches!(refused, Err(HashError::Busy { .. })), "{refused:?}");
        let (_other, _task) = held_by(&pool, OTHER, 1);
        until(&pool, 1, 4).await;
    }

    #[tokio::test]
    async fn work_that_came_too_late_is_not_done() {
        let pool = with_patience(1, 100, 100, Duration::from_millis(20));
        let cost = Cost { memory_kib: 1, microseconds: 1 };
        let (first, _one) = held_by(&pool, FLOOD, 1);
        until(&pool, 1, 0).await;
        let late = pool.run(FLOOD, cost, |_| ());
        let release = async {
            tokio::time::sleep(Duration::from_millis(40)).await;
            drop(first);
        };
        let (late, ()) = tokio::join!(late, release);
        assert!(matches!(late, Err(HashError::Busy { .. })), "{late:?}");
        until(&pool, 0, 0).await;
        assert_eq!(pool.run(FLOOD, cost, |_| 7).await, Ok(7));
    }
}

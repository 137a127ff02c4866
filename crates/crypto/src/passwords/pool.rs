//! The pool: so many at once, so much memory at once, so many waiting, and the rest is told to come back. First come,
//! first served. Nothing here knows what is hashed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::HashError;
use super::nominal::Cost;

/// What hashing may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// How many passwords are hashed at once, each on a thread that may block.
    pub threads: usize,
    /// How many more may wait.
    pub queue: usize,
    /// The memory of all that are hashed at once, in KiB. One that needs more than this runs alone.
    pub memory_kib: u32,
}

impl PoolLimits {
    /// A thread for each core of this machine, and room for `queue` more to wait.
    pub fn for_this_machine(queue: usize, memory_kib: u32) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { threads, queue, memory_kib }
    }
}

#[derive(Debug)]
pub(super) struct Pool {
    threads: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    limits: PoolLimits,
    gauges: Arc<Gauges>,
}

#[derive(Debug, Default)]
struct Gauges {
    /// Waiting and running.
    present: AtomicUsize,
    running: AtomicUsize,
    /// The nominal time of all that are present.
    microseconds: AtomicU64,
}

impl Pool {
    pub(super) fn new(limits: PoolLimits) -> Self {
        let limits = PoolLimits { threads: limits.threads.max(1), memory_kib: limits.memory_kib.max(1), ..limits };
        Self {
            threads: Arc::new(Semaphore::new(limits.threads)),
            memory: Arc::new(Semaphore::new(limits.memory_kib as usize)),
            limits,
            gauges: Arc::default(),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.gauges.present.load(Ordering::Relaxed).saturating_sub(self.running())
    }

    pub(super) fn running(&self) -> usize {
        self.gauges.running.load(Ordering::Relaxed)
    }

    /// Runs `job` when it is its turn. Dropping the future before that gives the place up; a job that runs, ends.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        cost: Cost,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let place = self.take_place(cost)?;
        let interrupted = |_| HashError::Interrupted;
        let thread = self.threads.clone().acquire_owned().await.map_err(interrupted)?;
        let needed = cost.memory_kib.min(self.limits.memory_kib);
        let memory = self.memory.clone().acquire_many_owned(needed).await.map_err(interrupted)?;
        let running = Running::start(&self.gauges);
        // What it holds moves with the job: a caller that goes away does not free what is still in use.
        let task = tokio::task::spawn_blocking(move || {
            let outcome = job();
            drop((running, memory, thread, place));
            outcome
        });
        task.await.map_err(|_| HashError::Interrupted)
    }

    fn take_place(&self, cost: Cost) -> Result<Place, HashError> {
        let most = self.limits.threads + self.limits.queue;
        let taken = self
            .gauges
            .present
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |present| (present < most).then_some(present + 1));
        if taken.is_err() {
            return Err(HashError::Busy { retry_after_seconds: self.seconds_until_empty() });
        }
        self.gauges.microseconds.fetch_add(cost.microseconds, Ordering::Relaxed);
        Ok(Place { gauges: self.gauges.clone(), microseconds: cost.microseconds })
    }

    fn seconds_until_empty(&self) -> u32 {
        let each = self.gauges.microseconds.load(Ordering::Relaxed) / self.limits.threads as u64;
        u32::try_from(each.div_ceil(1_000_000)).unwrap_or(u32::MAX).clamp(1, 60)
    }
}

/// A place among those that wait or run, until it is dropped.
struct Place {
    gauges: Arc<Gauges>,
    microseconds: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gauges.present.fetch_sub(1, Ordering::Relaxed);
        self.gauges.microseconds.fetch_sub(self.microseconds, Ordering::Relaxed);
    }
}

struct Running(Arc<Gauges>);

impl Running {
    fn start(gauges: &Arc<Gauges>) -> Self {
        gauges.running.fetch_add(1, Ordering::Relaxed);
        Self(gauges.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    fn pool(threads: usize, queue: usize, memory_kib: u32) -> Arc<Pool> {
        Arc::new(Pool::new(PoolLimits { threads, queue, memory_kib }))
    }

    /// A job that runs until its sender is dropped.
    fn held(pool: &Arc<Pool>, memory_kib: u32) -> (Sender<()>, JoinHandle<Result<(), HashError>>) {
        let (hold, release) = channel::<()>();
        let pool = pool.clone();
        let cost = Cost { memory_kib, microseconds: 3_000_000 };
        let job = move || {
            let _ = release.recv();
        };
        (hold, tokio::spawn(async move { pool.run(cost, job).await }))
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
        let refused = pool.run(Cost { memory_kib: 1, microseconds: 1 }, || ()).await;
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
        assert_eq!(pool.run(cost, || panic!("on purpose")).await, Err::<(), _>(HashError::Interrupted));
        until(&pool, 0, 0).await;
        assert_eq!(pool.run(cost, || 7).await, Ok(7));
    }
}

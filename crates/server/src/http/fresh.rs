//! What is looked for when somebody asks, and at most once a second, however many ask.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// What was found is told for so long.
const FRESH: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Fresh<T> {
    last: Arc<Mutex<Option<(Instant, T)>>>,
}

impl<T> Default for Fresh<T> {
    fn default() -> Self {
        Self { last: Arc::default() }
    }
}

impl<T: Clone + Send + 'static> Fresh<T> {
    /// What was found not long ago, or what `look` finds; `None` if that broke off. It looks to the end even if who asked has
    /// gone: else one who comes and goes would have it look without end.
    pub(super) async fn get<F>(&self, look: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut last = self.last.clone().lock_owned().await;
        if let Some((_, found)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return Some(found.clone());
        }
        let looking = look();
        let looked = tokio::spawn(async move {
            let found = looking.await;
            *last = Some((Instant::now(), found.clone()));
            found
        });
        looked.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_have_it_looked_at_once_a_second() {
        let (fresh, looks) = (Fresh::default(), Arc::new(AtomicU32::new(0)));
        let ask = || {
            let looks = looks.clone();
            fresh.get(|| async move {
                tokio::time::sleep(Duration::from_millis(400)).await;
                looks.fetch_add(1, Ordering::Relaxed);
                true
            })
        };
        // Who goes before the answer has it looked at all the same, and only once.
        for _ in 0..50 {
            let _ = tokio::time::timeout(Duration::from_millis(2), ask()).await;
        }
        let all = futures_util::future::join_all((0..50).map(|_| ask())).await;
        assert!(all.iter().all(|found| *found == Some(true)));
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        tokio::time::sleep(FRESH).await;
        ask().await;
        assert_eq!(looks.load(Ordering::Relaxed), 2);
    }
}

//! Work on several threads whose result does not depend on how many there are.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What `make` makes of each number below `count`, in order. Each thread works with a state of its own.
pub(crate) fn map<S: Default, T: Send>(
    count: usize,
    threads: NonZeroUsize,
    make: impl Fn(usize, &mut S) -> T + Sync,
) -> Vec<T> {
    let mut made = Vec::with_capacity(count);
    let done: Result<(), std::convert::Infallible> = in_order(
        count,
        threads,
        |number, state| Ok(make(number, state)),
        |value| {
            made.push(value);
            Ok(())
        },
    );
    let Ok(()) = done;
    made
}

/// Makes something of each number below `count` on several threads, and gives one after the other to `take`, in order.
///
/// At most one thing a thread is made and not yet taken.
///
/// # Errors
///
/// Returns the first error in order; what comes behind it is not taken.
pub(crate) fn in_order<S: Default, T: Send, E: Send>(
    count: usize,
    threads: NonZeroUsize,
    make: impl Fn(usize, &mut S) -> Result<T, E> + Sync,
    take: impl FnMut(T) -> Result<(), E> + Send,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let line = Line {
        turn: Mutex::new(Turn {
            number: 0,
            end: None,
            take,
        }),
        moved: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 0..threads.get().min(count) {
            scope.spawn(|| {
                let mut state = S::default();
                let place = Place(&line);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count || !place.hand_in(number, make(number, &mut state)) {
                        break;
                    }
                }
            });
        }
    });
    let turn = line
        .turn
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    turn.end.map_or(Ok(()), Err)
}

struct Line<F, E> {
    turn: Mutex<Turn<F, E>>,
    moved: Condvar,
}

struct Turn<F, E> {
    number: usize,
    end: Option<E>,
    take: F,
}

/// A thread's place in the line. A thread that panics ends the line, so that nobody waits for it.
struct Place<'l, F, E>(&'l Line<F, E>);

const OVER: usize = usize::MAX;

impl<F, E> Place<'_, F, E> {
    fn lock(&self) -> MutexGuard<'_, Turn<F, E>> {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for its turn and hands in what was made; whether there is any sense in going on.
    fn hand_in<T>(&self, number: usize, made: Result<T, E>) -> bool
    where
        F: FnMut(T) -> Result<(), E>,
    {
        let mut turn = self.lock();
        while turn.number != number && turn.number != OVER {
            turn = self
                .0
                .moved
                .wait(turn)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if turn.number == OVER {
            return false;
        }
        let taken = made.and_then(|made| (turn.take)(made));
        turn.number = match taken {
            Ok(()) => number + 1,
            Err(error) => {
                turn.end = Some(error);
                OVER
            }
        };
        self.0.moved.notify_all();
        turn.number != OVER
    }
}

impl<F, E> Drop for Place<'_, F, E> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.lock().number = OVER;
            self.0.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

    #[test]
    fn results_come_in_order_whoever_is_first() {
        let squares = map(20, THREE, |number, (): &mut ()| {
            thread::sleep(Duration::from_millis(20 - number as u64));
            number * number
        });
        assert!(
            squares
                .iter()
                .enumerate()
                .all(|(number, square)| number * number == *square)
        );
    }

    #[test]
    fn the_first_error_in_order_ends_the_work() {
        let mut taken = Vec::new();
        let done = in_order(
            10,
            THREE,
            |number, (): &mut ()| if number < 4 { Ok(number) } else { Err(number) },
            |number| {
                taken.push(number);
                Ok(())
            },
        );
        assert_eq!(done, Err(4));
        assert_eq!(taken, [0, 1, 2, 3]);
    }

    #[test]
    fn a_panic_leaves_nobody_waiting() {
        let panicked = std::panic::catch_unwind(|| {
            map(6, THREE, |number, (): &mut ()| assert_ne!(number, 1));
        });
        assert!(panicked.is_err());
    }
}

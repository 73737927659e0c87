//! Work on several threads whose result does not depend on how many there are.

use std::collections::BTreeMap;
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
/// A thread that is early leaves what it made in the line and goes on. At most one thing a thread waits there, besides
/// the one that each thread works on.
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
        room: 2 * threads.get(),
        turn: Mutex::new(Turn {
            number: 0,
            waiting: BTreeMap::new(),
            taker: Some(take),
            end: None,
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

struct Line<F, T, E> {
    /// How far ahead of the next number a thread may hand in.
    room: usize,
    turn: Mutex<Turn<F, T, E>>,
    moved: Condvar,
}

struct Turn<F, T, E> {
    /// The number that is taken next.
    number: usize,
    waiting: BTreeMap<usize, Result<T, E>>,
    /// `None` while a thread uses it.
    taker: Option<F>,
    end: Option<E>,
}

/// A thread's place in the line. A thread that panics ends the line, so that nobody waits for it.
struct Place<'l, F, T, E>(&'l Line<F, T, E>);

const OVER: usize = usize::MAX;

impl<'l, F, T, E> Place<'l, F, T, E> {
    fn lock(&self) -> MutexGuard<'l, Turn<F, T, E>> {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands in what was made once there is room, and gives on what is due; whether there is any sense in going on.
    fn hand_in(&self, number: usize, made: Result<T, E>) -> bool
    where
        F: FnMut(T) -> Result<(), E>,
    {
        let mut turn = self.lock();
        while turn.number != OVER && number >= turn.number + self.0.room {
            turn = self
                .0
                .moved
                .wait(turn)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if turn.number == OVER {
            return false;
        }
        turn.waiting.insert(number, made);
        self.give_on(turn)
    }

    /// Takes what is due, unless another thread does: it will find this, too.
    fn give_on(&self, mut turn: MutexGuard<'l, Turn<F, T, E>>) -> bool
    where
        F: FnMut(T) -> Result<(), E>,
    {
        let Some(mut taker) = turn.taker.take() else {
            return true;
        };
        loop {
            let due = turn.number;
            let Some(made) = turn.waiting.remove(&due) else {
                break;
            };
            drop(turn);
            let taken = made.and_then(&mut taker);
            turn = self.lock();
            match taken {
                Ok(()) if turn.number == due => turn.number = due + 1,
                Ok(()) => break,
                Err(error) => {
                    turn.end = Some(error);
                    turn.number = OVER;
                }
            }
            self.0.moved.notify_all();
        }
        turn.taker = Some(taker);
        turn.number != OVER
    }
}

impl<F, T, E> Drop for Place<'_, F, T, E> {
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
    fn who_is_early_goes_on_but_not_far() {
        let (made, most_ahead) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut taken = 0;
        let done: Result<(), ()> = in_order(
            30,
            THREE,
            |number, (): &mut ()| {
                // The others get as far as they are let: five wait, two have no room.
                for _ in 0..10_000 {
                    if number > 0 || made.load(Ordering::SeqCst) == 7 {
                        break;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
                made.fetch_add(1, Ordering::SeqCst);
                Ok(())
            },
            |()| {
                most_ahead.fetch_max(made.load(Ordering::SeqCst) - taken, Ordering::SeqCst);
                taken += 1;
                Ok(())
            },
        );
        let most_ahead = most_ahead.into_inner();
        assert_eq!((done, taken), (Ok(()), 30));
        assert_eq!(most_ahead, 8);
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

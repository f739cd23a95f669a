//! What holds when several threads use one store.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{Fixture, NOW, some_id};
use crate::store::{Call, Expect, Patch, Write, Written};

const THREADS: usize = 4;
const ROUNDS: usize = 50;

pub(in crate::store) fn concurrent_compare_and_swap_loses_no_update(fixture: &Fixture) {
    if !fixture.store.capabilities().compare_and_swap {
        return;
    }
    let id = some_id();
    fixture.stored(&id, b"0");
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut done = 0;
                while done < ROUNDS {
                    let record = fixture.store.load(&id, &Call::at(NOW)).unwrap().unwrap();
                    let count: usize = std::str::from_utf8(&record.data).unwrap().parse().unwrap();
                    let next = (count + 1).to_string();
                    let expect = Expect::Version(record.version);
                    if fixture.store.write(&Write::new(&id, next.as_bytes(), expect), &Call::at(NOW)).unwrap()
                        != Written::Refused
                    {
                        done += 1;
                    }
                }
            });
        }
    });
    assert_eq!(fixture.data(&id).unwrap(), (THREADS * ROUNDS).to_string().as_bytes());
}

pub(in crate::store) fn of_concurrent_creators_one_succeeds(fixture: &Fixture) {
    if !fixture.store.capabilities().compare_and_swap {
        return;
    }
    for _ in 0..ROUNDS {
        let id = some_id();
        let start = Barrier::new(THREADS);
        let create = |number: usize| {
            start.wait();
            fixture
                .store
                .write(
                    &Write::new(&id, &[b'0' + u8::try_from(number).unwrap()], Expect::Absent),
                    &Call::at(NOW),
                )
                .unwrap()
        };
        let outcomes: Vec<Written> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || create(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<usize> =
            (0..THREADS).filter(|&number| outcomes[number] != Written::Refused).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(fixture.data(&id).unwrap(), [b'0' + u8::try_from(winners[0]).unwrap()]);
    }
}

pub(in crate::store) fn readers_never_see_a_mixture_and_never_nothing(fixture: &Fixture) {
    let id = some_id();
    let state = |number: usize| vec![b'a' + u8::try_from(number % 26).unwrap(); 1000 + 3000 * (number % 3)];
    fixture.stored(&id, &state(0));
    let writing = AtomicBool::new(true);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while writing.load(Ordering::Relaxed) {
                    let record = fixture.store.load(&id, &Call::at(NOW)).unwrap().unwrap();
                    assert!(record.data.iter().all(|byte| *byte == record.data[0]));
                    assert!([1000, 4000, 7000].contains(&record.data.len()));
                }
            });
        }
        for number in 0..ROUNDS * 4 {
            fixture.stored(&id, &state(number));
        }
        writing.store(false, Ordering::Relaxed);
    });
}

pub(in crate::store) fn touches_among_writers_never_mix_states(fixture: &Fixture) {
    let id = some_id();
    // A state begins with its letter eight times over, in lower or upper case, and is that letter throughout.
    let state = |number: usize| vec![b'a' + u8::try_from(number % 26).unwrap(); 3000];
    fixture.stored(&id, &state(0));
    let writing = AtomicBool::new(true);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while writing.load(Ordering::Relaxed) {
                    let record = fixture.store.load(&id, &Call::at(NOW)).unwrap().unwrap();
                    let letter = record.data[8];
                    let (head, rest) = record.data.split_at(8);
                    assert!(rest.iter().all(|byte| *byte == letter));
                    assert!(
                        head.iter().all(|byte| *byte == letter) || head == [letter.to_ascii_uppercase(); 8]
                    );
                    let bytes = [letter.to_ascii_uppercase(); 8];
                    assert!(
                        fixture
                            .store
                            .patch(&Patch::new(&id, record.version, 0, &bytes), &Call::at(NOW))
                            .unwrap()
                    );
                }
            });
        }
        for number in 0..ROUNDS * 4 {
            fixture.stored(&id, &state(number));
        }
        writing.store(false, Ordering::Relaxed);
    });
}

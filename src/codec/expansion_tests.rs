//! The laws of what a pickle may cost.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn is_modest(pickle: &[u8]) -> bool {
    weigh(pickle).is_some()
}

fn keys(pickle: &[u8]) -> Option<u64> {
    weigh(pickle)
}

/// The machine after the last instruction that it takes.
fn run(pickle: &[u8]) -> Machine {
    let mut machine = Machine::new(pickle.len());
    let mut steps = Steps::new(pickle);
    while let Some(step) = steps.next() {
        if step == Step::Stop || machine.take(step).is_none() {
            break;
        }
    }
    machine
}

/// Of the pickles that `make` makes, given how often to repeat something and how many bytes to put beside it, one that
/// costs `over` more than it may. Without either it costs `fixed`, each repetition costs `each`, each byte 1.
fn costing(over: u64, fixed: u64, each: u64, make: impl Fn(usize, usize) -> Vec<u8>) -> Vec<u8> {
    let base = make(0, 0).len();
    let length = make(1, 0).len() - base;
    let found = (0..).find_map(|times: usize| {
        let cost = fixed + each * times as u64;
        let beyond = cost.checked_sub(most_work(base + length * times) + over)?;
        // A byte more costs 1 and allows 100.
        beyond.is_multiple_of(99).then(|| make(times, usize::try_from(beyond / 99).unwrap()))
    });
    found.unwrap()
}

/// `()`, then a tuple of the value before twice, and so on; each remembered, none written twice.
fn doubled(times: u8) -> Vec<u8> {
    let mut pickle = b"\x80\x02)".to_vec();
    for id in 0..times {
        pickle.extend([b'q', id, b'h', id, 0x86]);
    }
    pickle.push(b'.');
    pickle
}

fn nested(times: usize) -> Vec<u8> {
    [&b"\x80\x02)"[..], &vec![0x85; times], b"."].concat()
}

/// A list of lists, all of them remembered while they are empty; then `parts` are put into each other.
fn grown(parts: impl Iterator<Item = (u8, u8)>) -> Vec<u8> {
    let mut pickle = b"\x80\x02(".to_vec();
    for id in 0..60_u8 {
        pickle.extend([b']', b'q', id]);
    }
    pickle.push(b'l');
    for (whole, part) in parts {
        pickle.extend([b'h', whole, b'h', part, b'a', b'h', part, b'a', b'0']);
    }
    pickle.push(b'.');
    pickle
}

#[test]
fn a_session_is_modest() {
    // pickle.dumps({"a": [1, (2, "x")], "_accessed_time": 1.5}, 2)
    let session =
        b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01K\x02X\x01\x00\x00\x00xq\x03\x86q\x04eX\
        \x0e\x00\x00\x00_accessed_timeq\x05G?\xf8\x00\x00\x00\x00\x00\x00u.";
    assert_eq!(keys(session), Some(0));
    assert!(is_bounded(session));
}

#[test]
fn what_doubles_at_each_step_is_not_modest_for_long() {
    assert!(is_modest(&doubled(10)));
    assert!(!is_modest(&doubled(40)));
    assert!(!is_modest(&doubled(200)));
}

#[test]
fn what_doubles_through_a_list_that_grows_later_is_not_modest() {
    assert!(is_modest(&grown((1..10).map(|id| (id, id - 1)))));
    assert!(!is_modest(&grown((1..60).map(|id| (id, id - 1)))));
}

#[test]
fn what_doubles_through_lists_that_are_filled_from_the_outside_in_is_not_modest() {
    assert!(is_modest(&grown((1..10).rev().map(|id| (id, id - 1)))));
    assert!(!is_modest(&grown((1..60).rev().map(|id| (id, id - 1)))));
}

#[test]
fn a_list_that_holds_itself_is_modest() {
    assert!(is_modest(b"\x80\x02]q\x00h\x00a."));
    assert!(is_modest(&grown([(0, 1), (1, 0), (1, 1), (0, 0)].into_iter())));
}

#[test]
fn what_is_nested_deeper_than_python_pickles_is_not_modest() {
    assert!(is_modest(&nested(999)));
    assert!(!is_modest(&nested(1000)));
    assert!(!is_modest(&nested(200_000)));
}

#[test]
fn what_is_nested_from_the_outside_in_is_not_modest_either() {
    let nested = |times: u16| {
        let mut pickle = b"\x80\x02]r\0\0\0\0".to_vec();
        for id in 0..times {
            let [low, high] = (id + 1).to_le_bytes();
            pickle.extend([b']', b'r', low, high, 0, 0, b'a', b'j', low, high, 0, 0]);
        }
        pickle.extend(b"j\0\0\0\0.");
        pickle
    };
    assert!(is_modest(&nested(999)));
    assert!(!is_modest(&nested(1000)));
    assert!(!is_modest(&nested(60_000)));
}

#[test]
fn what_is_measured_at_the_end_may_be_as_many_values_as_there_may_be_and_no_more() {
    let mut graph = Graph::default();
    let (whole, part) = (graph.add(Node::atom(0, false)), graph.add(Node::atom(0, false)));
    graph.edges = vec![(whole, part); 3];
    assert_eq!(graph.expand(whole, 4), Some(()));
    assert_eq!(graph.expand(whole, 3), None);
}

#[test]
fn only_what_grows_while_something_else_holds_it_is_measured_at_the_end() {
    for (pickle, late) in [
        (&b"]q\0(N]e."[..], false),
        (b"]q\0\x85h\0Na.", true),
        (b"]q\0\x85h\0(e.", false),
        (b"]q\0h\0ah\0Na.", false),
        (b"]q\0h\0a\x85h\0Na.", true),
    ] {
        assert_eq!(run(pickle).grew_late, late, "{pickle:?}");
    }
}

#[test]
fn the_most_work_may_be_done_and_not_one_value_more() {
    let put = |times: usize, beside: usize| {
        let parts = [&b"\x80\x02("[..], &b"N".repeat(20_001), b"tq\x000]"];
        let lists = [&b"h\0a".repeat(times)[..], b"(", &b"N".repeat(beside), b"e."];
        [parts.concat(), lists.concat()].concat()
    };
    for (over, allowed) in [(0, true), (1, false)] {
        let pickle = costing(over, 20_001, 20_002, put);
        assert_eq!(run(&pickle).work, most_work(pickle.len()) + over);
        assert_eq!(is_modest(&pickle), allowed);
    }
}

#[test]
fn the_most_bytes_may_be_hashed_and_not_one_more() {
    let text = |length: usize| {
        [&b"X"[..], &u32::try_from(length).unwrap().to_le_bytes(), &b"x".repeat(length)].concat()
    };
    let hashed = |times: usize, beside: usize| {
        let keys = [&text(20_001)[..], b"q\x000}", &b"h\0Ns".repeat(times)];
        [keys.concat(), text(beside), b"Ns.".to_vec()].concat()
    };
    for (over, allowed) in [(0, true), (1, false)] {
        let pickle = costing(over, 0, 20_001, hashed);
        assert_eq!(run(&pickle).bytes, most_work(pickle.len()) + over);
        assert_eq!(is_modest(&pickle), allowed);
    }
}

#[test]
fn what_cannot_be_followed_is_not_modest() {
    for pickle in [&b""[..], b".", b"\x80\x02", b"a.", b"h\x00.", b"t.", b"\x80\x02\xff."] {
        assert_eq!(is_modest(pickle), pickle == b".", "{pickle:?}");
    }
}

/// What each costs CPython's unpickler: eight bytes for each number up to twice the highest.
#[test]
fn an_index_is_smaller_than_the_pickle_is_long() {
    for pickle in [
        &b"\x80\x02Nr\xff\xff\xff\x7f."[..],
        b"Nr\xff\xff\xff\xff.",
        b"Nr\x00\x01\x00\x00.",
        b"Nr\x07\x00\x00\x00.",
        b"Nq\x04.",
        b"Np5\n.",
        b"Nq\xff.",
        b"Np2147483647\n.",
        b"Np99999999999\n.",
        b"Np99999999999999999999999999\n.",
    ] {
        assert!(!is_modest(pickle) && !is_bounded(pickle), "{pickle:?}");
    }
    for pickle in [&b"Nr\x06\x00\x00\x00."[..], b"Nq\x03.", b"Np4\n."] {
        assert!(is_modest(pickle) && is_bounded(pickle), "{pickle:?}");
    }
}

#[test]
fn a_length_that_is_not_there_is_not_bounded() {
    for pickle in [
        &b"\x96\x00\x00\x00\x00\x00\x01\x00\x00."[..],
        b"\x8e\x00\x00\x00\x00\x00\x01\x00\x00.",
        b"\x8d\x00\x00\x00\x00\x00\x01\x00\x00.",
        b"B\xff\xff\xff\x7f.",
        b"\x8b\xff\xff\xff\x7f.",
        b"T\xff\xff\xff\x7f.",
    ] {
        assert!(!is_modest(pickle) && !is_bounded(pickle), "{pickle:?}");
    }
    // What the unpickler refuses by itself, and what is beyond us and not beyond it.
    assert!(is_bounded(b"\xff."));
    assert!(is_bounded(b"S'ab\n."));
}

#[test]
fn a_call_costs_as_much_as_what_it_is_given() {
    // A bytes object of 10,000 bytes is copied so many times by a reference of two bytes.
    let copied = |times: usize| {
        let mut pickle = b"\x80\x03c__builtin__\nbytearray\nq\0B\x10\x27\0\0".to_vec();
        pickle.extend([b'x'; 10_000]);
        pickle.extend(b"q\x010(");
        pickle.extend(b"h\0h\x01\x85R".repeat(times));
        pickle.extend(b"l.");
        pickle
    };
    assert!(is_modest(&copied(100)));
    assert!(!is_modest(&copied(1000)));
}

#[test]
fn a_key_costs_as_much_as_it_is_long() {
    // A number of 10,000 bytes is hashed anew each time that it is a key.
    let hashed = |times: usize| {
        let mut pickle = b"\x80\x02\x8b\x10\x27\0\0".to_vec();
        pickle.extend([1; 10_000]);
        pickle.extend(b"q\x010}");
        pickle.extend(b"h\x01Ns".repeat(times));
        pickle.push(b'.');
        pickle
    };
    assert!(is_modest(&hashed(100)));
    assert!(!is_modest(&hashed(1000)));
}

#[test]
fn a_number_of_more_digits_than_python_reads_is_not_modest() {
    for opcode in [&b"I"[..], b"L"] {
        let number = |digits: usize| [opcode, &vec![b'1'; digits], b"\n."].concat();
        assert!(is_modest(&number(4300)));
        assert!(!is_modest(&number(4301)));
    }
}

#[test]
fn keys_count_whose_hash_anybody_can_choose() {
    assert_eq!(keys(b"\x80\x02}K\x01Ns."), Some(0));
    assert_eq!(keys(b"\x80\x02}X\x01\0\0\0aNs."), Some(0));
    assert_eq!(keys(b"\x80\x02}\x8a\x02\x01\x01Ns."), Some(0));
    assert_eq!(keys(b"\x80\x02}\x8a\x07\x01\x01\x01\x01\x01\x01\x01Ns."), Some(0));
    assert_eq!(keys(b"\x80\x02}\x8a\x08\x01\x01\x01\x01\x01\x01\x01\x01Ns."), Some(1));
    assert_eq!(keys(b"}I12345678901234567\nNs."), Some(0));
    assert_eq!(keys(b"}I123456789012345678\nNs."), Some(1));
    assert_eq!(keys(b"}L2305843009213693951L\nNs."), Some(1));
    assert_eq!(keys(b"\x80\x02}(K\x01\x85NK\x02\x85Nu."), Some(2));
    assert_eq!(keys(b"\x80\x04\x8f(K\x01\x85K\x02\x85\x90."), Some(2));
    assert_eq!(keys(b"\x80\x04(K\x01\x85K\x02\x85\x91."), Some(2));
    assert_eq!(keys(b"(K\x01\x85K\x02d."), Some(1));
}

proptest! {
    #[test]
    fn no_bytes_panic_and_what_is_modest_is_bounded(pickle in vec(any::<u8>(), 0..300)) {
        prop_assert!(weigh(&pickle).is_none() || is_bounded(&pickle));
    }

    /// Instructions that work more often than not.
    #[test]
    fn no_instructions_cost_more_than_in_proportion_to_their_length(
        parts in vec(prop::sample::select(vec![
            &b"]"[..], b"}", b")", b"(", b"N", b"K\x01", b"q\x00", b"q\x01", b"h\x00", b"h\x01", b"2", b"0",
            b"\x85", b"\x86", b"\x87", b"a", b"e", b"t", b"l", b"s", b"u", b"R", b"b", b"\x8f", b"\x90", b"\x91",
        ]), 0..400),
    ) {
        let pickle = [&parts.concat()[..], b"."].concat();
        let machine = run(&pickle);
        prop_assert!(machine.graph.nodes.len() <= pickle.len());
        prop_assert!(machine.graph.edges.len() <= pickle.len());
        prop_assert!(machine.stack.len() + machine.marks.len() <= pickle.len());
    }
}

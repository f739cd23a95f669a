//! Lists of records, and moves by what they name.

use super::*;

#[test]
fn a_scan_of_files_counts_those_that_do_not_tell_an_id() {
    let folder = TempDir::new().unwrap();
    let store = FileStore::new(folder.path().join("data"), folder.path().join("locks"));
    put(&store, &SessionId::from_program("bob").into(), b"abc");
    put(&store, &SessionId::from_program("b.o.b.by").into(), b"abc");
    let mut scan = store.scan().unwrap();
    let page = scan.next_page(NOW).unwrap().unwrap();
    assert_eq!(page.iter().map(StoreKey::record).collect::<Vec<_>>(), ["b.o.b.by"]);
    assert_eq!(scan.unlisted(), 1);
}

#[test]
fn a_record_moves_by_the_name_that_a_scan_lists() {
    for pair in Pair::all() {
        let id = SessionId::generate();
        for key in [StoreKey::plain(&id), StoreKey::hashed(&id)] {
            put(&*pair.old, &key, b"abc");
            let listed = StoreKey::of_record(key.record());
            assert_eq!(data(&pair.store(Phase::Move), &listed).unwrap(), b"abc");
            assert_eq!(data(&*pair.new, &key).unwrap(), b"abc");
            assert!(data(&*pair.old, &key).is_none());
        }
    }
}

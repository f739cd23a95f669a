//! Records and locks that Beaker 1.14.1 left.

use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

const PLAIN: &str = "3f2b0c9d8e7a46519b0c1d2e3f4a5b6c";
const DOTTED: &str = "3f2b0c9d8e7a46519b0c1d2e3f4a5b6c.progress.upload";

/// A store over a copy of the original's folder.
fn originals() -> Home {
    let folder = TempDir::new().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/golden/file-store");
    for from in everything_in(&golden).into_iter().filter(|path| path.is_file()) {
        let to = folder.path().join(from.strip_prefix(&golden).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&from, &to).unwrap();
        // As the original leaves them.
        let mode = if to.extension().is_some_and(|extension| extension == "lock") { 0o755 } else { 0o644 };
        fs::set_permissions(&to, fs::Permissions::from_mode(mode)).unwrap();
    }
    let store =
        FileStore::new(folder.path().join("container_file"), folder.path().join("container_file_lock"));
    Home { folder, store, wait: Duration::from_millis(20) }
}

fn holds(text: &[u8], name: &str) -> bool {
    let pickle = STANDARD.decode(text).unwrap();
    pickle.windows(7).any(|part| part == b"user_id")
        && pickle.windows(name.len() + 1).any(|part| part == [name.as_bytes(), b"q"].concat())
}

#[test]
fn its_records_are_read() {
    let home = originals();
    for id in [sent(PLAIN), key(DOTTED)] {
        assert!(holds(&home.data(&id).unwrap(), id.record()));
    }
}

#[test]
fn its_dotted_records_are_not_a_browsers_to_read() {
    let home = originals();
    assert_eq!(home.data(&sent(DOTTED)), None);
    assert_eq!(home.data(&sent(format!(".{PLAIN}"))), None);
}

#[test]
fn its_files_and_locks_are_where_ours_are() {
    let home = originals();
    let before = home.everything().len();
    for id in [PLAIN, DOTTED].map(key) {
        assert!(home.data_file(&id).is_file());
        assert!(home.store.lock_file(&id).is_file());
        home.write(&id, b"ours");
    }
    // The lock of the id that the dotted one could meet in its file, in a folder of its own.
    assert_eq!(home.everything().iter().filter(|path| path.is_file()).count(), 6);
    assert!(home.everything().len() <= before + 3);
}

#[test]
fn its_records_are_touched_in_place() {
    let home = originals();
    for id in [PLAIN, DOTTED].map(key) {
        let record = home.store.load(&id, &Call::at(NOW)).unwrap().unwrap();
        let at = record.data.len() - 8;
        assert!(home.touch(&id, record.version, at, b"12345678").unwrap());
        let data = home.data(&id).unwrap();
        assert_eq!(&data[..at], &record.data[..at]);
        assert_eq!(&data[at..], b"12345678");
    }
}

#[test]
fn its_records_are_removed_with_their_locks() {
    let home = originals();
    for id in [PLAIN, DOTTED].map(key) {
        let _ = home.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
        assert_eq!(home.data(&id), None);
    }
    assert_eq!(home.everything().iter().filter(|path| path.is_file()).count(), 1);
}

#[test]
fn its_readers_keep_a_writer_waiting() {
    let home = originals();
    let store = &home.store;
    let id = key(PLAIN);
    let reader = fs::File::open(home.store.lock_file(&id)).unwrap();
    reader.lock_shared().unwrap();
    let error = store.write(&Write::new(&id, b"x", Expect::Any), &home.at(NOW)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(store.load(&id, &Call::at(NOW)).unwrap().is_some());
}

//! What depends on the process: its umask, its limits. Each test runs itself again in a process of its own,
//! which a shell prepares.

use std::process::Command;

use super::*;

const INNER: &str = "BEAKER_TEST_INNER";

/// Runs the test `name` of this module again behind `prepare`. `true` in the process that is to do the work.
fn is_inner_of(name: &str, prepare: &str) -> bool {
    if std::env::var_os(INNER).is_some() {
        return true;
    }
    let module = module_path!().split_once("::").unwrap().1;
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("{prepare}; exec \"$0\" --exact \"$1\" --nocapture"))
        .arg(std::env::current_exe().unwrap())
        .arg(format!("{module}::{name}"))
        .env(INNER, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{complained}");
    false
}

#[test]
fn modes_are_private_when_the_umask_takes_nothing() {
    if is_inner_of("modes_are_private_when_the_umask_takes_nothing", "umask 0000") {
        what_is_made_is_private();
    }
}

#[test]
fn modes_are_private_when_the_umask_takes_everything() {
    if is_inner_of("modes_are_private_when_the_umask_takes_everything", "umask 0777") {
        let folder = std::env::temp_dir().join(format!("beaker-test-{}", std::process::id()));
        ensure_private_dir(&folder).unwrap();
        let store = FileStore::new(folder.join("data"), folder.join("locks"));
        let _ = store.write(&Write::new(&new_key(), b"x", Expect::Any), &Call::at(NOW)).unwrap();
        for path in everything_in(&folder) {
            assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{path:?}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn a_write_for_which_there_is_no_room_keeps_the_old_record_and_leaves_no_temporary_file() {
    let name = "a_write_for_which_there_is_no_room_keeps_the_old_record_and_leaves_no_temporary_file";
    // A process that ignores the signal is told by an error that the file may not grow.
    if is_inner_of(name, "trap '' XFSZ; ulimit -f 16") {
        let home = Home::new();
        let id = new_key();
        home.write(&id, b"old");
        let error =
            home.store.write(&Write::new(&id, &[b'n'; 100_000], Expect::Any), &Call::at(NOW)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(home.data(&id).unwrap(), b"old");
        assert_eq!(home.everything().iter().filter(|path| path.is_file()).count(), 2);
    }
}

#[test]
fn a_process_that_has_no_file_descriptor_left_finds_no_session_absent() {
    let name = "a_process_that_has_no_file_descriptor_left_finds_no_session_absent";
    if is_inner_of(name, "ulimit -n 64") {
        let home = Home::new();
        let id = new_key();
        let version = home.write(&id, b"x");
        let mut taken = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            taken.push(file);
        }
        let unknown = new_key();
        let kinds = [
            home.store.load(&id, &Call::at(NOW)).unwrap_err().kind(),
            home.store.load(&unknown, &Call::at(NOW)).unwrap_err().kind(),
            home.touch(&id, version, 0, b"y").unwrap_err().kind(),
            home.store.write(&Write::new(&id, b"y", Expect::Any), &Call::at(NOW)).unwrap_err().kind(),
            home.store.write(&Write::new(&id, b"y", Expect::Present), &Call::at(NOW)).unwrap_err().kind(),
            home.store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap_err().kind(),
        ];
        drop(taken);
        assert!(kinds.iter().all(|kind| *kind == ErrorKind::Unavailable), "{kinds:?}");
        assert_eq!(home.data(&id).unwrap(), b"x");
    }
}

#[test]
fn a_removal_is_brought_to_the_disk_where_a_save_is() {
    if is_inner_of("a_removal_is_brought_to_the_disk_where_a_save_is", "ulimit -n 64") {
        for durability in [Durability::Beaker, Durability::Process, Durability::Full] {
            let home = Home::new();
            let store = home.store.clone().with_durability(durability);
            let id = new_key();
            home.write(&id, b"x");
            let visit = store.folders.visit(Duration::ZERO);
            assert!(visit.unlink(&home.folder.path().join("missing/x")).is_ok());
            let mut taken = Vec::new();
            while let Ok(file) = fs::File::open("/dev/null") {
                taken.push(file);
            }
            // That takes a descriptor, and the removal alone takes none.
            let removed = visit.unlink(&store.data_file(&id));
            drop(taken);
            let kind = removed.map_err(|error| error.kind());
            let expected = if durability == Durability::Full { Err(ErrorKind::Unavailable) } else { Ok(()) };
            assert_eq!(kind, expected, "{durability:?}");
            assert_eq!(home.data(&id), None);
        }
    }
}

//! Whatever a save survives, the laws are the same.

use std::io;
use std::os::fd::AsRawFd;

use super::*;
use crate::store::Redirect;

fn fixture_of(durability: Durability) -> Fixture {
    let home = Arc::new(Home::new());
    let store = home.store.clone().with_lifetime(Some(LIFETIME)).with_durability(durability);
    Fixture::new(Arc::new(store), move || home.everything().len())
}

mod that_ends_with_the_process {
    use super::*;

    fn fixture() -> Fixture {
        fixture_of(Durability::Process)
    }

    laws!(fixture);
    sweep_laws!(fixture);
    lock_laws!(fixture);
}

mod of_the_disk {
    use super::*;

    fn fixture() -> Fixture {
        fixture_of(Durability::Full)
    }

    laws!(fixture);
    sweep_laws!(fixture);
    lock_laws!(fixture);
}

const ALL: [Durability; 3] = [Durability::Beaker, Durability::Process, Durability::Full];

#[test]
fn no_temporary_file_is_left_whatever_a_save_survives() {
    for durability in ALL {
        let home = Home::new();
        let store = home.store.clone().with_durability(durability);
        let id = new_key();
        for round in 0..5_u8 {
            let _ = store.write(&Write::new(&id, &[b'a' + round], Expect::Any), &Call::at(NOW)).unwrap();
            assert_eq!(mode(&store.data_file(&id)), 0o600);
        }
        assert_eq!(home.data(&id).unwrap(), b"e");
        assert_eq!(home.everything().iter().filter(|path| path.is_file()).count(), 2);
        let _ = store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap();
        assert_eq!(home.everything().iter().filter(|path| path.is_file()).count(), 0);
    }
}

#[test]
fn a_save_that_need_not_reach_the_disk_changes_names_with_the_old_record() {
    for durability in ALL {
        let home = Home::new();
        let store = home.store.clone().with_durability(durability);
        let id = new_key();
        home.write(&id, b"old");
        let old = fs::File::open(store.data_file(&id)).unwrap();
        let _ = store.write(&Write::new(&id, b"new", Expect::Any), &Call::at(NOW)).unwrap();
        assert_eq!(ended_as_temporary(&old), durability == Durability::Process, "{durability:?}");
    }
}

#[test]
fn a_rotation_that_survives_a_power_cut_sets_the_old_record_aside_first() {
    for durability in ALL {
        for old in ["abc", "a.bc"] {
            let home = Home::new();
            let store = home.store.clone().with_durability(durability);
            let [old, new] = [old, "new"].map(key);
            home.write(&old, b"x");
            let file = fs::File::open(store.data_file(&old)).unwrap();
            let _ = store.rotate(&Rotation::new(&old, &new, b"y", Expect::Present), &Call::at(NOW)).unwrap();
            assert_eq!(ended_as_temporary(&file), durability == Durability::Full, "{durability:?}");
        }
    }
}

/// Whether a file that has gone had the name of a temporary one at its end.
fn ended_as_temporary(file: &fs::File) -> bool {
    let last = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    let name = last.file_name().unwrap().to_str().unwrap();
    is_temporary(name.strip_suffix(" (deleted)").unwrap().as_ref())
}

#[test]
fn a_save_that_survives_a_power_cut_fails_where_a_name_cannot_be_brought_to_the_disk() {
    for durability in ALL {
        let home = Home::new();
        let (dotted, plain) = (key("a.bc"), key("abc"));
        // By this path the name of the folder is one of the process, which is on no disk.
        let folder = fs::File::open(home.folder.path()).unwrap();
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        let store = FileStore::new(path, home.folder.path().join("locks"));
        let _ = store.write(&Write::new(&dotted, b"x", Expect::Any), &Call::at(NOW)).unwrap();
        let store = store.with_durability(durability);
        let saved = store.write(&Write::new(&new_key(), b"x", Expect::Any), &Call::at(NOW));
        let moved = store.clear(&plain, Duration::ZERO);
        for outcome in [saved.map(drop), moved] {
            let kind = outcome.map_err(|error| error.kind());
            let expected = if durability == Durability::Full { Err(ErrorKind::Unavailable) } else { Ok(()) };
            assert_eq!(kind, expected, "{durability:?}");
        }
        // The record has made way all the same, and is found.
        assert_ne!(store.data_file(&dotted), store.data_file(&plain));
    }
}

#[test]
fn a_link_in_a_records_place_is_not_followed_whatever_a_save_survives() {
    use std::os::unix::fs::symlink;
    for durability in ALL {
        let home = Home::new();
        let store = home.store.clone().with_durability(durability);
        let id = new_key();
        let path = store.data_file(&id);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let precious = home.folder.path().join("precious");
        fs::write(&precious, b"precious").unwrap();
        symlink(&precious, &path).unwrap();
        let _ = store.write(&Write::new(&id, b"x", Expect::Any), &Call::at(NOW));
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
    }
}

#[test]
fn folders_that_were_removed_are_made_again_whatever_a_save_survives() {
    for durability in ALL {
        let home = Home::new();
        let store = home.store.clone().with_durability(durability);
        let id = new_key();
        for _ in 0..2 {
            let _ = store.write(&Write::new(&id, b"x", Expect::Any), &Call::at(NOW)).unwrap();
            assert!(home.data(&id).is_some());
            fs::remove_dir_all(home.folder.path().join("data")).unwrap();
        }
    }
}

#[test]
fn a_rotation_that_fails_half_way_takes_the_new_record_back() {
    for durability in ALL {
        let home = Home::new();
        let store = home.store.clone().with_durability(durability);
        for (old, new) in [("abcdef", "bcdefg"), ("ab.cd", "cd.ef"), ("ab/cd", "cd/ef")] {
            let (old, new) = (key(old), key(new));
            home.write(&old, b"x");
            let before = home.everything();
            // The new record is there before the old one's place is taken, which then fails: a file holds text.
            let redirect = Some(Redirect { data: b"\xff", ttl: Duration::from_secs(30) });
            let rotation = Rotation { redirect, ..Rotation::new(&old, &new, b"y", Expect::Present) };
            assert_eq!(store.rotate(&rotation, &Call::at(NOW)).unwrap_err().kind(), ErrorKind::Invalid);
            assert_eq!(home.data(&old).unwrap(), b"x");
            assert_eq!(home.data(&new), None);
            let is_new = |path: &&PathBuf| path.is_file() && !before.contains(path);
            assert_eq!(home.everything().iter().find(is_new), None);
        }
    }
}

#[test]
fn a_record_that_cannot_be_given_up_is_where_it_was() {
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"x");
    let path = home.data_file(&id);
    let failed = replace::retire(&path, || Err(io::ErrorKind::StorageFull.into())).unwrap_err();
    assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
    assert_eq!(home.data(&id).unwrap(), b"x");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    assert!(replace::retire(&path.join("below"), || Ok(())).is_err());
}

#[test]
fn a_record_that_is_given_up_is_gone_before_that_is_brought_to_the_disk() {
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"x");
    let path = home.data_file(&id);
    replace::retire(&path, || {
        assert!(!path.exists());
        Ok(())
    })
    .unwrap();
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
    replace::retire(&path, || unreachable!("there was nothing to give up")).unwrap();
}

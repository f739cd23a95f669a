//! Files that are damaged, are no files, or cannot be reached.

use std::os::unix::fs::symlink;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// A store with a record of `id`, and the path of that record.
fn with_record(data: &[u8]) -> (Home, StoreKey, PathBuf) {
    let home = Home::impatient();
    let id = new_key();
    home.write(&id, data);
    let path = home.data_file(&id);
    (home, id, path)
}

fn kind<T: std::fmt::Debug>(outcome: Result<T>) -> ErrorKind {
    outcome.unwrap_err().kind()
}

#[test]
fn an_empty_or_cut_file_is_corrupt_and_not_absent() {
    let (home, id, path) = with_record(&[b'x'; 600]);
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, 10, 100, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(kind(home.store.load(&id, &home.at(NOW))), ErrorKind::Corrupt, "{length} bytes");
        assert_eq!(kind(home.touch(&id, Version::from(1), 0, b"y")), ErrorKind::Corrupt);
        let create = home.store.write(&Write::new(&id, b"y", Expect::Absent), &home.at(NOW)).unwrap();
        assert_eq!(create, Written::Refused);
        let swap = home
            .store
            .write(&Write::new(&id, b"y", Expect::Version(Version::from(1))), &home.at(NOW))
            .unwrap();
        assert_eq!(swap, Written::Refused);
    }
}

#[test]
fn a_corrupt_record_can_be_replaced_and_removed() {
    for expect in [Expect::Any, Expect::Present] {
        let (home, id, path) = with_record(b"x");
        fs::write(&path, b"rubbish").unwrap();
        assert!(matches!(
            home.store.write(&Write::new(&id, b"new", expect), &home.at(NOW)).unwrap(),
            Written::Stored(_)
        ));
        assert_eq!(home.data(&id).unwrap(), b"new");
        fs::write(&path, b"rubbish").unwrap();
        let _ = home.store.delete(&id, Expect::Any, &home.at(NOW)).unwrap();
        assert_eq!(home.data(&id), None);
    }
}

#[test]
fn a_corrupt_record_is_no_version_that_can_be_removed() {
    let (home, id, path) = with_record(b"x");
    fs::write(&path, b"rubbish").unwrap();
    for expect in [Expect::Absent, Expect::Version(record::version_of(b"x"))] {
        assert_eq!(home.store.delete(&id, expect, &home.at(NOW)).unwrap(), Deleted::Refused);
    }
    assert_eq!(fs::read(&path).unwrap(), b"rubbish");
}

#[test]
fn a_browsers_dotted_id_neither_learns_of_nor_removes_a_damaged_file() {
    let home = Home::new();
    let plain = key("abc");
    home.write(&plain, b"x");
    fs::write(home.data_file(&plain), b"rubbish").unwrap();
    let id = sent("a.bc");
    assert_eq!(home.data(&id), None);
    let _ = home.store.delete(&id, Expect::Any, &home.at(NOW)).unwrap();
    assert!(matches!(
        home.store.write(&Write::new(&id, b"y", Expect::Any), &home.at(NOW)).unwrap(),
        Written::Stored(_)
    ));
    assert_eq!(fs::read(home.data_file(&plain)).unwrap(), b"rubbish");
}

#[test]
fn a_file_of_impossible_length_is_corrupt_and_is_not_read() {
    let (home, id, path) = with_record(b"x");
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(kind(home.store.load(&id, &home.at(NOW))), ErrorKind::Corrupt);
}

/// Puts something in the place of a record that is no regular file; every use of it has to fail at once.
fn refuses(put: impl Fn(&Path)) {
    let (home, id, path) = with_record(b"x");
    fs::remove_file(&path).unwrap();
    put(&path);
    assert_eq!(kind(home.store.load(&id, &home.at(NOW))), ErrorKind::Unavailable);
    assert_eq!(kind(home.touch(&id, Version::from(1), 0, b"y")), ErrorKind::Unavailable);
    assert_eq!(
        kind(home.store.write(&Write::new(&id, b"y", Expect::Any), &home.at(NOW))),
        ErrorKind::Unavailable
    );
    assert_eq!(kind(home.store.delete(&id, Expect::Any, &home.at(NOW))), ErrorKind::Unavailable);
    assert!(fs::symlink_metadata(&path).is_ok());
    assert!(!home.everything().iter().any(|path| is_temporary(path.file_name().unwrap())));
}

#[test]
fn a_link_in_the_place_of_a_record_is_not_followed() {
    let target = tempfile::NamedTempFile::new().unwrap();
    fs::write(target.path(), b"untouched").unwrap();
    refuses(|path| symlink(target.path(), path).unwrap());
    assert_eq!(fs::read(target.path()).unwrap(), b"untouched");
    refuses(|path| symlink("nowhere", path).unwrap());
}

#[test]
fn a_fifo_in_the_place_of_a_record_does_not_hang() {
    refuses(|path| mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap());
}

#[test]
fn a_folder_in_the_place_of_a_record_is_refused() {
    refuses(|path| fs::create_dir(path).unwrap());
}

#[test]
fn a_socket_in_the_place_of_a_record_is_refused() {
    refuses(|path| mknodat(CWD, path, FileType::Socket, Mode::RUSR | Mode::WUSR, 0).unwrap());
}

#[test]
fn an_error_says_what_is_in_the_place_of_a_record() {
    let (home, id, path) = with_record(b"x");
    let folder = path.parent().unwrap().to_owned();
    let puts: [(&dyn Fn(), &str); 5] = [
        (&|| fs::write(&path, b"").unwrap(), "the file is empty"),
        (&|| drop(fs::File::create(&path).unwrap().set_len(1 << 40)), "longer than any session"),
        (&|| symlink("nowhere", &path).unwrap(), "a symbolic link is in its place"),
        (&|| fs::create_dir(&path).unwrap(), "not a regular file"),
        (&|| fs::write(&folder, b"").unwrap(), "cannot read the session file: Not a directory"),
    ];
    for (put, said) in puts {
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        if said.ends_with("directory") {
            fs::remove_dir(&folder).unwrap();
        }
        put();
        let error = home.store.load(&id, &home.at(NOW)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_touch_finds_the_record_that_took_the_place_of_the_one_it_waited_for() {
    let home = Home::new();
    let id = new_key();
    let version = home.write(&id, b"abc");
    let path = home.data_file(&id);
    let holder = fs::File::open(&path).unwrap();
    holder.lock().unwrap();
    std::thread::scope(|scope| {
        let touching = scope.spawn(|| home.touch(&id, version, 0, b"A").unwrap());
        wait_until_open_twice(&path);
        let beside = path.with_extension("newer");
        fs::copy(&path, &beside).unwrap();
        fs::rename(&beside, &path).unwrap();
        drop(holder);
        assert!(touching.join().unwrap());
    });
    assert_eq!(home.data(&id).unwrap(), b"Abc");
}

#[test]
fn a_lock_that_is_no_regular_file_is_refused_and_does_not_hang() {
    let puts: [fn(&Path); 3] = [
        |path| symlink("/dev/null", path).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap(),
    ];
    for put in puts {
        let (home, id, _) = with_record(b"x");
        let lock = home.store.lock_file(&id);
        fs::remove_file(&lock).unwrap();
        put(&lock);
        assert_eq!(
            kind(home.store.write(&Write::new(&id, b"y", Expect::Any), &home.at(NOW))),
            ErrorKind::Unavailable
        );
        assert_eq!(kind(home.store.delete(&id, Expect::Any, &home.at(NOW))), ErrorKind::Unavailable);
        assert_eq!(home.data(&id).unwrap(), b"x");
    }
}

#[test]
fn a_file_where_a_folder_belongs_is_trouble_and_not_absence() {
    let id = key("abc");
    for (inside, name) in [("data", "a"), ("locks", "a")] {
        let home = Home::new();
        let folder = home.folder.path().join(inside);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), b"").unwrap();
        if inside == "data" {
            assert_eq!(kind(home.store.load(&id, &home.at(NOW)).map(drop)), ErrorKind::Unavailable);
            assert_eq!(kind(home.touch(&id, Version::from(1), 0, b"x").map(drop)), ErrorKind::Unavailable);
        }
        assert_eq!(kind(home.store.delete(&id, Expect::Any, &home.at(NOW))), ErrorKind::Unavailable);
        let error = home.store.write(&Write::new(&id, b"x", Expect::Any), &home.at(NOW)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        fs::remove_file(folder.join(name)).unwrap();
        home.write(&id, b"x");
    }
}

#[test]
fn no_error_tells_the_whole_id() {
    let (home, id, path) = with_record(b"x");
    fs::write(&path, b"rubbish").unwrap();
    let mut said = format!("{:?}", home.store.load(&id, &home.at(NOW)).unwrap_err());
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    said += &format!("{:?}", home.store.load(&id, &home.at(NOW)).unwrap_err());
    said +=
        &format!("{:?}", home.store.write(&Write::new(&id, b"y", Expect::Any), &home.at(NOW)).unwrap_err());
    said += &format!("{:?}", home.store.delete(&id, Expect::Any, &home.at(NOW)).unwrap_err());
    assert!(!said.contains(id.record()), "{said}");
}

#[test]
fn a_lock_that_is_not_to_be_had_is_an_error_that_says_so() {
    let (home, id, _) = with_record(b"x");
    let holder = fs::File::open(home.store.lock_file(&id)).unwrap();
    holder.lock_shared().unwrap();
    let error = home.store.write(&Write::new(&id, b"y", Expect::Any), &home.at(NOW)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.to_string().contains("20ms"), "{error}");
    assert_eq!(kind(home.store.delete(&id, Expect::Any, &home.at(NOW))), ErrorKind::Busy);
    assert_eq!(home.data(&id).unwrap(), b"x");
    drop(holder);
    home.write(&id, b"y");
}

#[test]
fn who_waited_for_a_lock_that_was_removed_takes_the_new_one() {
    let home = Home::new();
    let id = new_key();
    home.write(&id, b"x");
    let lock = home.store.lock_file(&id);
    let holder = fs::File::open(&lock).unwrap();
    holder.lock().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| home.write(&id, b"y"));
        std::thread::sleep(Duration::from_millis(30));
        // In one step, so that it takes no luck: the writer may not have come as far as the lock.
        let beside = lock.with_extension("newer");
        let newer = fs::File::create(&beside).unwrap();
        newer.lock().unwrap();
        fs::rename(&beside, &lock).unwrap();
        drop(holder);
        std::thread::sleep(Duration::from_millis(30));
        assert!(!writer.is_finished());
        drop(newer);
        writer.join().unwrap();
    });
    assert_eq!(home.data(&id).unwrap(), b"y");
}

#[test]
fn writers_and_removers_together_leave_a_sound_store() {
    let home = Home::new();
    let id = new_key();
    std::thread::scope(|scope| {
        for number in 0..4_u8 {
            let (home, id) = (&home, &id);
            scope.spawn(move || {
                for _ in 0..100 {
                    if number % 2 == 0 {
                        home.write(id, &[b'0' + number; 100]);
                    } else {
                        let _ = home.store.delete(id, Expect::Any, &home.at(NOW)).unwrap();
                    }
                    assert!(home.data(id).is_none_or(|data| data == [data[0]; 100]));
                }
            });
        }
    });
    let _ = home.store.delete(&id, Expect::Any, &home.at(NOW)).unwrap();
    assert!(home.everything().iter().all(|path| path.is_dir()));
}

//! Records whose expiry somebody else wrote.

use super::*;

const EXPIRY: &[u8] = b"X\x0d\0\0\0beaker expiry";
const SESSION: &[u8] = b"X\x07\0\0\0sessionX\x04\0\0\0text";

/// A record that holds `items`, each the opcodes of a key and its value.
fn with_items(items: &[&[u8]]) -> (Home, StoreKey, PathBuf) {
    let home = Home::impatient();
    let id = new_key();
    home.write(&id, b"text");
    let path = home.data_file(&id);
    fs::write(&path, [b"\x80\x02}(", &*items.concat(), b"u."].concat()).unwrap();
    (home, id, path)
}

fn float(moment: f64) -> Vec<u8> {
    [EXPIRY, b"G", &moment.to_be_bytes()].concat()
}

#[test]
fn a_touch_renews_an_expiry_that_is_behind_the_session() {
    let (home, id, path) = with_items(&[SESSION, &float(NOW + 1.0)]);
    let record = home.record(&id);
    assert!(
        home.store
            .patch(
                &Patch::new(&id, record.version, 1, b"**").lasting(Some(Duration::from_secs(60))),
                &home.at(NOW)
            )
            .unwrap()
    );
    let record = home.record(&id);
    assert_eq!((&*record.data, record.expires_at), (&b"t**t"[..], Some(NOW + 60.0)));
    assert!(fs::read(&path).unwrap().ends_with(b"u."));
}

#[test]
fn a_value_that_is_no_moment_is_no_expiry() {
    let no_moments: [&[u8]; 6] = [b"N", b"K\x01", b"J\0\0\0\0", b"X\x01\0\0\0x", b"\x88", b"I0\n"];
    for value in no_moments {
        let (home, id, _) = with_items(&[&[EXPIRY, value].concat(), SESSION]);
        let record = home.record(&id);
        assert_eq!((&*record.data, record.expires_at), (&b"text"[..], None), "{value:?}");
        assert!(home.touch(&id, record.version, 0, b"****").unwrap());
        assert_eq!(home.data(&id).unwrap(), b"****");
    }
    for moment in [f64::NAN, -f64::NAN, f64::INFINITY, f64::MAX] {
        let (home, id, _) = with_items(&[&float(moment), SESSION]);
        let record = home.record(&id);
        assert!(home.touch(&id, record.version, 0, b"****").unwrap());
        assert_eq!(home.data(&id).unwrap(), b"****");
    }
}

#[test]
fn the_last_of_two_expiries_counts_as_in_python() {
    let (home, id, path) = with_items(&[&float(NOW - 1.0), SESSION, &float(NOW + 1.0)]);
    let record = home.record(&id);
    assert_eq!(record.expires_at, Some(NOW + 1.0));
    let mut sweep = home.store.sweep();
    while !sweep.step(100, NOW).unwrap().finished {}
    assert!(path.exists());
    assert!(home.touch(&id, record.version, 0, b"****").unwrap());
    let (home, id, _) = with_items(&[&float(NOW + 1.0), SESSION, &float(NOW - 1.0)]);
    assert!(home.store.load(&id, &home.at(NOW)).unwrap().is_none());
    assert!(home.everything().iter().all(|path| !path.is_file()));
}

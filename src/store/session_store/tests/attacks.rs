//! Whoever has read the keys of a store tries them as ids.

use super::*;
use crate::error::ErrorKind;

fn tried(key: &StoreKey) -> Vec<SessionId> {
    let text = key.record();
    [text.to_owned(), text.to_uppercase(), format!(".{text}"), text.replace('-', ".-"), format!("{text}.")]
        .into_iter()
        .flat_map(|id| [SessionId::from_request(id.clone()), SessionId::from_program(id)])
        .collect()
}

#[test]
fn a_stored_key_is_no_id_on_either_side_of_the_change() {
    for (inner, folder) in inners() {
        let victim = some_id();
        let key = hashed(&victim);
        let version = write(&over(&inner, IdStorage::Hashed), &victim, b"abc", Expect::Any).unwrap();
        let files = || folder.as_ref().map_or(0, |folder| entries(folder.path(), true));
        let before = files();
        for ids in [IdStorage::Plain, IdStorage::Hashed] {
            let store = over(&inner, ids);
            for id in tried(&key) {
                assert!(data(&store, &id).is_none());
                assert!(!store.patch(&Patch::new(&id, version, 0, b"!"), &Call::at(NOW)).unwrap());
                for expect in [Expect::Present, Expect::Version(version)] {
                    assert!(write(&store, &id, b"mine", expect).is_none());
                    let rotated = store
                        .rotate(&Rotation::new(&id, &some_id(), b"mine", expect), &Call::at(NOW))
                        .unwrap();
                    assert_eq!(rotated, Written::Refused);
                }
                for expect in [Expect::Any, Expect::Absent] {
                    let refused = store.write(&Write::new(&id, b"mine", expect), &Call::at(NOW)).unwrap_err();
                    assert_eq!(refused.kind(), ErrorKind::Invalid);
                    assert!(!refused.to_string().contains(id.as_str()));
                }
                assert!(
                    store.rotate(&Rotation::new(&victim, &id, b"mine", Expect::Any), &Call::at(NOW)).is_err()
                );
                assert_eq!(store.delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Nothing);
                assert!(
                    store
                        .lock(&id, LockTarget::Record, &Call::at(NOW).waiting(Duration::ZERO))
                        .unwrap()
                        .is_none()
                );
                assert_eq!(
                    store
                        .lock(&id, LockTarget::Id, &Call::at(NOW).waiting(Duration::ZERO))
                        .map(drop)
                        .unwrap_err()
                        .kind(),
                    ErrorKind::Invalid
                );
                assert_ne!(store.key_of(&id).record(), key.record());
            }
        }
        assert_eq!(files(), before);
        assert_eq!(kept(&*inner, &key).unwrap(), b"abc");
    }
}

#[test]
fn the_holder_of_a_session_cannot_use_a_stored_key_either() {
    for (inner, _folder) in inners() {
        for ids in [IdStorage::Plain, IdStorage::Hashed] {
            let store = over(&inner, ids);
            let (mine, victim) = (some_id(), some_id());
            assert!(write(&over(&inner, IdStorage::Hashed), &victim, b"abc", Expect::Any).is_some());
            assert!(write(&store, &mine, b"mine", Expect::Any).is_some());
            let held =
                store.lock(&mine, LockTarget::Id, &Call::at(NOW).waiting(Duration::ZERO)).unwrap().unwrap();
            for id in tried(&hashed(&victim)) {
                assert!(held.load(&id, &Call::at(NOW)).unwrap().is_none());
                assert!(!held.has_locked(&id));
                assert_eq!(held.delete(&id, Expect::Any, &Call::at(NOW)).unwrap(), Deleted::Nothing);
            }
            held.release(&Call::at(NOW)).unwrap();
        }
    }
}

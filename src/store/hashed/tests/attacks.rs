//! Whoever has read the keys of a store tries them as ids.

use super::*;
use crate::error::ErrorKind;

fn tried(key: &SessionId) -> Vec<SessionId> {
    let text = key.as_str();
    [text.to_owned(), text.to_uppercase(), format!(".{text}"), text.replace('-', ".-"), format!("{text}.")]
        .into_iter()
        .flat_map(|id| [SessionId::from_request(id.clone()), SessionId::from_program(id)])
        .collect()
}

#[test]
fn a_stored_key_is_no_id_on_either_side_of_the_change() {
    for (inner, folder) in inners() {
        let victim = some_id();
        let key = stored_key(&victim);
        let version = write(&*over(&inner, KeptUnder::Hash), &victim, b"abc", Expect::Any).unwrap();
        let files = || folder.as_ref().map_or(0, |folder| entries(folder.path(), true));
        let before = files();
        for kept_under in [KeptUnder::Id, KeptUnder::Hash] {
            let store = over(&inner, kept_under);
            for id in tried(&key) {
                assert!(data(&*store, &id).is_none());
                assert!(!store.touch(&id, &Touch { version, offset: 0, bytes: b"!" }, None, NOW).unwrap());
                for expect in [Expect::Present, Expect::Version(version)] {
                    assert!(write(&*store, &id, b"mine", expect).is_none());
                    let rotated =
                        store.rotate(&Rotation::new(&id, &some_id(), b"mine", expect), NOW).unwrap();
                    assert_eq!(rotated, Written::Refused);
                }
                for expect in [Expect::Any, Expect::Absent] {
                    let refused = store.write(&id, b"mine", None, expect, NOW).unwrap_err();
                    assert_eq!(refused.kind(), ErrorKind::Invalid);
                    assert!(!refused.to_string().contains(id.as_str()));
                }
                assert!(store.rotate(&Rotation::new(&victim, &id, b"mine", Expect::Any), NOW).is_err());
                assert_eq!(store.delete(&id, Expect::Any).unwrap(), Deleted::Nothing);
                assert!(hold(&store, &id, HoldOf::Record).unwrap().is_none());
                assert_eq!(hold(&store, &id, HoldOf::Id).map(drop).unwrap_err().kind(), ErrorKind::Invalid);
                assert_ne!(store.place_of(&id).as_str(), key.as_str());
            }
        }
        assert_eq!(files(), before);
        assert_eq!(data(&*inner, &key).unwrap(), b"abc");
    }
}

fn hold(store: &Arc<HashedStore>, id: &SessionId, of: HoldOf) -> Result<Option<Arc<dyn Held>>> {
    (Arc::clone(store) as Arc<dyn Store>).hold(id, of, Duration::ZERO, NOW)
}

#[test]
fn the_holder_of_a_session_cannot_use_a_stored_key_either() {
    for (inner, _folder) in inners() {
        for kept_under in [KeptUnder::Id, KeptUnder::Hash] {
            let store = over(&inner, kept_under);
            let (mine, victim) = (some_id(), some_id());
            assert!(write(&*over(&inner, KeptUnder::Hash), &victim, b"abc", Expect::Any).is_some());
            assert!(write(&*store, &mine, b"mine", Expect::Any).is_some());
            let held = hold(&store, &mine, HoldOf::Id).unwrap().unwrap();
            for id in tried(&stored_key(&victim)) {
                assert!(held.load(&id, NOW).unwrap().is_none());
                assert!(!held.holds(&id));
                assert_eq!(held.delete(&id, Expect::Any).unwrap(), Deleted::Nothing);
            }
            held.release().unwrap();
        }
    }
}

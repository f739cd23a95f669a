//! The session ids that a request's cookies offer.
//!
//! A browser keeps cookies of one name apart by domain and path and sends all that match. The one that counts is the
//! last whose session exists. The last, as in Beaker: a browser sends the longest path first, so an application whose
//! cookies collide has always seen that of the shortest.

use crate::id::SessionId;
use crate::store::Timestamp;

/// How many ids of one request the store is asked for.
const MOST: usize = 5;

/// An id that a cookie offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The id.
    pub id: SessionId,
    /// Whether the cookie is as it would be written today: under the current name, key and format.
    pub is_current: bool,
    /// When the cookie was signed, if it says so. The session had begun by then.
    pub signed_at: Option<Timestamp>,
}

/// The state of the cookie that a session is opened from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CookieState {
    Current,
    Outdated,
}

impl Candidate {
    /// The candidates to try after the first of `all`. Each id is tried once, and only a few are tried, so that a
    /// request cannot keep a store busy.
    #[must_use]
    pub fn others(all: impl Iterator<Item = Self>) -> Vec<Self> {
        let mut distinct: Vec<Self> = Vec::new();
        for candidate in all {
            if distinct.iter().all(|known| known.id.as_str() != candidate.id.as_str()) {
                distinct.push(candidate);
            }
            if distinct.len() == MOST {
                break;
            }
        }
        if !distinct.is_empty() {
            distinct.remove(0);
        }
        distinct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn others(ids: &[&str]) -> Vec<String> {
        let candidates = ids.iter().map(|id| Candidate {
            id: SessionId::from_request(*id),
            is_current: true,
            signed_at: None,
        });
        Candidate::others(candidates).iter().map(|other| other.id.as_str().to_owned()).collect()
    }

    #[test]
    fn each_id_is_tried_once_and_the_first_not_again() {
        assert_eq!(others(&["a", "a", "b", "a", "b", "c"]), ["b", "c"]);
        assert!(others(&["a", "a"]).is_empty());
        assert!(others(&[]).is_empty());
    }

    #[test]
    fn five_ids_of_a_request_are_tried_at_the_most() {
        assert_eq!(others(&["a", "b", "c", "d", "e", "f", "g"]), ["b", "c", "d", "e"]);
    }

    #[test]
    fn candidates_beyond_the_limit_are_not_even_read() {
        let mut read = 0;
        let endless = (0..).map(|number| {
            read += 1;
            Candidate { id: SessionId::from_request(number.to_string()), is_current: true, signed_at: None }
        });
        assert_eq!(Candidate::others(endless).len(), MOST - 1);
        assert_eq!(read, MOST);
    }
}

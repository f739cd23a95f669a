//! Keys and names that rotate: the newest writes, all read.

use std::fmt;

use crate::error::{Error, Result};

/// A list that is never empty, newest first. Its `Debug` shows only its length, since it may hold keys.
#[derive(Clone)]
pub struct Keyring<T> {
    newest: T,
    older: Box<[T]>,
}

impl<T> Keyring<T> {
    /// Makes a keyring of `items`, the newest first.
    ///
    /// # Errors
    /// `Invalid`, with `empty` as its text, if there is none; otherwise the first error among the items.
    pub fn new(items: impl IntoIterator<Item = Result<T>>, empty: &'static str) -> Result<Self> {
        let mut items = items.into_iter();
        let newest = items.next().ok_or_else(|| Error::invalid(empty))??;
        Ok(Self { newest, older: items.collect::<Result<_>>()? })
    }

    /// The newest item, which writes.
    pub fn newest(&self) -> &T {
        &self.newest
    }

    /// All items, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// The result of `accept` for the first item that it accepts, and whether that is the newest.
    pub fn find_map<'r, R>(&'r self, mut accept: impl FnMut(&'r T) -> Option<R>) -> Option<(R, bool)> {
        if let Some(accepted) = accept(&self.newest) {
            return Some((accepted, true));
        }
        self.older.iter().find_map(accept).map(|accepted| (accepted, false))
    }
}

impl<T> fmt::Debug for Keyring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} items)", 1 + self.older.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::error::ErrorKind;

    fn keyring(items: &[u8]) -> Result<Keyring<u8>> {
        Keyring::new(items.iter().copied().map(Ok), "no items")
    }

    #[test]
    fn an_empty_ring_is_invalid() {
        let error = keyring(&[]).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Invalid, "no items"));
    }

    #[test]
    fn the_first_error_among_the_items_is_given() {
        for at in 0..3 {
            let items = (0..3).map(|n| if n < at { Ok(n) } else { Err(Error::unsupported("test")) });
            assert_eq!(Keyring::new(items, "no items").unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }

    #[test]
    fn the_order_is_kept_and_the_search_ends_at_the_first_that_is_accepted() {
        let keyring = keyring(&[7, 8, 9, 8]).unwrap();
        assert_eq!(*keyring.newest(), 7);
        assert_eq!(keyring.iter().copied().collect::<Vec<_>>(), [7, 8, 9, 8]);
        let mut asked = Vec::new();
        let found = keyring.find_map(|item| {
            asked.push(*item);
            (*item == 8).then_some("eight")
        });
        assert_eq!((found, asked), (Some(("eight", false)), vec![7, 8]));
        assert_eq!(keyring.find_map(|item| (*item == 7).then_some(())), Some(((), true)));
        assert_eq!(keyring.find_map(|_| None::<()>), None);
    }

    #[test]
    fn debug_shows_no_item() {
        assert_eq!(format!("{:?}", keyring(&[77, 88]).unwrap()), "Keyring(2 items)");
    }
}

//! A list that mostly has one element, which then lies in the list itself: most users have one session at one node, and
//! there are many users.

use std::ops::{Deref, DerefMut};

/// Elements in order. It is a slice wherever one is wanted.
#[derive(Debug, Clone)]
pub(crate) enum Few<T> {
    /// At most one.
    One(Option<T>),
    /// Two at the least.
    Many(Vec<T>),
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, last: T) {
        match self {
            Few::One(none @ None) => *none = Some(last),
            Few::One(one) => *self = Few::Many(one.take().into_iter().chain([last]).collect()),
            Few::Many(all) => all.push(last),
        }
    }

    /// Puts one before all others.
    pub(crate) fn push_first(&mut self, first: T) {
        self.push(first);
        self.rotate_right(1);
    }

    /// Keeps those that `is_kept` takes.
    pub(crate) fn retain(&mut self, mut is_kept: impl FnMut(&T) -> bool) {
        match self {
            Few::One(one) => *one = one.take().filter(is_kept),
            Few::Many(all) => {
                all.retain(&mut is_kept);
                if all.len() < 2 {
                    *self = Few::One(all.pop());
                }
            }
        }
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Few::One(None)
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let mut few = Few::default();
        all.into_iter().for_each(|one| few.push(one));
        few
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Few::One(one) => one.as_slice(),
            Few::Many(all) => all,
        }
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Few::One(one) => one.as_mut_slice(),
            Few::Many(all) => all,
        }
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T> IntoIterator for &'a mut Few<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list_of_any_length() {
        let (mut few, mut list) = (Few::default(), Vec::new());
        for number in 0..4 {
            few.push(number);
            list.push(number);
            assert_eq!(*few, *list);
        }
        few.push_first(9);
        assert_eq!(*few, [9, 0, 1, 2, 3]);
        few.retain(|number| *number > 1);
        assert_eq!(*few, [9, 2, 3]);
        few.retain(|number| *number == 3);
        assert_eq!(*few, [3]);
        few.iter_mut().for_each(|number| *number += 1);
        few.push_first(0);
        assert_eq!(*few, [0, 4]);
        few.retain(|_| false);
        assert!(few.is_empty());
        few.retain(|_| true);
        few.push_first(1);
        assert_eq!(*few.into_iter().collect::<Few<_>>(), [&1]);
        few.retain(|number| *number > 1);
        assert!(few.is_empty());
    }
}

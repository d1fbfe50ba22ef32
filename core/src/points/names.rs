//! A set of names, each with a small number: subjects in a scan, origins in an index.
//!
//! Points of many series tend to come in the same turn again and again, so each name remembers which one followed it
//! last. While the turn holds, finding a number costs one comparison and no hashing.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Names and their numbers, from 0 in the order of their coming.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_number: Vec<Box<str>>,
    /// By number: the one that followed it last.
    next: Vec<u32>,
    last: u32,
    table: HashTable<u32>,
    hasher: FixedState,
}

impl Names {
    /// The number of `name`, which becomes the newest one if it was not there.
    #[inline]
    pub(super) fn number(&mut self, name: &str) -> usize {
        let last = self.last as usize;
        if self.by_number.get(last).is_some_and(|n| **n == *name) {
            return last;
        }
        if let Some(&next) = self.next.get(last)
            && *self.by_number[next as usize] == *name
        {
            self.last = next;
            return next as usize;
        }
        self.look_up(name)
    }

    #[inline(never)]
    fn look_up(&mut self, name: &str) -> usize {
        let number = self.find(name).unwrap_or_else(|| self.add(name));
        if let Some(next) = self.next.get_mut(self.last as usize) {
            *next = number as u32;
        }
        self.last = number as u32;
        number
    }

    fn add(&mut self, name: &str) -> usize {
        let number = self.by_number.len();
        self.by_number.push(name.into());
        self.next.push(number as u32);
        let (names, hasher) = (&self.by_number, &self.hasher);
        self.table.insert_unique(hasher.hash_one(name), number as u32, |&n| hasher.hash_one(&*names[n as usize]));
        number
    }

    /// The number of `name`, if it is there.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.table.find(self.hasher.hash_one(name), |&n| *self.by_number[n as usize] == *name).map(|&n| n as usize)
    }

    /// The name with this number.
    pub(super) fn name(&self, number: usize) -> &str {
        self.by_number.get(number).map_or("", |n| n)
    }
}

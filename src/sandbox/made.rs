//! Rows that are made when they are taken, so that what is skipped costs nothing.

/// What is made of the items of an iterator, and only of those that are taken: what is skipped or counted
/// is not made.
#[derive(Clone)]
pub(super) struct Made<I, F> {
    of: I,
    make: F,
}

/// Makes something of each item that is taken.
pub(super) fn made<I: Iterator, T, F: Fn(I::Item) -> T>(of: I, make: F) -> Made<I, F> {
    Made { of, make }
}

impl<I: Iterator, T, F: Fn(I::Item) -> T> Iterator for Made<I, F> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.of.next().map(&self.make)
    }

    fn nth(&mut self, n: usize) -> Option<T> {
        self.of.nth(n).map(&self.make)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.of.size_hint()
    }

    fn count(self) -> usize {
        self.of.count()
    }
}

//! Things under numbers of which the newest are mostly wanted: a list is faster than a map, and much smaller to compile.

/// What is kept under its number.
pub(super) struct Numbered<T>(Vec<(u32, T)>);

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Numbered<T> {
    /// Keeps a thing under a number that has none.
    pub(super) fn insert(&mut self, number: u32, thing: T) {
        self.0.push((number, thing));
    }

    /// The thing under a number.
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.0.iter_mut().rev().find(|(known, _)| *known == number).map(|(_, thing)| thing)
    }

    /// Takes the thing under a number out.
    pub(super) fn remove(&mut self, number: u32) -> Option<T> {
        let place = self.0.iter().rposition(|(known, _)| *known == number)?;
        Some(self.0.swap_remove(place).1)
    }

    /// All of them, with their numbers, in any order.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut (u32, T)> {
        self.0.iter_mut()
    }
}

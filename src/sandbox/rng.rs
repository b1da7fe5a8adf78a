//! Numbers that look random and are a function of what they are for.
//!
//! The generator is keyed by (seed, stream, subject, day), so that whatever is drawn for one person on one
//! day can be drawn alone: order, page size and number of threads change nothing.

use uuid::Uuid;

/// The increment of `SplitMix64`.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of `SplitMix64`: a bijection that leaves no trace of its argument to the eye.
pub(super) fn mix(value: u64) -> u64 {
    let mut mixed = value;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A number for a subject in a stream of numbers.
pub(super) fn draw(key: u64, stream: u64, subject: u64) -> u64 {
    mix(mix(key ^ mix(stream.wrapping_add(GOLDEN))).wrapping_add(subject.wrapping_mul(GOLDEN)))
}

/// The same, from 0 to `below`.
pub(super) fn pick(key: u64, stream: u64, subject: u64, below: u64) -> u64 {
    draw(key, stream, subject) % below.max(1)
}

/// The lower 60 bits.
const SIXTY: u64 = (1 << 60) - 1;

/// An id that only this key reads: up to 60 bits under a mask that the rest of the id decides.
pub(super) fn sealed(key: u64, stream: u64, code: u64) -> Uuid {
    let tag = draw(key, stream, code) >> 2;
    let high = (code ^ draw(!key, stream, tag)) & SIXTY;
    Uuid::from_u64_pair(
        ((high >> 12) << 16) | 0x4000 | (high & 0xfff),
        tag | 1 << 63,
    )
}

/// What an id was sealed from.
pub(super) fn unsealed(key: u64, stream: u64, id: &str) -> Option<u64> {
    let id = Uuid::try_parse(id).ok()?;
    let (upper, lower) = id.as_u64_pair();
    let high = ((upper >> 16) << 12) | (upper & 0xfff);
    let code = (high ^ draw(!key, stream, lower & (u64::MAX >> 2))) & SIXTY;
    (sealed(key, stream, code) == id).then_some(code)
}

/// `SplitMix64` from a key.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// The numbers of one subject on one day.
    pub(super) fn of(key: u64, stream: u64, subject: u64, day: i64) -> Self {
        Self(draw(key, stream, subject) ^ mix(day.cast_unsigned().wrapping_add(GOLDEN)))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// The next number from 0 to `below`.
    pub(super) fn below(&mut self, below: u32) -> u32 {
        let high = (u128::from(self.next()) * u128::from(below.max(1))) >> 64;
        u32::try_from(high).unwrap_or_default()
    }

    /// The next number from 0 to 1.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// How often something happens that is expected so many times.
    pub(super) fn poisson(&mut self, expected: f64) -> u32 {
        // Nobody is expected to sign in anew more often than this in a day.
        let limit = (-expected.clamp(0.0, 200.0)).exp();
        let (mut count, mut product) = (0, self.unit());
        while product > limit {
            count += 1;
            product *= self.unit();
        }
        count
    }

    /// One of several, each with its weight.
    pub(super) fn weighted<T: Copy>(&mut self, choices: &[(T, u32)]) -> Option<T> {
        let mut left = self.below(choices.iter().map(|(_, weight)| weight).sum());
        choices.iter().find_map(|(choice, weight)| {
            let found = left < *weight;
            left = left.saturating_sub(*weight);
            found.then_some(*choice)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        // The first numbers for the seed 1234567, as published with the algorithm.
        let mut rng = Rng(1_234_567);
        assert_eq!(rng.next(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn what_is_drawn_has_the_mean_that_was_asked_for() {
        let total: u32 = (0..20_000)
            .map(|day| Rng::of(7, 1, 42, day).poisson(3.0))
            .sum();
        assert!((59_000..61_000).contains(&total), "{total}");
        let ones = (0..20_000)
            .filter(|day| Rng::of(7, 2, 42, *day).weighted(&[(0, 3), (1, 1)]) == Some(1))
            .count();
        assert!((4_750..5_250).contains(&ones), "{ones}");
    }
}

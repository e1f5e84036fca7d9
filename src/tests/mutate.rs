//! Inputs that somebody hostile or a broken disk would give: mutations of good ones, from a seed, so that every failure can be
//! played again. `FUZZ_ROUNDS` in the environment multiplies how many there are; the suite takes a few thousand.

/// Xorshift (Marsaglia): the same numbers everywhere.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % sides.max(1)
    }

    pub fn byte(&mut self) -> u8 {
        // Lengths, markers and boundaries more often than anything else.
        const LIKELY: [u8; 12] = [0, 1, 2, 3, 4, 5, 8, 0x20, 0x7f, 0x80, 0xfe, 0xff];
        match self.roll(3) {
            0 => u8::try_from(self.roll(256)).unwrap(),
            _ => LIKELY[self.roll(LIKELY.len())],
        }
    }

    /// Bytes from nowhere.
    pub fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.roll(most)).map(|_| self.byte()).collect()
    }

    /// The input with a few places changed, left out, doubled or cut off.
    pub fn mutated(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len().max(1)).min(bytes.len());
            match self.roll(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.byte()),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                3 => {
                    let end = (at + self.roll(24)).min(bytes.len());
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again);
                }
                4 => bytes.extend(self.bytes(8)),
                _ if at < bytes.len() => bytes[at] = self.byte(),
                _ => {}
            }
        }
        bytes
    }
}

/// How many inputs a test takes.
pub fn rounds(usual: u64) -> u64 {
    let times = std::env::var("FUZZ_ROUNDS")
        .ok()
        .and_then(|text| text.parse::<u64>().ok());
    usual * times.unwrap_or(1)
}

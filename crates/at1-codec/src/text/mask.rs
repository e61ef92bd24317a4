//! Where some bytes stand among 64, as bits: what the tokenizer asks of the machine.
//!
//! * Bit `i` stands for byte `i`. Every set of instructions gives the same bits; they differ in nothing but speed.
//! * A value that stands for a set exists only where the machine was found to have it.
//! * The only module of the project with `unsafe`: to call what [`Instructions`] found, and to load and store 64 bytes.
#![allow(unsafe_code, reason = "vector instructions are called after detection")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;
use std::fmt;

use super::Span;

/// How many bytes a mask tells about.
pub(super) const BLOCK_BYTES: usize = 64;

/// The bytes that a mask tells about.
pub(super) type Block = [u8; BLOCK_BYTES];

/// A set of instructions that makes masks.
pub(super) trait Masks: Copy {
    /// Where each of `bytes` stands.
    fn find<const N: usize>(self, block: &Block, bytes: [u8; N]) -> [u64; N];

    /// In each bit, whether the bits up to and with it are odd in number: from each odd one to before the next.
    fn prefix_xor(self, bits: u64) -> u64;

    /// Writes the fields that end at `separators`, at least one, the first from `start` on; bit 0 stands for `base`.
    /// What is written behind the last means nothing.
    #[inline(always)]
    fn spans(self, separators: u64, base: u32, start: u32, out: &mut [Span; BLOCK_BYTES]) {
        let (mut start, mut rest) = (start, separators);
        for eight in out.as_chunks_mut::<8>().0 {
            // Eight without asking whether so many are left: that is a guess less, and most often a wrong one.
            for span in eight {
                let end = base.wrapping_add(rest.trailing_zeros());
                *span = Span { start, end };
                start = end.wrapping_add(1);
                rest &= rest.wrapping_sub(1);
            }
            if rest == 0 {
                break;
            }
        }
    }
}

/// Work that is compiled once for each set of instructions. Its `run` must be `#[inline(always)]`, or it is compiled
/// without them.
pub(super) trait Work {
    type Done;
    fn run(self, masks: impl Masks) -> Self::Done;
}

/// The instructions that a [`Scanner`](super::Scanner) uses; they decide its speed, and never what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instructions(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Instructions {
    /// Those of every machine.
    pub const PORTABLE: Self = Self(Set::Portable);

    /// All sets that this machine has, the slowest first.
    pub fn all() -> impl Iterator<Item = Self> {
        let sets = [Some(Set::Portable)];
        #[cfg(target_arch = "x86_64")]
        let sets = [sets[0], Avx2::detect().map(Set::Avx2), Avx512::detect().map(Set::Avx512)];
        sets.into_iter().flatten().map(Self)
    }

    /// The fastest set that this machine has.
    #[must_use]
    pub fn best() -> Self {
        Self::all().last().unwrap_or(Self::PORTABLE)
    }

    /// Does the work with these instructions.
    #[inline]
    pub(super) fn run<W: Work>(self, work: W) -> W::Done {
        match self.0 {
            Set::Portable => work.run(Portable),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Avx2` exists only where its features were detected.
            Set::Avx2(masks) => unsafe { run_avx2(masks, work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Avx512` exists only where its features were detected.
            Set::Avx512(masks) => unsafe { run_avx512(masks, work) },
        }
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.0 {
            Set::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512(_) => "AVX-512",
        })
    }
}

/// Eight bytes at a time in ordinary registers.
#[derive(Clone, Copy)]
struct Portable;

impl Masks for Portable {
    #[inline(always)]
    fn find<const N: usize>(self, block: &Block, bytes: [u8; N]) -> [u64; N] {
        const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        /// Moves the lowest bit of byte `i` to bit `56 + i`.
        const GATHER: u64 = 0x0102_0408_1020_4080;
        let (words, _) = block.as_chunks::<8>();
        let mut found = [0; N];
        for (found, byte) in found.iter_mut().zip(bytes) {
            let all = u64::from_ne_bytes([byte; 8]);
            for word in words.iter().rev() {
                let differs = u64::from_le_bytes(*word) ^ all;
                // The highest bit of each byte that is zero, exactly: no carry leaves a byte.
                let zero = !(((differs & LOW) + LOW) | differs | LOW);
                *found = *found << 8 | (zero >> 7).wrapping_mul(GATHER) >> 56;
            }
        }
        found
    }

    #[inline(always)]
    fn prefix_xor(self, mut bits: u64) -> u64 {
        for shift in [1, 2, 4, 8, 16, 32] {
            bits ^= bits << shift;
        }
        bits
    }
}

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Avx2(());

#[cfg(target_arch = "x86_64")]
impl Avx2 {
    fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        found.then_some(Self(()))
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx2<W: Work>(masks: Avx2, work: W) -> W::Done {
    work.run(masks)
}

#[cfg(target_arch = "x86_64")]
impl Masks for Avx2 {
    #[inline(always)]
    fn find<const N: usize>(self, block: &Block, bytes: [u8; N]) -> [u64; N] {
        // SAFETY: `self` exists only where AVX2 was detected.
        unsafe { find_avx2(block, bytes) }
    }

    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        // SAFETY: `self` exists only where PCLMULQDQ was detected.
        unsafe { multiply_by_ones(bits) }
    }
}

// The loops below are no closures: what is called with one is compiled without these instructions.

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
#[expect(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "the bits stay the same bits")]
fn find_avx2<const N: usize>(block: &Block, bytes: [u8; N]) -> [u64; N] {
    let (halves, _) = block.as_chunks::<32>();
    // SAFETY: each load reads the 32 bytes of an array, and needs no alignment.
    let (low, high) =
        unsafe { (_mm256_loadu_si256(halves[0].as_ptr().cast()), _mm256_loadu_si256(halves[1].as_ptr().cast())) };
    let mut found = [0; N];
    for i in 0..N {
        let all = _mm256_set1_epi8(bytes[i] as i8);
        let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, all)) as u32;
        let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, all)) as u32;
        found[i] = u64::from(low) | u64::from(high) << 32;
    }
    found
}

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Avx512(());

#[cfg(target_arch = "x86_64")]
impl Avx512 {
    fn detect() -> Option<Self> {
        let found = Avx2::detect().is_some()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vbmi2");
        found.then_some(Self(()))
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,avx2,pclmulqdq,bmi1,bmi2,lzcnt,popcnt")]
fn run_avx512<W: Work>(masks: Avx512, work: W) -> W::Done {
    work.run(masks)
}

#[cfg(target_arch = "x86_64")]
impl Masks for Avx512 {
    #[inline(always)]
    fn find<const N: usize>(self, block: &Block, bytes: [u8; N]) -> [u64; N] {
        // SAFETY: `self` exists only where AVX-512BW was detected.
        unsafe { find_avx512(block, bytes) }
    }

    #[inline(always)]
    fn prefix_xor(self, bits: u64) -> u64 {
        // SAFETY: `self` exists only where PCLMULQDQ was detected.
        unsafe { multiply_by_ones(bits) }
    }

    #[inline(always)]
    fn spans(self, separators: u64, base: u32, start: u32, out: &mut [Span; BLOCK_BYTES]) {
        // SAFETY: `self` exists only where AVX-512 VBMI2 was detected.
        unsafe { spans_avx512(separators, base, start, out) }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
#[expect(clippy::cast_possible_wrap, reason = "the bits stay the same bits")]
fn find_avx512<const N: usize>(block: &Block, bytes: [u8; N]) -> [u64; N] {
    // SAFETY: the load reads the 64 bytes of the block, and needs no alignment.
    let block = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
    let mut found = [0; N];
    for i in 0..N {
        found[i] = _mm512_cmpeq_epi8_mask(block, _mm512_set1_epi8(bytes[i] as i8));
    }
    found
}

/// Sixteen fields at a time: the places of the separators side by side are their ends, and moved by one their starts.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512vbmi2,popcnt")]
#[expect(clippy::cast_possible_wrap, reason = "the bits stay the same bits")]
fn spans_avx512(separators: u64, base: u32, start: u32, out: &mut [Span; BLOCK_BYTES]) {
    const PLACES: Block = {
        let mut places = [0; BLOCK_BYTES];
        let mut i = 0;
        while i < BLOCK_BYTES {
            places[i] = i as u8;
            i += 1;
        }
        places
    };
    const _: () = assert!(size_of::<[Span; 8]>() == size_of::<__m512i>());
    // SAFETY: the load reads the 64 bytes of an array, and needs no alignment.
    let places = unsafe { _mm512_loadu_si512(PLACES.as_ptr().cast()) };
    let mut places = _mm512_maskz_compress_epi8(separators, places);
    let base = _mm512_set1_epi32(base as i32);
    let mut ends_before = _mm512_set1_epi32(start.wrapping_sub(1) as i32);
    // Start, end, start, end: below 16 is the lane of a start, from 16 on that of an end.
    let first_eight = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    let last_eight = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    let mut left = separators.count_ones();
    for [first, last] in out.as_chunks_mut::<8>().0.as_chunks_mut::<2>().0 {
        let ends = _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(places)), base);
        let starts = _mm512_add_epi32(_mm512_alignr_epi32::<15>(ends, ends_before), _mm512_set1_epi32(1));
        // SAFETY: each store writes the 64 bytes of eight spans, of which all bits are valid, and needs no alignment.
        unsafe {
            _mm512_storeu_si512(first.as_mut_ptr().cast(), _mm512_permutex2var_epi32(starts, first_eight, ends));
            _mm512_storeu_si512(last.as_mut_ptr().cast(), _mm512_permutex2var_epi32(starts, last_eight, ends));
        }
        if left <= 16 {
            break;
        }
        left -= 16;
        places = _mm512_alignr_epi64::<2>(places, places);
        ends_before = ends;
    }
}

/// A product without carries by 64 ones is the prefix xor.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "pclmulqdq")]
#[expect(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "64 bits stay the same 64 bits")]
fn multiply_by_ones(bits: u64) -> u64 {
    let product = _mm_clmulepi64_si128::<0>(_mm_set_epi64x(0, bits as i64), _mm_set1_epi8(-1));
    _mm_cvtsi128_si64(product) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What one set of instructions makes of a block and some bits.
    struct All<'a> {
        block: &'a Block,
        bits: u64,
        start: u32,
    }

    impl Work for All<'_> {
        type Done = ([u64; 3], u64, Vec<Span>);

        #[inline(always)]
        fn run(self, masks: impl Masks) -> Self::Done {
            let mut spans = [Span::default(); BLOCK_BYTES];
            masks.spans(self.bits, 1000, self.start, &mut spans);
            let spans = spans[..self.bits.count_ones() as usize].to_vec();
            (masks.find(self.block, [0, b',', 0xff]), masks.prefix_xor(self.bits), spans)
        }
    }

    /// The same, bit by bit.
    fn expected(All { block, bits, start }: All<'_>) -> <All<'static> as Work>::Done {
        let bit = |yes: bool, i: usize| u64::from(yes) << i;
        let found = [0, b',', 0xff].map(|byte| (0..64).map(|i| bit(block[i] == byte, i)).sum());
        let inside = (0..64).map(|i| bit((bits << (63 - i)).count_ones() % 2 == 1, i)).sum();
        let mut start = start;
        let span = |i: u32| {
            let span = Span { start, end: 1000 + i };
            start = span.end + 1;
            span
        };
        (found, inside, (0..64_u32).filter(|i| bits >> i & 1 == 1).map(span).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn all_instructions_agree(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(vec![0, 1, b',', b',' - 1, b',' ^ 0x80, 0x7f, 0x80, 0xff])], 64),
            bits in prop_oneof![any::<u64>(), (any::<u64>(), any::<u64>()).prop_map(|(a, b)| a & b), (0..64).prop_map(|i| 1_u64 << i), Just(!0)],
            start in 0..1000_u32,
        ) {
            let block = bytes.first_chunk().unwrap();
            let bits = bits.max(1);
            for instructions in Instructions::all() {
                let found = instructions.run(All { block, bits, start });
                prop_assert_eq!(found, expected(All { block, bits, start }), "{}", instructions);
            }
        }
    }
}

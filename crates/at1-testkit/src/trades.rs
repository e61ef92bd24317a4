//! Market data as an exchange might send it: a few symbols, prices that move by ticks, times that only grow.
//!
//! * Times of one generator never repeat or go back, and two batches have a second between them, so that a time range can rule out whole segments.
//! * Every record ends in LF; every batch opens with the header.

use std::io::Write as _;

use crate::Rng;

/// The header line of every batch, with its line end.
pub const HEADER: &str = "ts,symbol,price,qty,side,venue,trade_id\n";

/// 2024-01-01T00:00:00Z in milliseconds.
const START_MS: u64 = 1_704_067_200_000;

/// A symbol, the cents it opens at, and the cents of one tick.
const SYMBOLS: [(&str, i64, i64); 6] = [
    ("BTC", 4_228_000, 10),
    ("ETH", 228_150, 5),
    ("SOL", 10_172, 1),
    ("LTC", 7_340, 1),
    ("XAU", 206_250, 5),
    ("EUR", 110, 1),
];
const VENUES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// How many trades a trend lasts, on average.
const TREND_TRADES: u64 = 20_000;

/// An endless source of trades.
#[derive(Clone, Debug)]
pub struct Trades {
    rng: Rng,
    now_ms: u64,
    next_id: u64,
    cents: [i64; SYMBOLS.len()],
    /// Ticks that a move goes up more than down.
    trends: [i64; SYMBOLS.len()],
}

impl Trades {
    /// The market that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            now_ms: START_MS,
            next_id: 70_000_000,
            cents: SYMBOLS.map(|s| s.1),
            trends: [0; SYMBOLS.len()],
        }
    }

    /// The next `rows` trades as a CSV file with a header.
    pub fn batch(&mut self, rows: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER.len() + rows * 56);
        out.extend_from_slice(HEADER.as_bytes());
        for _ in 0..rows {
            self.trade(&mut out);
        }
        self.now_ms += 1_000;
        out
    }

    /// The time of the next trade is later than this many milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn trade(&mut self, out: &mut Vec<u8>) {
        let rng = &mut self.rng;
        self.now_ms += if rng.one_in(3) { rng.below(160) } else { rng.below(12) } + 1;
        self.next_id += 1 + u64::from(rng.one_in(40)) * rng.below(5);
        // The first symbols trade most: the smaller of two draws.
        let which = rng.index(SYMBOLS.len()).min(rng.index(SYMBOLS.len()));
        let (symbol, _, tick) = SYMBOLS[which];
        let cents = &mut self.cents[which];
        if rng.one_in(TREND_TRADES) {
            self.trends[which] = rng.between(-1, 1);
        }
        if rng.one_in(2) {
            *cents = (*cents + tick * (rng.between(-6, 6) + self.trends[which])).max(tick);
        }
        let (whole, part) = (*cents / 100, *cents % 100);
        // Sizes are mostly round; written as short as they can be.
        let qty = match rng.below(10) {
            0..4 => format!("{}", rng.between(1, 20)),
            4..8 => format!("0.{}", rng.between(1, 9)),
            _ => format!("{}.{:03}5", rng.below(4), rng.below(1000)),
        };
        let side = if rng.one_in(2) { "buy" } else { "sell" };
        let venue = VENUES[rng.index(VENUES.len()).min(rng.index(VENUES.len()))];
        writeln!(out, "{},{symbol},{whole}.{part:02},{qty},{side},{venue},{}", self.now_ms, self.next_id)
            .expect("a vector takes every write");
    }
}

/// The first `rows` trades of the market that belongs to `seed`, as a CSV file with a header.
pub fn trades(seed: u64, rows: usize) -> Vec<u8> {
    Trades::new(seed).batch(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(csv: &[u8]) -> Vec<u64> {
        let text = std::str::from_utf8(csv).unwrap();
        text.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn time_ranges_of_batches_do_not_overlap() {
        let mut source = Trades::new(3);
        let mut last = 0;
        for _ in 0..5 {
            let times = times(&source.batch(100));
            assert_eq!(times.len(), 100);
            assert!(last < times[0] && times.is_sorted_by(|a, b| a < b));
            last = times[99];
        }
    }

    #[test]
    fn every_record_has_seven_fields() {
        let csv = String::from_utf8(trades(9, 500)).unwrap();
        assert!(csv.ends_with('\n'));
        assert!(csv.lines().all(|line| line.split(',').count() == 7));
    }

    #[test]
    fn the_bytes_of_a_seed_never_change() {
        let csv = String::from_utf8(trades(1, 2)).unwrap();
        assert_eq!(
            csv,
            "ts,symbol,price,qty,side,venue,trade_id\n\
             1704067200009,SOL,101.72,16,buy,beta,70000001\n\
             1704067200015,XAU,2062.25,0.2,buy,alpha,70000002\n"
        );
    }
}

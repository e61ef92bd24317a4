//! Which type a column has after a batch, given what the batch's fields could be.
//!
//! * A type that holds all of the batch's fields stays.
//! * Else int → decimal → double, if every old value survives and fewer fields misfit.
//! * Else the misfits are rejects if the column is pinned or under one in a hundred misfits; else the column becomes text,
//!   or binary if it is not UTF-8 either.
//! * A column that holds nothing yet takes the batch's type.

use at1_codec::{
    ColumnType,
    column::{Inference, Pin, Source},
};

use super::{Guess as _, Unpinned as _};
use crate::error::Result;

/// Misfits below one in so many are rejects.
const MISFIT_SHARE: u64 = 100;
/// Decimal digits that a double holds whatever they are.
const DOUBLE_DIGITS: u32 = 15;

/// What a column holds so far, as far as its zones tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nulls only, and no rejects.
    Nothing,
    /// Numbers with at most so many digits before the point.
    Digits(u32),
    /// Something; the zones do not say what.
    Unknown,
}

/// The digits before the point of a number as zones write it: `-12.50` has two.
///
/// ```
/// assert_eq!(at1_table::schema::decimal_digits("-0012.50"), Some(2));
/// assert_eq!(at1_table::schema::decimal_digits("0.5"), Some(0));
/// assert_eq!(at1_table::schema::decimal_digits("1e9"), None);
/// ```
pub fn decimal_digits(text: &str) -> Option<u32> {
    let text = text.strip_prefix('-').unwrap_or(text);
    let whole = text.split('.').next().unwrap_or_default();
    let digits = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    let fraction = text.get(whole.len() + 1..).unwrap_or_default();
    if text.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    u32::try_from(whole.trim_start_matches('0').len()).ok()
}

/// What [`settle`] decides.
pub(super) struct Settled {
    pub(super) pin: Pin,
    /// Fields that the column's old type could not hold.
    pub(super) misfits_before: u64,
    /// Fields that the new one cannot hold.
    pub(super) misfits: u64,
}

/// The type of a column after a batch. `held` is `None` for a column that is new.
pub(super) fn settle(now: Pin, field: &Inference, held: Option<impl FnOnce() -> Result<Held>>) -> Result<Settled> {
    let misfits = |pin: Pin| field.misfits(pin.ty, pin.reading);
    let few = |misfits: u64| misfits.saturating_mul(MISFIT_SHARE) < field.fields();
    let before = misfits(now);
    let settled = |pin: Pin| Settled { pin, misfits_before: before, misfits: misfits(pin) };
    let pinned = now.reading.source == Source::Pinned;
    let Some(held) = held.filter(|_| !pinned && (before > 0 || now.ty == ColumnType::Text)) else {
        return Ok(settled(now));
    };
    let best = field.guess();
    if before == 0 {
        // Text takes everything; a column of nothing but nulls may still become what its first values are.
        let gains = best.ty != now.ty && field.nulls() < field.fields();
        return Ok(settled(if gains && held()? == Held::Nothing { best } else { now }));
    }
    let held = held()?;
    if held == Held::Nothing {
        return Ok(settled(best));
    }
    let wider = wider(now.ty, best.ty).into_iter().map(ColumnType::into_unpinned);
    for pin in wider {
        let after = misfits(pin);
        if after < before && (after == 0 || few(after)) && survives(pin.ty, now.ty, held) {
            return Ok(settled(pin));
        }
    }
    if few(before) {
        return Ok(settled(now));
    }
    let text = ColumnType::Text.into_unpinned();
    let unreadable = misfits(text);
    let text_holds = now.ty != ColumnType::Binary && now.ty != ColumnType::Text && (unreadable == 0 || few(unreadable));
    Ok(settled(if text_holds { text } else { ColumnType::Binary.into_unpinned() }))
}

/// The numeric types above `now` that could hold what is of type `best`, narrowest first.
fn wider(now: ColumnType, best: ColumnType) -> Vec<ColumnType> {
    use ColumnType::{Decimal, Float64, Int64};
    let scale = |ty| match ty {
        Decimal { scale, .. } => Some(scale),
        Int64 => Some(0),
        _ => None,
    };
    let Some(here) = scale(now) else { return vec![] };
    let mut wider = vec![];
    match (best, scale(best)) {
        (_, Some(there)) => {
            let scale = here.max(there);
            let decimals = [18, 38].map(|precision| Decimal { precision, scale });
            wider.extend(decimals.into_iter().filter(|ty| *ty != now && scale <= precision(*ty)));
            wider.push(Float64);
        }
        (Float64, _) => wider.push(Float64),
        _ => {}
    }
    wider
}

fn precision(ty: ColumnType) -> u8 {
    match ty {
        ColumnType::Decimal { precision, .. } => precision,
        _ => 0,
    }
}

/// Whether `to` holds every value of a column of type `from`, given what it holds. Rejects stay rejects: their text is kept.
fn survives(to: ColumnType, from: ColumnType, held: Held) -> bool {
    use ColumnType::{Binary, Decimal, Float64, Int64, Text};
    if to == from || held == Held::Nothing {
        return true;
    }
    // Where the zones say nothing, the type itself still bounds the digits.
    let (whole, scale) = match (from, held) {
        (Int64, Held::Digits(digits)) => (digits, 0),
        (Int64, _) => (19, 0),
        (Decimal { scale, .. }, Held::Digits(digits)) => (digits, u32::from(scale)),
        (Decimal { precision, scale }, _) => (u32::from(precision - scale), u32::from(scale)),
        _ => return to == Text || (to == Binary && from == Text),
    };
    match to {
        Text => true,
        Decimal { precision, scale: to_scale } => {
            u32::from(to_scale) >= scale && whole + u32::from(to_scale) <= u32::from(precision)
        }
        Float64 => whole + scale <= DOUBLE_DIGITS,
        _ => false,
    }
}

/// Whether a column that was read as `from` may be read as `to` because its user says so.
pub(super) fn holds(to: Pin, from: Pin, held: impl FnOnce() -> Result<Held>) -> Result<bool> {
    let order_stays = from.reading.order.is_none() || from.reading.order == to.reading.order;
    let reads_alike = order_stays && from.reading.epoch == to.reading.epoch;
    let typed_alike = to.ty == from.ty || survives(to.ty, from.ty, Held::Unknown);
    Ok((typed_alike && reads_alike) || {
        let held = held()?;
        held == Held::Nothing || (reads_alike && survives(to.ty, from.ty, held))
    })
}

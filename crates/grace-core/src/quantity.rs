//! Amounts of CPU, memory and storage as Kubernetes writes them: `19Gi`, `9600m`, `1.5`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// An amount as Kubernetes writes it: a decimal number and a suffix.
///
/// Suffixes are `n u m k M G T P E` (powers of 1000), `Ki Mi Gi Ti Pi Ei` (powers of 1024) or an exponent (`1e3`), as in
/// `k8s.io/apimachinery/pkg/api/resource`. The text is kept; comparison is by amount, so `1Gi` equals `1024Mi`.
///
/// ```
/// use grace_core::quantity::Quantity;
///
/// let request: Quantity = "16Gi".parse()?;
/// let limit: Quantity = "19Gi".parse()?;
/// assert!(limit > request);
/// assert_eq!(limit.percent_of(&request), Some(118.75));
/// assert_eq!(request.percent(120).to_string(), "19660Mi");
/// # Ok::<(), grace_core::quantity::QuantityError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Quantity {
    text: String,
    /// In units of 10⁻⁹, rounded up.
    nano: u128,
}

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no quantity, expected a number with or without a suffix, such as `9600m`, `19Gi` or `2`"
)]
pub struct QuantityError(String);

const NANO: u128 = 1_000_000_000;
const MEBI: u128 = 1 << 20;
const GIBI: u128 = 1 << 30;
/// No digit beyond these 18 could matter, and no product of them overflows.
const MOST_DIGITS: usize = 18;

/// Suffixes and what they multiply 10⁻⁹ by.
const SUFFIXES: [(&str, u128); 16] = [
    ("", NANO),
    ("n", 1),
    ("u", 1_000),
    ("m", 1_000_000),
    ("k", 1_000 * NANO),
    ("M", 1_000_000 * NANO),
    ("G", 1_000_000_000 * NANO),
    ("T", 1_000_000_000_000 * NANO),
    ("P", 1_000_000_000_000_000 * NANO),
    ("E", 1_000_000_000_000_000_000 * NANO),
    ("Ki", (1 << 10) * NANO),
    ("Mi", MEBI * NANO),
    ("Gi", GIBI * NANO),
    ("Ti", (1 << 40) * NANO),
    ("Pi", (1 << 50) * NANO),
    ("Ei", (1 << 60) * NANO),
];

impl Quantity {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether nothing is asked for.
    pub fn is_zero(&self) -> bool {
        self.nano == 0
    }

    /// Whether it is a whole number: bytes and GPUs have no fractions.
    pub fn is_whole(&self) -> bool {
        self.nano.is_multiple_of(NANO)
    }

    /// The amount in whole units, rounded up; `None` beyond `u64::MAX`.
    pub fn units(&self) -> Option<u64> {
        u64::try_from(self.nano.div_ceil(NANO)).ok()
    }

    /// The amount in whole units, as near as a float can be.
    pub fn value(&self) -> f64 {
        self.nano as f64 / NANO as f64
    }

    /// How many percent of `other` this is; `None` if `other` is zero.
    pub fn percent_of(&self, other: &Self) -> Option<f64> {
        (other.nano > 0).then(|| self.nano as f64 / other.nano as f64 * 100.0)
    }

    /// Whether this is more than `percent` percent of `other`, without rounding.
    pub fn exceeds_percent_of(&self, percent: u32, other: &Self) -> bool {
        self.nano.saturating_mul(100) > other.nano.saturating_mul(u128::from(percent))
    }

    /// `percent` percent of this, rounded down to a thousandth, or to a mebibyte if this is written in powers of 1024
    /// and at least one.
    #[must_use]
    pub fn percent(&self, percent: u32) -> Self {
        let nano = self.nano.saturating_mul(u128::from(percent)) / 100;
        if self.text.ends_with('i') && nano >= MEBI * NANO {
            let mebi = nano / (MEBI * NANO);
            let text = if mebi.is_multiple_of(1024) {
                format!("{}Gi", mebi / 1024)
            } else {
                format!("{mebi}Mi")
            };
            return Self {
                text,
                nano: mebi * MEBI * NANO,
            };
        }
        let milli = nano / 1_000_000;
        let text = if milli.is_multiple_of(1000) {
            (milli / 1000).to_string()
        } else {
            format!("{milli}m")
        };
        Self {
            text,
            nano: milli * 1_000_000,
        }
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let nano = parse(text).ok_or_else(|| QuantityError(text.to_owned()))?;
        Ok(Self {
            text: text.to_owned(),
            nano,
        })
    }
}

/// The amount in units of 10⁻⁹, rounded up.
fn parse(text: &str) -> Option<u128> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if digits.is_empty() || significant.len() > MOST_DIGITS || fraction.contains('.') {
        return None;
    }
    let value: u128 = if significant.is_empty() {
        0
    } else {
        significant.parse().ok()?
    };
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let unit = SUFFIXES.iter().find(|(name, _)| *name == suffix);
    let (factor, divisor) = match unit {
        Some((_, factor)) => (*factor, 1),
        None => exponent(suffix)?,
    };
    Some(
        value
            .checked_mul(factor)?
            .div_ceil(scale.checked_mul(divisor)?),
    )
}

/// What an exponent such as `e3` or `E-2` multiplies 10⁻⁹ by, as factor and divisor.
fn exponent(suffix: &str) -> Option<(u128, u128)> {
    let power: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let size = 10_u128
        .checked_pow(power.unsigned_abs())
        .filter(|_| power.abs() <= 18)?;
    Some(if power < 0 {
        (NANO, size)
    } else {
        (NANO * size, 1)
    })
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nano.cmp(&other.nano)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    #[test]
    fn equal_amounts_are_equal_however_they_are_written() {
        for (a, b) in [
            ("1Gi", "1024Mi"),
            ("1", "1000m"),
            ("1e3", "1k"),
            ("1E3", "1000"),
            ("1E", "1000P"),
            ("0.5Gi", "512Mi"),
            ("1500m", "1.5"),
            (".5", "500m"),
            ("2.", "2"),
            ("1e-3", "1m"),
            ("0", "0Ki"),
            ("000000000000000000000000000001", "1"),
        ] {
            assert_eq!(quantity(a), quantity(b), "{a} {b}");
        }
        assert!(quantity("1G") < quantity("1Gi"));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "Gi",
            "-1",
            "+1",
            "1 Gi",
            "1gi",
            "1GB",
            "1Gb",
            "1K",
            "1..2",
            "1.2.3",
            "0x10",
            "1e",
            "1e99",
            "1e-99",
            "1Gi ",
            "NaN",
            "infinity",
            "９",
            "1234567890123456789",
            "½",
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_are_exact() {
        assert!(!quantity("9600m").exceeds_percent_of(120, &quantity("8")));
        assert!(quantity("9601m").exceeds_percent_of(120, &quantity("8")));
        assert!(!quantity("192Gi").exceeds_percent_of(120, &quantity("160Gi")));
        assert_eq!(quantity("160Gi").percent(120).as_str(), "192Gi");
        assert_eq!(quantity("8").percent(120).as_str(), "9600m");
        assert_eq!(quantity("10").percent(120).as_str(), "12");
        assert_eq!(quantity("3").percent_of(&quantity("0")), None);
    }

    #[test]
    fn fractions_of_a_byte_are_no_whole_numbers() {
        assert!(!quantity("400m").is_whole());
        assert!(quantity("1.5Gi").is_whole());
        assert_eq!(quantity("8Gi").units(), Some(8 << 30));
    }

    proptest::proptest! {
        /// What is suggested as a limit keeps to the rule that it is suggested for, and can be written into a file.
        #[test]
        fn a_share_is_never_more_than_the_share(
            number in "[1-9][0-9]{0,5}(\\.[0-9]{1,3})?",
            suffix in proptest::sample::select(vec!["", "m", "k", "M", "G", "Ki", "Mi", "Gi", "Ti", "e3"]),
            percent in 100_u32..300,
        ) {
            let whole = quantity(&format!("{number}{suffix}"));
            let share = whole.percent(percent);
            proptest::prop_assert!(!share.exceeds_percent_of(percent, &whole));
            proptest::prop_assert_eq!(&quantity(share.as_str()), &share);
        }
    }
}

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What JSON holds for a logarithm of 0, for which it has no number.
const MINUS_INFINITY: &str = "-Infinity";

/// The natural logarithm of a probability; in JSON a number, or the text `-Infinity`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logprob(pub f64);

impl Serialize for Logprob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == f64::NEG_INFINITY {
            serializer.serialize_str(MINUS_INFINITY)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Logprob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Logprob;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or `-Infinity`")
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Logprob, E> {
                Ok(Logprob(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Logprob, E> {
                Ok(Logprob(value as f64))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Logprob, E> {
                Ok(Logprob(value as f64))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Logprob, E> {
                if text == MINUS_INFINITY {
                    return Ok(Logprob(f64::NEG_INFINITY));
                }
                Err(E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_logarithm_of_0_is_a_text() {
        let pair = [Logprob(f64::NEG_INFINITY), Logprob(-2.0)];
        let text = serde_json::to_string(&pair).unwrap();
        assert_eq!(text, r#"["-Infinity",-2.0]"#);
        assert_eq!(serde_json::from_str::<[Logprob; 2]>(&text).unwrap(), pair);
        assert!(serde_json::from_str::<Logprob>(r#""Infinity""#).is_err());
    }

    proptest! {
        #[test]
        fn every_logarithm_reads_back_to_the_last_bit(value in -10_000.0..=0.0_f64) {
            let text = serde_json::to_string(&Logprob(value)).unwrap();
            let back: Logprob = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(back.0.to_bits(), value.to_bits());
        }
    }
}

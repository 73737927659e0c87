//! Values that several parts of `models.yaml` have.

use std::collections::BTreeMap;

use super::names::{is_dns_subdomain, is_label_key, is_label_value, is_pinned_image};
use crate::quantity::{Quantity, QuantityError};
use crate::yaml::{Field, Mapping};

/// An amount over zero.
pub(super) fn quantity(field: &Field<'_>) -> Option<Quantity> {
    let text = field.text()?;
    match text.parse::<Quantity>() {
        Ok(quantity) if quantity.is_zero() => {
            field.problem(format!("is `{text}`, expected more than nothing"));
            None
        }
        Ok(quantity) => Some(quantity),
        Err(error) => {
            field.problem(
                QuantityError::to_string(&error)
                    .replacen('`', "is `", 1)
                    .replacen(" is no", ", which is no", 1),
            );
            None
        }
    }
}

/// An amount of bytes over zero.
pub(super) fn bytes(field: &Field<'_>) -> Option<Quantity> {
    let quantity = quantity(field)?;
    if quantity.is_whole() {
        return Some(quantity);
    }
    field.problem(format!(
        "is `{quantity}`, a fraction of a byte, expected bytes such as `16Gi`"
    ));
    None
}

/// The name of an object in the cluster.
pub(super) fn name(field: &Field<'_>) -> Option<String> {
    checked(
        field,
        is_dns_subdomain,
        "a name of lower-case letters, digits, `-` and `.`",
    )
}

/// An image that says which version.
pub(super) fn image(field: &Field<'_>) -> Option<String> {
    checked(
        field,
        is_pinned_image,
        "an image with a tag other than `latest`, or a digest: `registry/name:1.0`",
    )
}

/// Text for which `is` holds.
pub(super) fn checked(field: &Field<'_>, is: fn(&str) -> bool, expected: &str) -> Option<String> {
    field.parsed(expected, |text| is(text).then(|| text.to_owned()))
}

/// A whole number from `min` to `max` under `key`, else `default`.
pub(super) fn count(map: &Mapping<'_>, key: &str, range: (u32, u32), default: u32) -> Option<u32> {
    optional_count(map, key, range).map(|count| count.unwrap_or(default))
}

/// A whole number from `min` to `max` under `key`, if it is there; `None` if it is wrong.
#[expect(
    clippy::option_option,
    reason = "as in all of this parser, the outer one says whether it could be read"
)]
pub(super) fn optional_count(
    map: &Mapping<'_>,
    key: &str,
    (min, max): (u32, u32),
) -> Option<Option<u32>> {
    map.optional(key).map_or(Some(None), |field| {
        let value = field.integer(i64::from(min), i64::from(max))?;
        u32::try_from(value).ok().map(Some)
    })
}

/// Labels that a node must have.
pub(super) fn node_labels(field: &Field<'_>) -> Option<BTreeMap<String, String>> {
    let map = field.any_mapping()?;
    let label = |(key, field): (&str, &Field<'_>)| {
        if !is_label_key(key) {
            field.problem("is no label: expected a key such as `nvidia.com/gpu.product`");
            return None;
        }
        let value = checked(
            field,
            is_label_value,
            "a label's value: at most 63 letters, digits, `.`, `_` and `-`",
        );
        Some((key.to_owned(), value?))
    };
    let labels: Vec<_> = map.entries().map(label).collect();
    labels.into_iter().collect()
}

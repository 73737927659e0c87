//! Amounts in Kubernetes objects, which keep them as text.

use std::collections::BTreeMap;

use grace_core::quantity::{Quantity, QuantityError};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

/// What a container asks for, by resource.
pub(crate) type Amounts = BTreeMap<String, Text>;

/// The amount of `resource`, if there is one.
pub(crate) fn amount(
    amounts: Option<&Amounts>,
    resource: &str,
) -> Result<Option<Quantity>, QuantityError> {
    let text = amounts.and_then(|amounts| amounts.get(resource));
    text.map(|text| text.0.parse()).transpose()
}

//! What Kubernetes takes for a name, a label or an image.

/// The longest DNS label, label value, and name part of a label key.
pub const MOST_LABEL_CHARACTERS: usize = 63;

/// Whether `name` is a DNS-1123 label: 1–63 lower-case letters, digits and inner hyphens.
///
/// ```
/// use grace_core::cluster::names::is_dns_label;
/// assert!(is_dns_label("lemn-lab") && is_dns_label("3b"));
/// assert!(!is_dns_label("gemma-2.5") && !is_dns_label("Gemma") && !is_dns_label("-x"));
/// ```
pub fn is_dns_label(name: &str) -> bool {
    name.len() <= MOST_LABEL_CHARACTERS && is_part(name)
}

/// Whether `name` is a DNS-1123 subdomain as Kubernetes checks it: parts of lower-case letters, digits and inner hyphens
/// between dots, 253 characters at most.
pub fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_part)
}

/// Whether `part` is a label of any length.
fn is_part(part: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    part.chars().all(inner) && !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')
}

/// Whether `value` can be the value of a label: at most 63 letters, digits, `.`, `_` and `-`, the first and last
/// alphanumeric; it may be empty.
pub fn is_label_value(value: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    value.len() <= MOST_LABEL_CHARACTERS
        && value.chars().all(inner)
        && value
            .chars()
            .next()
            .is_none_or(|c| c.is_ascii_alphanumeric())
        && value
            .chars()
            .next_back()
            .is_none_or(|c| c.is_ascii_alphanumeric())
}

/// Whether `key` can be the key of a label, annotation or resource: a label value that is not empty, with or without
/// a DNS subdomain and `/` before it.
pub fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key
        .split_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_subdomain) && !name.is_empty() && is_label_value(name)
}

/// Whether `name` can be an environment variable that every shell and program can read.
pub fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether `image` is a reference that pins what is run: printable, without spaces, with a tag other than `latest` or
/// a digest.
pub fn is_pinned_image(image: &str) -> bool {
    let written = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let last = image.rsplit('/').next().unwrap_or(image);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    !image.is_empty()
        && image.chars().all(written)
        && image.starts_with(|c: char| c.is_ascii_alphanumeric())
        && (image.contains("@sha256:") || tag.is_some_and(|tag| !tag.is_empty() && tag != "latest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_that_an_api_server_took() {
        assert!(is_dns_label(&"x".repeat(63)) && !is_dns_label(&"x".repeat(64)));
        for name in ["", "a_b", "A", "a/b", "a b", "a-", "-a", "ü", "a.b"] {
            assert!(!is_dns_label(name), "{name}");
        }
        assert!(is_dns_subdomain("a.b-c.d") && !is_dns_subdomain("a..b"));
    }

    #[test]
    fn label_values_may_have_capitals_but_no_slash() {
        for value in ["", "NVIDIA-GeForce-RTX-3090", "1.5_b"] {
            assert!(is_label_value(value), "{value}");
        }
        for value in ["meta-llama/Llama", "a-", ".a", &"x".repeat(64), "a b", "ü"] {
            assert!(!is_label_value(value), "{value}");
        }
        assert!(is_label_key("nvidia.com/gpu.product") && is_label_key("app"));
        assert!(
            !is_label_key("nvidia.com/")
                && !is_label_key("/x")
                && !is_label_key("a/b/c")
                && !is_label_key("")
        );
    }

    #[test]
    fn an_image_must_say_which() {
        for image in [
            "vllm/vllm-openai:v0.32.0",
            "localhost:5000/x@sha256:0123",
            "ghcr.io/a/b:1",
        ] {
            assert!(is_pinned_image(image), "{image}");
        }
        for image in [
            "vllm/vllm-openai",
            "localhost:5000/x",
            "x:latest",
            "x:",
            "a b:1",
            "-x:1",
            "",
        ] {
            assert!(!is_pinned_image(image), "{image}");
        }
    }
}

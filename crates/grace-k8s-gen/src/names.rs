//! Names of Jobs, made of model keys.

use grace_core::cluster::names::{MOST_LABEL_CHARACTERS, is_dns_label, is_label_value};

/// Why a model key cannot name a Job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Too long: pods of an Indexed Job are named after it, with their index behind.
    #[error(
        "makes the Job name `{name}` of {} characters, at most {most} fit with the index of the pods behind it; \
         shorten the key by {}", .name.len(), .name.len().saturating_sub(*.most)
    )]
    TooLong {
        /// The Job's name.
        name: String,
        /// The characters that it may have.
        most: usize,
    },
    /// Characters that a name in a cluster cannot have.
    #[error(
        "makes the Job name `{name}`, expected lower-case letters, digits, `-`, `.` and `_` in the key; `{fixed}` would do"
    )]
    Characters {
        /// The Job's name.
        name: String,
        /// A key that would do.
        fixed: String,
    },
}

/// The name of the Indexed Job of the model `key` with `replications` completions.
///
/// It is a DNS label, with `.` and `_` as `-`, and leaves room for `-` and the highest index within 63 characters: that
/// is the host name of a pod.
///
/// # Errors
///
/// Returns an error that says how to change the key.
///
/// ```
/// use grace_k8s_gen::job_name;
///
/// assert_eq!(job_name("llama-3.1_8b", 5)?, "grace-llama-3-1-8b-replicated");
/// assert!(job_name(&"x".repeat(50), 5).is_err());
/// # Ok::<(), grace_k8s_gen::NameError>(())
/// ```
pub fn job_name(key: &str, replications: u32) -> Result<String, NameError> {
    let hyphens = key.replace(['.', '_'], "-");
    let name = format!("grace-{hyphens}-replicated");
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.chars().all(allowed) || !is_label_value(key) {
        let mut fixed = hyphens.to_lowercase();
        fixed.retain(allowed);
        return Err(NameError::Characters {
            name,
            fixed: fixed.trim_matches('-').to_owned(),
        });
    }
    let index = replications.saturating_sub(1).to_string();
    let most = MOST_LABEL_CHARACTERS - 1 - index.len();
    if name.len() > most || !is_dns_label(&name) {
        return Err(NameError::TooLong { name, most });
    }
    Ok(name)
}

/// The name of the Job that fetches the weights of the model whose Job is `job`.
pub(crate) fn prefetch_name(job: &str) -> String {
    format!(
        "{}-prefetch",
        job.strip_suffix("-replicated").unwrap_or(job)
    )
}

/// The name of a pod that reads `claim`: a DNS label, as it is the pod's host name too.
pub(crate) fn reader_name(claim: &str, suffix: &str) -> String {
    let room = MOST_LABEL_CHARACTERS.saturating_sub("grace-read--".len() + suffix.len());
    let claim: String = claim.replace('.', "-").chars().take(room).collect();
    format!("grace-read-{}-{suffix}", claim.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key whose Job name has `length` characters.
    fn key(length: usize) -> String {
        "k".repeat(length - "grace--replicated".len())
    }

    #[test]
    fn the_index_must_fit_behind_the_name() {
        // What an API server took and refused: 61 characters for 5 completions, 60 for 11, 59 for 101.
        for (length, replications) in [(61, 5), (61, 10), (60, 11), (60, 100), (59, 101)] {
            assert!(
                job_name(&key(length), replications).is_ok(),
                "{length} {replications}"
            );
            let error = job_name(&key(length + 1), replications).unwrap_err();
            assert_eq!(
                error,
                NameError::TooLong {
                    name: format!("grace-{}-replicated", key(length + 1)),
                    most: length
                }
            );
        }
    }

    #[test]
    fn a_reader_has_a_host_name_whatever_the_claim() {
        for claim in ["results", "a.b", &"long-".repeat(40), &"x".repeat(253)] {
            let name = reader_name(claim, "0123abcd");
            assert!(is_dns_label(&name) && name.ends_with("-0123abcd"), "{name}");
        }
    }

    #[test]
    fn the_message_says_how_to_fix_the_key() {
        assert!(
            job_name(&key(64), 5)
                .unwrap_err()
                .to_string()
                .ends_with("shorten the key by 3")
        );
        let error = job_name("Gemma-2B_", 5).unwrap_err().to_string();
        assert!(error.ends_with("`gemma-2b` would do"), "{error}");
    }
}

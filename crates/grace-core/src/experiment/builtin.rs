//! The four experiments of the lab, as files.

/// An experiment file that grace carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Builtin {
    /// Its id.
    pub id: &'static str,
    /// The name that messages give it.
    pub file: &'static str,
    /// The YAML text.
    pub text: &'static str,
}

macro_rules! file {
    ($id:literal) => {
        Builtin {
            id: $id,
            file: concat!($id, ".yaml (built in)"),
            text: include_str!(concat!("../../experiments/", $id, ".yaml")),
        }
    };
}

/// All experiments that grace carries, in the order in which a replication runs them.
pub const BUILTIN: [Builtin; 4] = [
    file!("study1_exp1"),
    file!("study2_exp1"),
    file!("study1_exp2"),
    file!("study2_exp2"),
];

/// The built-in experiment with this id.
pub fn builtin(id: &str) -> Option<&'static Builtin> {
    BUILTIN.iter().find(|file| file.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Experiment;

    #[test]
    fn every_builtin_file_is_valid_and_named_after_its_id() {
        for file in BUILTIN {
            let experiment = Experiment::parse(file.file, file.text).unwrap();
            assert_eq!(experiment.id.as_str(), file.id);
        }
    }

    #[test]
    fn seed_offsets_are_those_that_published_runs_used() {
        let offsets =
            BUILTIN.map(|file| Experiment::parse(file.file, file.text).unwrap().seed_offset);
        assert_eq!(offsets, [0, 1000, 2000, 3000]);
    }

    #[test]
    fn columns_are_those_that_analyses_read() {
        let columns = |id| {
            let file = builtin(id).unwrap();
            let experiment = Experiment::parse(file.file, file.text).unwrap();
            experiment.added_columns().join(" ")
        };
        assert_eq!(
            columns("study1_exp1"),
            "response_quantity quantity result_id_quantity response_knowledge knowledge result_id_knowledge"
        );
        assert_eq!(columns("study2_exp1"), "response polarity quality");
        assert!(
            columns("study2_exp2")
                .ends_with("prob_was prob_wasnt prob_terrible prob_bad prob_good prob_amazing")
        );
    }
}

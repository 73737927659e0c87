//! Checks agree with a real API server, request by request.

use std::fs;
use std::path::Path;

use grace_k8s_gen::{Object, TypedError, check, parse};
use serde_json::Value;

#[test]
fn what_a_real_api_server_refused_is_refused_and_what_it_took_is_taken() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/k8s/recorded");
    let mut refused = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let recording: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let request = recording["request"].to_string();
        let faults = match parse(&request) {
            Ok(job) => check::object(&Object::Job(Box::new(job)), request.len()),
            Err(TypedError::UnknownFields(fields)) => {
                assert_eq!(
                    (name.as_str(), fields),
                    (
                        "unknown-field-Strict",
                        vec![String::from("spec.bogusField")]
                    )
                );
                refused += 1;
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        assert_eq!(
            faults.is_empty(),
            recording["status"] == 201,
            "{name}: {faults:?}"
        );
        refused += usize::from(!faults.is_empty());
        // The same field is named; containers are named by their names here, and by their positions there.
        let causes = recording["causes"].as_array().unwrap();
        let named = |cause: &Value| {
            faults
                .iter()
                .any(|fault| fault.field == cause.as_str().unwrap() || fault.field.contains('['))
        };
        assert!(
            causes.is_empty() || causes.iter().any(named),
            "{name}: {causes:?} {faults:?}"
        );
    }
    assert_eq!(refused, 25);
}

//! No value, whatever is in it, changes the structure of a manifest.

use grace_core::cluster::ClusterConfig;
use grace_k8s_gen::{Manifest, Object, Request, generate};
use proptest::prelude::*;
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::Value;

use crate::config::{SMALL, job, parsed, study};

/// Pieces that mean something to YAML, Handlebars, shells or Kubernetes.
const PIECES: [&str; 40] = [
    "\"",
    "'",
    "#",
    " #",
    ": ",
    ":",
    "- ",
    "\n",
    "\r\n",
    "\t",
    "{{",
    "}}",
    "{{{x}}}",
    "{{#if x}}",
    "$(POD_UID)",
    "$$",
    "$",
    "$(",
    ")",
    "&a",
    "*a",
    "!t",
    "|",
    ">",
    "%",
    "@",
    "`",
    "\\",
    "\\n",
    "---",
    "...",
    "yes",
    "null",
    "0o7",
    "1e3",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{1F600}",
    "ü",
];

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => any::<char>().prop_filter("no container takes NUL", |c| *c != '\0').prop_map(String::from),
        1 => "[ a-z]{0,5}",
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

fn made(config: &ClusterConfig, file: &str) -> Vec<Manifest> {
    let mut study = study(3);
    study
        .files
        .insert(String::from("experiments/x.yaml"), file.to_owned());
    generate(&Request {
        config,
        study: &study,
        parallelism: 1,
        models: &[],
    })
    .unwrap()
}

/// A configuration with `text` wherever a user may write what they like.
fn config(text: &str) -> ClusterConfig {
    let mut config = parsed(SMALL);
    let workload = &mut config.workloads[0];
    workload.display_name = text.to_owned();
    workload.model.name = text.to_owned();
    workload.model.revision = Some(text.to_owned());
    config
        .cluster
        .env
        .insert(String::from("ANY"), text.to_owned());
    config
}

/// The same with every text emptied: what is left is structure.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::Null,
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect(),
        other => other.clone(),
    }
}

#[track_caller]
fn value(manifest: &Manifest) -> Value {
    match &manifest.object {
        Object::Job(job) => serde_json::to_value(job).unwrap(),
        Object::ConfigMap(map) => serde_json::to_value(map).unwrap(),
        Object::Claim(claim) => serde_json::to_value(claim).unwrap(),
        other => Value::from(other.kind()),
    }
}

/// What Kubernetes makes of a variable's value: `$(NAME)` is replaced, `$$` is a dollar sign
/// (`k8s.io/kubernetes/third_party/forked/golang/expansion`).
fn expanded(value: &str) -> String {
    let mut expanded = String::new();
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('$', Some('$')) => {
                rest.next();
                expanded.push('$');
            }
            ('$', Some('(')) => {
                let name: String = rest.clone().skip(1).take_while(|c| *c != ')').collect();
                if rest.clone().any(|c| c == ')') {
                    expanded.extend(["<the value of ", &name, ">"]);
                    rest.nth(name.chars().count() + 1);
                } else {
                    expanded.push('$');
                }
            }
            _ => expanded.push(c),
        }
    }
    expanded
}

#[track_caller]
fn annotation<'y>(yaml: &'y Yaml<'_>, key: &str) -> &'y str {
    let at = |yaml: &'y Yaml<'_>, key: &str| yaml.as_mapping_get(key).unwrap();
    at(at(at(yaml, "metadata"), "annotations"), key)
        .as_str()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn hostile_text_stays_text(text in hostile(), file in hostile()) {
        // A name that the hub would have decides whether there is a prefetch Job: none of these is one.
        prop_assume!(!text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)));
        let (plain, hostile) = (made(&config("plain text"), "plain"), made(&config(&text), &file));
        let shapes = |manifests: &[Manifest]| manifests.iter().map(|it| shape(&value(it))).collect::<Vec<_>>();
        prop_assert_eq!(shapes(&plain), shapes(&hostile));

        let job = job(&hostile, "jobs/grace-tiny-replicated.yaml");
        let annotations = job.metadata.annotations.as_ref().unwrap();
        for key in ["grace/display-name", "grace/model-name", "grace/revision"] {
            prop_assert_eq!(&annotations[key], &text);
        }
        let pod = job.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
        let variable = pod.containers[0].env.iter().flatten().find(|it| it.name == "ANY").unwrap();
        prop_assert_eq!(expanded(variable.value.as_ref().unwrap()), text.clone());

        // A reader that knows YAML 1.2 alone sees the same.
        let manifest = hostile.iter().find(|it| it.path.starts_with("jobs/grace")).unwrap();
        let yaml = Yaml::load_from_str(&manifest.text).unwrap();
        prop_assert_eq!(yaml.len(), 1);
        prop_assert_eq!(annotation(&yaml[0], "grace/display-name"), text);
        let map = hostile.iter().find_map(|it| match &it.object { Object::ConfigMap(map) => Some(map), _ => None });
        prop_assert_eq!(&map.unwrap().data.as_ref().unwrap()["experiments__x.yaml"], &file);
    }

    #[test]
    fn files_of_many_lines_stay_as_they_are(lines in prop::collection::vec(hostile(), 1..20), end in "[ \n]{0,3}") {
        let file = lines.join("\n") + &end;
        let manifests = made(&parsed(SMALL), &file);
        let map = manifests.iter().find_map(|it| match &it.object { Object::ConfigMap(map) => Some(map), _ => None });
        prop_assert_eq!(&map.unwrap().data.as_ref().unwrap()["experiments__x.yaml"], &file);
    }
}

#[test]
fn a_revision_reaches_the_downloader_as_it_is() {
    let mut config = config("$(HF_TOKEN) --flag \"'\n");
    config.workloads[0].model.name = String::from("lab/tiny");
    let manifests = made(&config, "");
    let job = job(&manifests, "prefetch/grace-tiny-prefetch.yaml");
    let args = job.spec.unwrap().template.spec.unwrap().containers[0]
        .args
        .clone()
        .unwrap();
    assert_eq!(
        args.iter().map(|arg| expanded(arg)).nth(3).unwrap(),
        "$(HF_TOKEN) --flag \"'\n"
    );
}

#[test]
fn the_model_of_kubernetes_expansion_expands() {
    assert_eq!(expanded("a$(X)b$$(X)$x$"), "a<the value of X>b$(X)$x$");
}

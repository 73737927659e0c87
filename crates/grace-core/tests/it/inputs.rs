use grace_core::Digest;
use grace_core::experiment::{Experiment, builtin};
use grace_core::model::{Model, ModelCatalog};
use grace_core::plan::{ExperimentPlan, Inputs, SeedRules};
use grace_core::settings::{RequestSeeds, ScoringServer};
use grace_core::stimuli::scan;
use grace_seed::{ExperimentSeed, OrderAlgorithm, SeedBits};

const CSV: &str = "participant_id,story_shortname,story_setup,priorQ,speach,speachQ,knowledgeQ,access,observe\n\
                   1,a,b,c,d,e,f,3,2\n2,a,b,c,d,e,f,3,1\n";

fn inputs(seed: u64, yaml: impl Fn(&str) -> String) -> Inputs {
    let model = Model::named("tiny".parse().unwrap(), "lab/tiny");
    let experiment =
        Experiment::parse("e.yaml", &yaml(builtin("study1_exp1").unwrap().text)).unwrap();
    let stimuli = scan("s.csv", CSV.as_bytes(), &experiment).unwrap();
    let rules = SeedRules {
        order: OrderAlgorithm::Pcg64,
        request_seeds: RequestSeeds::PerRequest,
        bits: SeedBits::Bits31,
    };
    let plan = ExperimentPlan::new(
        experiment,
        stimuli,
        ExperimentSeed(seed),
        rules,
        &model.name,
    )
    .unwrap();
    let mut inputs = Inputs::of_model(&model, 0);
    inputs.add_experiment(&plan, &model, Digest::of(b"prompts"));
    inputs
}

#[test]
fn equal_inputs_have_equal_fingerprints() {
    let (a, b) = (inputs(1001, str::to_owned), inputs(1001, str::to_owned));
    assert_eq!(a.fingerprint(), b.fingerprint());
    assert_eq!(a.differences(&b), []);
}

#[test]
fn a_changed_setting_is_named_with_both_values() {
    let recorded = inputs(1001, str::to_owned);
    let now = inputs(1002, |text| {
        text.replacen("temperature: 0.7", "temperature: 0.9", 1)
    });
    let differences: Vec<String> = now
        .differences(&recorded)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        differences.contains(&String::from("`study1_exp1.seed` was 1001, is now 1002")),
        "{differences:?}"
    );
    assert!(
        differences.contains(&String::from(
            "`study1_exp1.quantity.temperature` was 0.7, is now 0.9"
        )),
        "{differences:?}"
    );
    assert_ne!(now.fingerprint(), recorded.fingerprint());
}

#[test]
fn an_experiment_that_is_not_there_differs() {
    let recorded = inputs(1001, str::to_owned);
    let model = Model::named("tiny".parse().unwrap(), "lab/tiny");
    let now = Inputs::of_model(&model, 0);
    let differences = now.differences(&recorded);
    assert!(
        differences
            .iter()
            .any(|difference| difference.key == "study1_exp1.seed" && difference.now.is_none())
    );
}

#[test]
fn what_a_server_is_started_with_is_an_input_without_being_shown() {
    let model = |settings: &str| {
        let text = format!("models:\n  m:\n    huggingface_name: lab/m\n    server: {settings}\n");
        let mut catalog = ModelCatalog::parse("models.yaml", &text).unwrap();
        catalog.models.remove(0)
    };
    let differences = |recorded: &str, now: &str| {
        let of = |settings| Inputs::of_model(&model(settings), 0);
        let differences = of(now).differences(&of(recorded));
        let keys = differences.into_iter().map(|difference| difference.key);
        keys.collect::<Vec<_>>()
    };
    let recorded = "{env: {KV_DTYPE: private-value, HF_TOKEN: one}}";
    assert_eq!(
        differences(recorded, "{env: {KV_DTYPE: other, HF_TOKEN: two}}"),
        ["server_env.KV_DTYPE"],
        "a key may be another"
    );
    let places = differences(
        "{env: {CUDA_VISIBLE_DEVICES: '0'}}",
        "{env: {CUDA_VISIBLE_DEVICES: '1'}}",
    );
    assert_eq!(
        places, [""; 0],
        "another GPU of the machine is no other setting"
    );
    let inputs = Inputs::of_model(&model(recorded), 0);
    assert!(
        inputs
            .iter()
            .all(|(_, value)| !value.contains("private-value"))
    );
}

#[test]
fn which_server_scores_matters_where_the_two_differ() {
    let mut model = Model::named("tiny".parse().unwrap(), "lab/tiny");
    let with = |model: &Model, server| {
        let mut inputs = Inputs::of_model(model, 0);
        inputs.add_scoring_server(server, model);
        inputs
    };
    let differences = |model: &Model| {
        let recorded = with(model, ScoringServer::Same);
        with(model, ScoringServer::Separate).differences(&recorded)
    };
    assert_eq!(differences(&model), []);
    model.start.scoring_args.push("--logits".parse().unwrap());
    assert_eq!(
        differences(&model)[0].to_string(),
        "`scoring_server` was same, is now separate"
    );
}

#[test]
fn value_stability_of_the_fingerprint() {
    let model = Model::named("tiny".parse().unwrap(), "lab/tiny");
    let fingerprint = Inputs::of_model(&model, 3).fingerprint().to_string();
    // Python: hashlib.sha256 over len(x).to_bytes(8, "big") + x for each key and value, sorted by key.
    assert_eq!(
        fingerprint,
        "687c1bfffa82c0803cc082fbc58ffc3bc392cda8679c820e01cd81e3bd4ab4e1"
    );
}

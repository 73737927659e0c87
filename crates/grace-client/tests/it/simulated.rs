//! Against `grace-sim`, which speaks the protocol from its own types.

use std::time::Duration;

use grace_client::{
    Api, CancellationToken, ChatMessage, Client, ClientConfig, GenerateRequest, Input,
    ProbeRequest, ReasoningMarkers, Sampling, SeedBehaviour, ServerKind,
};
use grace_sim::{Fault, Faults, Reasoning, RetryAfter, SeedPolicy, Sim, SimConfig};

use crate::scripted::{quick, request};

fn client(sim: &Sim) -> Client {
    let config = ClientConfig::new(&sim.base_url()).unwrap();
    let limit = Duration::from_millis(500);
    Client::new(config.with_retry(quick()).with_attempt_timeout(limit)).unwrap()
}

#[tokio::test]
async fn every_fault_passes() {
    let alone = Sim::start(SimConfig::new("tiny")).await.unwrap();
    let cancel = CancellationToken::new();
    let expected = client(&alone).generate(&request(), &cancel).await.unwrap();
    for fault in [
        Fault::Status(500),
        Fault::TooManyRequests(RetryAfter::Absent),
        Fault::TooManyRequests(RetryAfter::Seconds(1)),
        Fault::TooManyRequests(RetryAfter::Date(Duration::from_secs(1))),
        Fault::EngineDead,
        Fault::Loading,
        Fault::Busy,
        Fault::Reset,
        Fault::Close,
        Fault::Truncated,
        Fault::NotJson,
        Fault::EmptyChoices,
        Fault::Hang,
        Fault::Drip(Duration::from_millis(50)),
    ] {
        let config = SimConfig::new("tiny").with_faults(fault.clone().times(2));
        let sim = Sim::start(config).await.unwrap();
        let generation = client(&sim).generate(&request(), &cancel).await.unwrap();
        assert_eq!(generation.attempts.len(), 3, "{fault:?}");
        assert_eq!(generation.text, expected.text, "{fault:?}");
    }
}

#[tokio::test]
async fn what_it_does_with_seeds_is_found_out() {
    for (policy, behaviour) in [
        (SeedPolicy::Honours, SeedBehaviour::Honoured),
        (SeedPolicy::Ignores, SeedBehaviour::Ignored),
        (SeedPolicy::Constant, SeedBehaviour::Constant),
    ] {
        for api in [Api::Completions, Api::Chat] {
            let config = SimConfig::new("tiny").with_seed_policy(policy);
            let sim = Sim::start(config).await.unwrap();
            let cancel = CancellationToken::new();
            let request = ProbeRequest::new("tiny", api);
            let mut found = Vec::new();
            // Short answers of a server that ignores seeds may be equal by chance, but hardly twice.
            for _ in 0..3 {
                let probe = client(&sim).probe(&request, &cancel).await.unwrap();
                assert_eq!(probe.server_kind, ServerKind::Vllm);
                assert!(probe.server_version.is_some());
                found.push(probe.seed);
            }
            let right = found.iter().filter(|seed| **seed == behaviour).count();
            let least = if policy == SeedPolicy::Ignores { 2 } else { 3 };
            assert!(right >= least, "{policy:?} {api:?}: {found:?}");
        }
    }
}

#[tokio::test]
async fn readiness_comes_with_the_end_of_its_faults() {
    let faults = Faults::from(Fault::Loading).times(3).on_all_paths();
    let config = SimConfig::new("tiny").with_faults(faults);
    let sim = Sim::start(config).await.unwrap();
    let cancel = CancellationToken::new();
    let poll = Duration::from_millis(5);
    let model = client(&sim).wait_ready("tiny", poll, &cancel).await;
    assert_eq!(model.unwrap().id, "tiny");
}

#[tokio::test]
async fn thought_is_told_from_answer_however_it_comes() {
    let marked = || Reasoning::new("<think>", "</think>");
    let turns = vec![ChatMessage::user("Is it likely?")];
    let request = GenerateRequest::new("tiny", Input::Chat(turns), Sampling::new(0.7, 400))
        .with_seed(7)
        .with_reasoning(ReasoningMarkers::new("<think>", "</think>"));
    let cancel = CancellationToken::new();
    let mut seen = Vec::new();
    for reasoning in [
        marked(),
        marked().with_opening_swallowed(),
        marked().with_field(),
    ] {
        let config = SimConfig::new("tiny").with_reasoning(reasoning);
        let sim = Sim::start(config).await.unwrap();
        let generation = client(&sim).generate(&request, &cancel).await.unwrap();
        assert!(!generation.is_truncated_thought());
        assert!(!generation.text.contains("think>"));
        let thought = generation.reasoning.unwrap();
        seen.push((thought.trim().to_owned(), generation.text.trim().to_owned()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[1], seen[2]);
}

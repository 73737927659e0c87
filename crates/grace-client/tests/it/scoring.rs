//! Scores against the closed form of `grace-sim`.

use std::time::Duration;

use grace_client::{
    BorderRule, CancellationToken, ChatMessage, Client, ClientConfig, Input, OptionProblem,
    OptionScores, RequestErrorKind, ScoreError, ScoreExchange, ScoreMethod, ScoreProblem,
    ScoreRequest,
};
use grace_sim::{Dialect, Merging, ScoringFault, Sim, SimConfig, Tokenizer};

use crate::scripted::quick;

/// Behind it the toy model says little but " yes" and " no".
pub(crate) const YES_OR_NO: &str =
    "2 of the 3 lamps are on. Does Mary know exactly how many? Answer yes or no. Answer:";
pub(crate) const PROMPT: &str = "The room is full of light.\nIs it good? Answer:";
pub(crate) const OPTIONS: [&str; 4] = [" yes", " no", " It wasn't terrible.", " 10%"];

pub(crate) fn config() -> SimConfig {
    SimConfig::new("tiny").with_full_precision()
}

pub(crate) fn llama() -> SimConfig {
    config().with_dialect(Dialect::LlamaCpp)
}

pub(crate) async fn start(config: SimConfig) -> (Sim, Client) {
    let sim = Sim::start(config).await.unwrap();
    let config = ClientConfig::new(&sim.base_url()).unwrap();
    let limit = Duration::from_secs(20);
    let config = config.with_retry(quick()).with_attempt_timeout(limit);
    (sim, Client::new(config).unwrap())
}

pub(crate) fn options(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

pub(crate) fn completion(prompt: &str) -> Input {
    Input::Completion(prompt.to_owned())
}

pub(crate) async fn score(
    client: &Client,
    input: Input,
    texts: &[&str],
    method: ScoreMethod,
) -> Result<OptionScores, ScoreError> {
    let request = ScoreRequest::new("tiny", input, options(texts), method).with_seed(7);
    client
        .score_options(&request, &CancellationToken::new())
        .await
}

/// Those whose answers hold the log-probabilities, in order.
pub(crate) fn scoring(scores: &OptionScores) -> impl Iterator<Item = &ScoreExchange> {
    let exchanges = scores.exchanges.iter();
    exchanges.filter(|exchange| !exchange.asks_for_ids())
}

/// How many asked for log-probabilities, and how many for token ids.
fn requests(scores: &OptionScores) -> (usize, usize) {
    let scoring = scoring(scores).count();
    (scoring, scores.exchanges.len() - scoring)
}

#[track_caller]
fn assert_exact(sim: &Sim, scores: &OptionScores, prompt: &str, texts: &[&str]) {
    for (text, option) in texts.iter().zip(&scores.options) {
        let expected = sim.toy_model().logprob_of(prompt, text);
        let found = option.logprob();
        assert!(
            (found - expected).abs() < 1e-9,
            "{text:?}: {found}, expected {expected}"
        );
        assert_eq!(option.token_ids.len(), option.token_logprobs.len());
    }
}

#[tokio::test]
async fn every_exact_method_gives_the_closed_form() {
    for (config, methods) in [
        (
            config(),
            &[ScoreMethod::PromptLogprobs, ScoreMethod::Trie][..],
        ),
        (llama(), &[ScoreMethod::ForcedTokens][..]),
    ] {
        let (sim, client) = start(config).await;
        for &method in methods {
            let scores = score(&client, completion(PROMPT), &OPTIONS, method).await;
            let scores = scores.unwrap();
            assert_eq!((scores.method, scores.border), (method, BorderRule::Joint));
            assert_exact(&sim, &scores, PROMPT, &OPTIONS);
        }
    }
}

#[tokio::test]
async fn requests_are_counted() {
    let (sim, client) = start(config()).await;
    let scores = score(
        &client,
        completion(PROMPT),
        &OPTIONS,
        ScoreMethod::PromptLogprobs,
    )
    .await;
    let scores = scores.unwrap();
    assert_eq!(requests(&scores), (1, 0));
    assert_eq!(sim.counts().generations, 1);
    let prompt = scores.prompt_ids.len() as u64;
    let rest: usize = scores
        .options
        .iter()
        .map(|option| option.token_ids.len())
        .sum();
    assert_eq!(scores.prompt_tokens_sent, prompt * 5 + rest as u64);
    let scores = score(&client, completion(PROMPT), &OPTIONS, ScoreMethod::Trie)
        .await
        .unwrap();
    assert_eq!(requests(&scores), (1, 5));
}

#[tokio::test]
async fn options_that_merge_with_the_prompt_are_tokenised_alone_by_every_method() {
    let tokenizer = Tokenizer::new().with_merging(Merging::Colons);
    let model = |config: SimConfig| config.with_tokenizer(tokenizer);
    for (config, method) in [
        (model(config()), ScoreMethod::PromptLogprobs),
        (model(config()), ScoreMethod::Trie),
        (model(llama()), ScoreMethod::ForcedTokens),
    ] {
        let (sim, client) = start(config).await;
        let scores = score(&client, completion(PROMPT), &OPTIONS, method)
            .await
            .unwrap();
        assert_eq!(scores.border, BorderRule::Appended, "{method}");
        let by_text_first = method == ScoreMethod::PromptLogprobs;
        let expected = match method {
            ScoreMethod::ForcedTokens => OPTIONS.len(),
            _ => 1 + usize::from(by_text_first),
        };
        assert_eq!(requests(&scores).0, expected, "{method}");
        let rest: usize = scores
            .options
            .iter()
            .map(|option| option.token_ids.len())
            .sum();
        let joint = (scores.prompt_ids.len() * OPTIONS.len() + rest) as u64;
        assert!(
            !by_text_first || scores.prompt_tokens_sent > 2 * joint,
            "both requests count"
        );
        assert_exact(&sim, &scores, PROMPT, &OPTIONS);
    }
}

#[tokio::test]
async fn one_merging_option_makes_the_rule_that_of_all() {
    let (_sim, client) = start(config()).await;
    let prompt = "The answer is ";
    for method in [ScoreMethod::PromptLogprobs, ScoreMethod::Trie] {
        let scores = score(&client, completion(prompt), &["yes", "%"], method)
            .await
            .unwrap();
        assert_eq!(scores.border, BorderRule::Appended, "{method}");
    }
}

#[tokio::test]
async fn a_chat_is_scored_behind_its_template_without_the_leading_space() {
    let chat = Input::Chat(vec![ChatMessage::user(PROMPT)]);
    for (config, method) in [
        (config(), ScoreMethod::PromptLogprobs),
        (config(), ScoreMethod::Trie),
        (llama(), ScoreMethod::ForcedTokens),
    ] {
        let (sim, client) = start(config).await;
        let scores = score(&client, chat.clone(), &[" yes", " no"], method)
            .await
            .unwrap();
        assert_eq!(scores.border, BorderRule::Chat);
        for (text, option) in ["yes", "no"].iter().zip(&scores.options) {
            let ids = sim.toy_model().tokenizer().encode(text);
            assert_eq!(option.token_ids, ids);
            let expected = sim.toy_model().logprob_of_ids(&scores.prompt_ids, &ids);
            assert!((option.logprob() - expected).abs() < 1e-9, "{method}");
        }
    }
}

#[tokio::test]
async fn first_tokens_are_scored_where_they_differ_and_are_listed() {
    let (sim, client) = start(config()).await;
    let method = ScoreMethod::FirstToken;
    let prompt = YES_OR_NO;
    let scores = score(&client, completion(prompt), &[" yes", " no"], method)
        .await
        .unwrap();
    for option in &scores.options {
        let expected = sim
            .toy_model()
            .next_logprob(&scores.prompt_ids, option.token_ids[0]);
        assert!((option.logprob() - expected).abs() < 1e-9);
    }
    let rare = score(&client, completion(prompt), &[" yes", "%"], method).await;
    let rare = rare.unwrap_err();
    let problem = rare.problem();
    assert!(
        matches!(
            problem,
            ScoreProblem::Options(OptionProblem::NotListed { listed: 20, .. })
        ),
        "{problem:?}"
    );
    let last = rare.exchanges().last().unwrap();
    assert!(!last.asks_for_ids() && last.response.is_some(), "{last:?}");
    let same = score(&client, completion(PROMPT), &[" 10%", " 1"], method).await;
    let same = same.unwrap_err();
    assert!(matches!(same.problem(), ScoreProblem::Options(_)), "{same}");
    assert!(
        same.exchanges().iter().all(ScoreExchange::asks_for_ids),
        "nothing was asked about options that cannot be told apart"
    );
}

#[tokio::test]
async fn empty_duplicate_and_prefix_options_are_refused() {
    let (_sim, client) = start(config()).await;
    for method in [ScoreMethod::PromptLogprobs, ScoreMethod::Trie] {
        for (texts, expected) in [
            (
                &[" yes", ""][..],
                r#"option "" adds no token to the prompt"#,
            ),
            (
                &[" yes", " no", " yes"][..],
                r#"options " yes" and " yes" are the same tokens"#,
            ),
            (
                &[" 10", " 100"][..],
                r#"the tokens of option " 10" begin those of option " 100""#,
            ),
            (&[][..], "there is no option"),
        ] {
            let scored = score(&client, completion(PROMPT), texts, method).await;
            match scored.map_err(ScoreError::into_problem) {
                Err(ScoreProblem::Options(problem)) => {
                    assert!(problem.to_string().starts_with(expected), "{problem}");
                }
                other => panic!("{texts:?}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn an_impossible_token_makes_an_impossible_option() {
    let (_sim, client) = start(config().with_scoring_fault(ScoringFault::MinusInfinity)).await;
    let method = ScoreMethod::PromptLogprobs;
    let scores = score(&client, completion(PROMPT), &[" yes", " 10%"], method)
        .await
        .unwrap();
    let logprobs = scores
        .options
        .iter()
        .map(grace_client::OptionScore::logprob);
    assert!(
        logprobs
            .into_iter()
            .all(|logprob| logprob == f64::NEG_INFINITY)
    );
}

#[tokio::test]
async fn a_prompt_that_does_not_fit_the_context_is_told_apart() {
    let (_sim, client) = start(config().with_max_model_len(12)).await;
    for method in [ScoreMethod::PromptLogprobs, ScoreMethod::Trie] {
        let error = score(&client, completion(PROMPT), &OPTIONS, method)
            .await
            .unwrap_err();
        let kind = error.request().map(grace_client::RequestError::kind);
        assert_eq!(kind, Some(RequestErrorKind::OverContext));
    }
}

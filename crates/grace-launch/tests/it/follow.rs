//! Following through all that happens to connections and credentials.

use std::time::{Duration, Instant};

use grace_launch::FaultKind;
use grace_launch::launch::{LaunchSettings, Launched, Outcome, launch};
use grace_mock_cluster::{Fault, NAMESPACE, Trouble};
use serde_json::json;

use crate::lab::{Lab, SOON, TOKEN, complete, name, order};

fn quick() -> LaunchSettings {
    let mut settings = LaunchSettings::default();
    settings.watch.silence = Duration::from_secs(1);
    settings.watch.login = Duration::from_millis(200);
    settings
}

/// Launches one model, lets `act` happen while it runs, and completes its Job.
async fn through(lab: &Lab, settings: &LaunchSettings, act: impl AsyncFn()) -> Vec<String> {
    let orders = [order("tiny", 2, 1, 1)];
    let (launched, ()) = tokio::join!(lab.launch(&orders, settings), async {
        lab.applied(&name("tiny")).await;
        lab.until(|| lab.mock.open_watches("jobs") > 0).await;
        act().await;
        lab.set_status(&name("tiny"), &complete(2));
    });
    let (ended, told) = launched;
    assert_eq!(ended[0].outcome, Outcome::Complete, "{told:#?}");
    told
}

/// Launches one model, lets `act` happen once its Job is there, and follows until nothing can be known for too long.
async fn out_of_patience(
    lab: &Lab,
    settings: &LaunchSettings,
    act: impl AsyncFn(),
) -> (Launched, Vec<String>) {
    let cluster = lab.cluster().await;
    let orders = [order("tiny", 2, 1, 1)];
    let mut told = Vec::new();
    let launched = launch(&cluster, &orders, settings, std::future::pending(), |it| {
        told.push(format!("{it:?}"));
    });
    let (launched, ()) = tokio::join!(tokio::time::timeout(SOON, launched), async {
        lab.applied(&name("tiny")).await;
        act().await;
    });
    (launched.expect("an end, as soon as patience has one"), told)
}

#[tokio::test]
async fn one_list_and_one_watch_per_kind_and_no_polling() {
    let lab = Lab::new().await;
    let mut settings = quick();
    settings.watch.silence = Duration::from_mins(1);
    through(&lab, &settings, async || {
        tokio::time::sleep(Duration::from_secs(3)).await;
    })
    .await;
    for kind in ["jobs", "pods", "events"] {
        assert_eq!(lab.mock.requests_for("list", kind).len(), 1, "{kind}");
        assert_eq!(lab.mock.requests_for("watch", kind).len(), 1, "{kind}");
    }
    // One look before it is applied, none afterwards.
    assert_eq!(lab.mock.requests_for("get", "jobs").len(), 1);
}

#[tokio::test]
async fn cut_connections_are_made_anew_without_a_word() {
    let lab = Lab::new().await;
    let told = through(&lab, &quick(), async || {
        lab.mock.cut_connections();
        tokio::time::sleep(Duration::from_millis(100)).await;
    })
    .await;
    assert!(!told.iter().any(|it| it.starts_with("lost")), "{told:#?}");
}

#[tokio::test]
async fn a_restart_of_the_api_is_told_and_survived() {
    let lab = Lab::new().await;
    let told = through(&lab, &quick(), async || {
        lab.mock.restart(Duration::from_secs(4)).await;
    })
    .await;
    let lost = told
        .iter()
        .find(|it| it.starts_with("lost: watch "))
        .unwrap();
    assert!(lost.contains("the API server cannot be reached"), "{lost}");
    assert!(told.contains(&String::from("back")), "{told:#?}");
}

#[tokio::test]
async fn what_happened_while_versions_were_forgotten_is_seen() {
    let lab = Lab::new().await;
    through(&lab, &quick(), async || {
        lab.mock.down().await;
        lab.set_status(&name("tiny"), &json!({"active": 1}));
        lab.mock.compact();
        lab.mock.up().await;
    })
    .await;
    assert!(lab.mock.requests_for("list", "jobs").len() > 1);
}

#[tokio::test]
async fn after_a_bookmark_a_quiet_watch_goes_on_although_versions_were_forgotten() {
    let lab = Lab::new().await;
    lab.mock.set_bookmarks(Duration::from_millis(100));
    through(&lab, &quick(), async || {
        // Nothing of this is of the kinds that are watched.
        for count in 0..20 {
            let map = json!({"metadata": {"name": "m", "namespace": NAMESPACE}, "data": {"n": count.to_string()}});
            lab.mock.put("configmaps", map);
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        lab.mock.down().await;
        lab.mock.forget_the_past();
        lab.mock.up().await;
        for kind in ["jobs", "pods", "events"] {
            lab.until(|| lab.mock.open_watches(kind) > 0).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    })
    .await;
    for kind in ["jobs", "pods", "events"] {
        assert_eq!(lab.mock.requests_for("list", kind).len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn silent_connections_are_given_up() {
    let lab = Lab::new().await;
    through(&lab, &quick(), async || {
        // All watches from now on say nothing, for ever.
        lab.mock
            .fault(Fault::new("watch", "jobs", Trouble::Silent).times(1));
        lab.mock.cut_connections();
        lab.until(|| lab.mock.requests_for("watch", "jobs").len() > 1)
            .await;
    })
    .await;
    assert!(lab.mock.requests_for("watch", "jobs").len() > 2);
}

#[tokio::test]
async fn renewed_credentials_are_read_from_the_kubeconfig() {
    let lab = Lab::new().await;
    lab.mock.set_token(Some(TOKEN));
    let told = through(&lab, &quick(), async || {
        lab.mock.set_token(Some("renewed"));
        lab.mock.cut_connections();
        tokio::time::sleep(Duration::from_secs(1)).await;
        lab.mock.kubeconfig(lab.folder.path(), "renewed");
    })
    .await;
    let lost = told.iter().find(|it| it.starts_with("lost")).unwrap();
    assert!(
        lost.ends_with("the cluster does not accept these credentials (401)"),
        "{lost}"
    );
    assert!(!told.iter().any(|it| it.contains(TOKEN)));
}

#[tokio::test]
async fn an_overloaded_server_is_asked_again() {
    let lab = Lab::new().await;
    through(&lab, &quick(), async || {
        for code in [429, 500, 503] {
            lab.mock
                .fault(Fault::new("watch", "pods", Trouble::status(code)));
        }
        lab.mock.cut_connections();
    })
    .await;
}

#[tokio::test]
async fn a_server_that_stays_busy_is_told_and_patience_ends() {
    let lab = Lab::new().await;
    let mut settings = quick();
    settings.watch.patience = Duration::from_secs(8);
    let (launched, told) = out_of_patience(&lab, &settings, async || {
        lab.until(|| lab.mock.open_watches("jobs") > 0).await;
        // The answer is on its way.
        tokio::time::sleep(Duration::from_millis(500)).await;
        lab.mock
            .fault(Fault::new("*", "*", Trouble::status(503)).times(u32::MAX));
        lab.mock.cut_connections();
    })
    .await;
    assert_eq!(launched.ended[0].outcome, Outcome::LeftRunning);
    let error = launched.error.unwrap();
    assert!(
        matches!(error.kind(), FaultKind::Server { code: 503, .. }),
        "{error}"
    );
    assert!(told.iter().any(|it| it.starts_with("Lost")), "{told:#?}");
}

#[tokio::test]
async fn without_the_right_to_read_events_it_goes_on() {
    for verb in ["list", "watch"] {
        let lab = Lab::new().await;
        lab.mock.forbid(verb, "events");
        let told = through(&lab, &quick(), async || {
            tokio::time::sleep(Duration::from_secs(9)).await;
        })
        .await;
        let asked = lab.mock.requests_for(verb, "events").len();
        assert!(asked <= 3, "{verb} was asked for {asked} times");
        assert!(!told.iter().any(|it| it.starts_with("lost")), "{told:#?}");
    }
}

#[tokio::test]
async fn times_of_which_nothing_is_known_do_not_count_for_the_start() {
    let lab = Lab::new().await;
    let mut settings = quick();
    settings.start_deadline = Duration::from_secs(3);
    // No pod ever runs here, but that is not known for twice the time.
    through(&lab, &settings, async || {
        lab.mock.restart(Duration::from_secs(6)).await;
    })
    .await;
}

#[tokio::test]
async fn rights_that_are_missing_for_a_moment_end_nothing() {
    let lab = Lab::new().await;
    through(&lab, &quick(), async || {
        lab.mock.down().await;
        lab.mock.compact();
        lab.mock.forbid("list", "pods");
        lab.mock.up().await;
        lab.until(|| lab.mock.requests_for("list", "pods").len() > 1)
            .await;
        lab.mock.allow("list", "pods");
    })
    .await;
}

#[tokio::test]
async fn a_job_is_applied_again_if_the_cluster_did_not_answer_or_wanted_new_credentials() {
    let lab = Lab::new().await;
    lab.mock
        .fault(Fault::new("patch", "jobs", Trouble::status(500)));
    lab.mock.fault(Fault::new(
        "patch",
        "jobs",
        Trouble::recorded("auth-list-jobs-bad-token-401"),
    ));
    let told = through(&lab, &quick(), async || {}).await;
    assert!(
        told.iter().any(|it| it.starts_with("lost: apply Job")),
        "{told:#?}"
    );
    assert!(told.contains(&String::from("back")), "{told:#?}");
}

#[tokio::test]
async fn a_token_that_cannot_be_sent_is_an_error_without_the_token() {
    let lab = Lab::new().await;
    let path = lab
        .mock
        .kubeconfig(lab.folder.path(), "two\nlines-of-a-secret");
    let connect = async |path: &std::path::Path| {
        let access = grace_launch::Access {
            kubeconfig: Some(path.to_owned()),
            ..grace_launch::Access::default()
        };
        grace_launch::Cluster::connect(access)
            .await
            .unwrap_err()
            .to_string()
    };
    let text = connect(&path).await;
    assert!(
        text.contains("such as a line break") && !text.contains("secret"),
        "{text}"
    );
    std::fs::write(
        &path,
        "users: [{name: a, user: {token: [my-secret]}}]\nkind: Config\n",
    )
    .unwrap();
    let text = connect(&path).await;
    assert!(
        text.contains("no valid YAML") && !text.contains("secret"),
        "{text}"
    );
}

#[tokio::test]
async fn without_the_right_to_read_pods_it_ends_at_once() {
    let lab = Lab::new().await;
    lab.mock.forbid("list", "pods");
    let cluster = lab.cluster().await;
    let orders = [order("tiny", 2, 1, 1)];
    let settings = quick();
    let launched = launch(&cluster, &orders, &settings, std::future::pending(), |_| {});
    let error = tokio::time::timeout(SOON, launched)
        .await
        .unwrap()
        .error
        .unwrap();
    assert!(matches!(error.kind(), FaultKind::Forbidden(_)), "{error}");
    assert!(error.hint().unwrap().contains("grace-cli doctor"));
    assert!(
        lab.mock.list("jobs", NAMESPACE).is_empty(),
        "nothing may be applied"
    );
}

#[tokio::test]
async fn patience_ends() {
    let lab = Lab::new().await;
    let mut settings = quick();
    settings.watch.patience = Duration::from_secs(2);
    let begun = Instant::now();
    let down = async || lab.mock.down().await;
    let (launched, _) = out_of_patience(&lab, &settings, down).await;
    assert_eq!(
        launched.ended[0].outcome,
        Outcome::LeftRunning,
        "what is known is told"
    );
    let error = launched.error.unwrap();
    assert!(error.is_transient(), "{error}");
    assert!(begun.elapsed() > settings.watch.patience);
}

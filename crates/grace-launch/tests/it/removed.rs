//! Jobs that are gone while they are followed: deleted by somebody, or removed after they were complete.

use std::time::Duration;

use grace_launch::launch::{LaunchSettings, Order, Outcome};
use grace_mock_cluster::NAMESPACE;
use serde_json::json;

use crate::lab::{Lab, complete, job, name, order};

fn settings() -> LaunchSettings {
    LaunchSettings::default()
}

#[tokio::test]
async fn deleted_under_us_is_no_success() {
    let lab = Lab::new().await;
    let orders = [order("a", 2, 1, 1)];
    let settings = settings();
    let ((ended, _), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.applied(&name("a")).await;
        lab.set_status(&name("a"), &json!({"active": 1, "completedIndexes": "0"}));
        tokio::time::sleep(Duration::from_millis(500)).await;
        lab.mock.remove("jobs", NAMESPACE, &name("a"));
    });
    let deleted = Outcome::Deleted {
        is_replaced: false,
        may_be_complete: false,
    };
    assert_eq!(ended[0].outcome, deleted);
    assert_eq!(ended[0].state.done.len(), 1, "what was last seen is kept");
}

#[tokio::test]
async fn another_job_of_the_name_is_not_taken_for_it() {
    let lab = Lab::new().await;
    let orders = [order("a", 2, 1, 1)];
    let settings = settings();
    let ((ended, _), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.applied(&name("a")).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        lab.mock.remove("jobs", NAMESPACE, &name("a"));
        let mut other = serde_json::to_value(job("a", 2, 1)).unwrap();
        other["metadata"]["annotations"]["grace/plan-fingerprint"] = json!("beef");
        other["status"] = complete(2);
        lab.mock.put("jobs", other);
    });
    let deleted = Outcome::Deleted {
        is_replaced: true,
        may_be_complete: false,
    };
    assert_eq!(ended[0].outcome, deleted);
    assert!(
        ended[0].summary.ends_with("another Job has its name now"),
        "{}",
        ended[0].summary
    );
}

#[tokio::test]
async fn removed_after_its_time_to_live_is_a_success() {
    let lab = Lab::new().await;
    let orders = [order("a", 2, 1, 1)];
    let settings = settings();
    let ((ended, _), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.applied(&name("a")).await;
        // All done, but never seen as Complete.
        lab.set_status(&name("a"), &json!({"completedIndexes": "0,1"}));
        tokio::time::sleep(Duration::from_millis(500)).await;
        lab.mock.remove("jobs", NAMESPACE, &name("a"));
    });
    assert_eq!(ended[0].outcome, Outcome::Complete);
}

#[tokio::test]
async fn removed_in_the_moment_of_its_completion_is_a_success() {
    let lab = Lab::new().await;
    let (orders, settings) = ([order("a", 2, 1, 1)], settings());
    let ((ended, _), ()) = tokio::join!(lab.launch(&orders, &settings), async {
        lab.applied(&name("a")).await;
        lab.until(|| lab.mock.open_watches("jobs") > 0).await;
        lab.set_status(&name("a"), &complete(2));
        lab.mock.remove("jobs", NAMESPACE, &name("a"));
    });
    assert_eq!(ended[0].outcome, Outcome::Complete);
}

#[tokio::test]
async fn what_was_removed_while_nobody_heard_may_have_been_complete() {
    for ttl in [None, Some(60)] {
        let lab = Lab::new().await;
        let mut wanted = job("a", 2, 1);
        wanted.spec.as_mut().unwrap().ttl_seconds_after_finished = ttl;
        let (orders, settings) = ([Order::new("a", wanted, 1)], settings());
        let ((ended, _), ()) = tokio::join!(lab.launch(&orders, &settings), async {
            lab.applied(&name("a")).await;
            lab.until(|| lab.mock.open_watches("jobs") > 0).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
            lab.mock.down().await;
            lab.mock.remove("jobs", NAMESPACE, &name("a"));
            lab.mock.compact();
            lab.mock.up().await;
        });
        let deleted = Outcome::Deleted {
            is_replaced: false,
            may_be_complete: ttl.is_some(),
        };
        assert_eq!(ended[0].outcome, deleted);
        let says = "or complete and removed after its time to live";
        assert_eq!(ended[0].summary.contains(says), ttl.is_some());
    }
}

//! Is all there that launching and collecting need? Questions to the cluster, and what their answers mean.
//!
//! Nothing is changed on the cluster but where a pod is to measure what is left of storage, and no secret is shown.

mod check;
mod judge;
mod needs;
mod nodes;
mod rights;
mod storage;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolumeClaim, ResourceQuota, Secret};
use kube::Api;
use kube::api::{ListParams, PostParams};
use tokio_util::sync::CancellationToken;

pub use check::{Check, Verdict};
pub use needs::{Needs, Planned};
use rights::{Answers, RIGHTS, Rights};

use crate::apply::find;
use crate::collect::{CollectError, Monitor, ReaderPod, space_by_reader, space_in_running_pod};
use crate::connect::{Cluster, answer};
use crate::error::ClusterError;

/// Looks at everything, at the same time as far as it can; each question has a deadline.
///
/// A configuration that could not be read is what the first check says, and the only one.
pub async fn examine(cluster: &Result<Cluster, ClusterError>, needs: &Needs) -> Vec<Check> {
    let cluster = match cluster {
        Ok(cluster) => cluster,
        Err(error) => return vec![Check::failed("kubeconfig", Verdict::Fail, error)],
    };
    let read = format!(
        "read; namespace `{}` at {}",
        cluster.namespace(),
        cluster.server()
    );
    let mut checks = vec![Check::ok("kubeconfig", read)];
    let version = answer("ask for the version", async || {
        cluster.client().apiserver_version().await
    });
    let version = version.await.map(|it| it.git_version);
    let server = judge::server(cluster.server(), &version);
    let is_there = server.verdict == Verdict::Ok;
    checks.push(server);
    if !is_there {
        checks.push(Check::unknown(
            "all else",
            "not asked, as the API server cannot be reached",
        ));
        return checks;
    }
    let minor = version.ok().as_deref().and_then(judge::minor);
    let (who, whole, rights, objects) = tokio::join!(
        who(cluster),
        namespace(cluster),
        all_rights(cluster, needs, minor),
        objects(cluster, needs),
    );
    checks.extend([who, whole]);
    checks.extend(rights);
    checks.extend(objects);
    checks
}

/// Has a pod of its own measure what is left on the claim for results, and puts that into `checks`, if no pod that runs has
/// told. A claim that is not bound is left alone: its first pod would decide where its volume is. Cancelling `stop` ends it soon.
///
/// # Errors
///
/// Returns [`CollectError::Stopped`] if it was stopped; what else is in the way makes the check unknown.
pub async fn measure_storage(
    checks: &mut [Check],
    cluster: &Cluster,
    needs: &Needs,
    reader: &ReaderPod,
    monitor: &dyn Monitor,
    stop: &CancellationToken,
) -> Result<(), CollectError> {
    let left = checks.iter_mut().find(|it| it.name == storage::LEFT);
    let Some(left) = left.filter(|it| it.verdict == Verdict::Unknown) else {
        return Ok(());
    };
    match find::<PersistentVolumeClaim>(cluster, &needs.results).await {
        Ok(claim) if storage::is_bound(claim.as_ref()) => {}
        Ok(_) => return Ok(()),
        Err(error) => {
            *left = storage::not_measured(&error.into());
            return Ok(());
        }
    }
    match space_by_reader(cluster, reader, monitor, stop).await {
        Err(CollectError::Stopped) => return Err(CollectError::Stopped),
        Ok(space) => *left = storage::left(needs, &space),
        Err(error) => *left = storage::not_measured(&error),
    }
    Ok(())
}

async fn who(cluster: &Cluster) -> Check {
    let reviews: Api<SelfSubjectReview> = Api::all(cluster.client().clone());
    let (params, review) = (PostParams::default(), SelfSubjectReview::default());
    judge::credentials(
        &answer("ask who we are", async || {
            reviews.create(&params, &review).await
        })
        .await,
    )
}

async fn namespace(cluster: &Cluster) -> Check {
    let name = cluster.namespace();
    let namespaces: Api<Namespace> = Api::all(cluster.client().clone());
    let found = answer(format!("look at namespace `{name}`"), async || {
        namespaces.get_opt(name).await
    })
    .await;
    judge::namespace(name, &found)
}

/// Whether a launch would make a claim: those that are there are left alone.
async fn makes_claims(cluster: &Cluster, needs: &Needs) -> bool {
    for (name, _) in needs.claims.iter().filter(|(_, is_made)| *is_made) {
        let found = find::<PersistentVolumeClaim>(cluster, name).await;
        if !matches!(found, Ok(Some(_))) {
            return true;
        }
    }
    false
}

/// All rights, each asked for at the same time.
async fn all_rights(cluster: &Cluster, needs: &Needs, minor: Option<u32>) -> Vec<Check> {
    let asked = RIGHTS.iter().enumerate().flat_map(|(at, rights)| {
        let one = move |verb| async move { (at, verb, may(cluster, rights, verb).await) };
        rights.verbs.iter().map(move |verb| one(*verb))
    });
    let mut asked: FuturesUnordered<_> = asked.collect();
    let mut answers: Vec<Answers> = RIGHTS.iter().map(|_| Answers::new()).collect();
    while let Some((at, verb, answer)) = asked.next().await {
        answers[at].insert(verb, answer);
    }
    let makes_claims = makes_claims(cluster, needs).await;
    let creates = |rights: &Rights| match rights.resource {
        "persistentvolumeclaims" => makes_claims,
        "configmaps" => needs.config_maps,
        _ => true,
    };
    let judged = RIGHTS.iter().zip(&answers);
    judged
        .map(|(rights, answers)| rights.judge(answers, minor, creates(rights)))
        .collect()
}

/// Whether we may.
async fn may(cluster: &Cluster, rights: &Rights, verb: &str) -> Result<bool, ClusterError> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(cluster.client().clone());
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(rights.group.to_owned()),
                resource: Some(rights.resource.to_owned()),
                subresource: rights.subresource.map(str::to_owned),
                namespace: Some(cluster.namespace().to_owned()),
                verb: Some(verb.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let doing = format!("ask whether we may {verb} {}", rights.name());
    let found = answer(doing, async || {
        reviews.create(&PostParams::default(), &review).await
    })
    .await?;
    Ok(found.status.is_some_and(|it| it.allowed))
}

/// Quotas, claims, storage, the secret, nodes.
async fn objects(cluster: &Cluster, needs: &Needs) -> Vec<Check> {
    let (quotas, claims, space, secret, nodes) = tokio::join!(
        list::<ResourceQuota>(cluster.api(), "list quotas", ListParams::default()),
        claims(cluster, needs),
        space_in_running_pod(cluster, &needs.results),
        secret(cluster, needs),
        list::<Node>(
            Api::all(cluster.client().clone()),
            "list nodes",
            ListParams::default()
        ),
    );
    let mut checks = judge::quotas(needs, &quotas);
    for ((name, is_made), found) in needs.claims.iter().zip(&claims) {
        checks.push(storage::claim((name, *is_made), found));
        if *name == needs.results {
            checks.push(storage::storage(needs, found));
        }
    }
    let at = needs
        .claims
        .iter()
        .position(|(name, _)| *name == needs.results);
    checks.push(storage::told_by_a_pod(
        needs,
        at.map(|at| &claims[at]),
        &space,
    ));
    checks.extend(secret);
    checks.extend(
        needs
            .models
            .iter()
            .map(|it| nodes::nodes(needs, it, &nodes)),
    );
    checks
}

async fn list<K>(api: Api<K>, doing: &str, params: ListParams) -> Result<Vec<K>, ClusterError>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    Ok(answer(doing, async || api.list(&params).await).await?.items)
}

type Found<T> = Result<Option<T>, ClusterError>;

async fn claims(cluster: &Cluster, needs: &Needs) -> Vec<Found<PersistentVolumeClaim>> {
    let claims: Api<PersistentVolumeClaim> = cluster.api();
    let look = |name: &str| {
        let (claims, name) = (claims.clone(), name.to_owned());
        async move {
            answer(format!("look at the claim `{name}`"), async || {
                claims.get_opt(&name).await
            })
            .await
        }
    };
    let asked = needs.claims.iter().map(|(name, _)| look(name));
    futures_util::future::join_all(asked).await
}

async fn secret(cluster: &Cluster, needs: &Needs) -> Option<Check> {
    let wanted = needs.secret.as_ref()?;
    let secrets: Api<Secret> = cluster.api();
    let doing = format!("look at the secret `{}`", wanted.name);
    let found = answer(doing, async || secrets.get_opt(&wanted.name).await).await;
    Some(judge::secret(wanted, &found))
}

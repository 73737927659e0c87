//! Manifests against policies.

use grace_core::cluster::{ClusterConfig, Workload};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::breach::{Breach, Complaint};
use super::file::{Policy, Rules};
use super::{pod_security, resources, words};
use crate::generate::Manifest;
use crate::typed::Object;

/// The name that a quota of the configuration has among policies.
const CONFIGURED: &str = "models.yaml";

/// Every breach of `policies` and of the quota that `config` states, by place in the file.
pub fn check(policies: &[Policy], config: &ClusterConfig, manifests: &[Manifest]) -> Vec<Breach> {
    let pods = pods_at_once(manifests);
    let mut breaches = Vec::new();
    for manifest in manifests {
        let name = manifest.object.name().unwrap_or(&manifest.path);
        let object = format!("{}/{name}", manifest.object.kind());
        let mut note = |policy: &str, complaints: Vec<Complaint>| {
            let about = complaints
                .into_iter()
                .map(|complaint| complaint.about(&object, policy, &config.places));
            breaches.extend(about);
        };
        let subject = Subject::of(manifest, config);
        for policy in policies {
            note(
                &policy.name,
                subject.complaints(&policy.rules, config, pods),
            );
        }
        note(CONFIGURED, subject.quota(config));
    }
    for policy in policies {
        breaches.extend(too_many_jobs(policy, config, manifests));
    }
    breaches.sort();
    breaches.dedup();
    breaches
}

/// Pods that run at the same time if all Jobs do.
fn pods_at_once(manifests: &[Manifest]) -> u64 {
    let jobs = manifests
        .iter()
        .filter_map(|manifest| match &manifest.object {
            Object::Job(job) => Some(u64::from(parallelism(job))),
            _ => None,
        });
    jobs.sum()
}

fn parallelism(job: &Job) -> u32 {
    let parallelism = job.spec.as_ref().and_then(|spec| spec.parallelism);
    parallelism
        .and_then(|pods| u32::try_from(pods).ok())
        .unwrap_or(1)
}

fn too_many_jobs(
    policy: &Policy,
    config: &ClusterConfig,
    manifests: &[Manifest],
) -> Option<Breach> {
    let most = policy.rules.most_jobs?;
    let jobs = manifests
        .iter()
        .filter(|manifest| matches!(manifest.object, Object::Job(_)))
        .count();
    (jobs > most as usize).then(|| {
        let complaint = Complaint {
            rule: "most_jobs",
            key: String::from("models"),
            found: format!("{jobs} Jobs"),
            limit: most.to_string(),
            fix: String::from("choose models with `--model`, and launch them one after the other"),
        };
        complaint.about("all Jobs", &policy.name, &config.places)
    })
}

/// A manifest with what it was made from.
struct Subject<'a> {
    manifest: &'a Manifest,
    workload: Option<&'a Workload>,
}

impl<'a> Subject<'a> {
    fn of(manifest: &'a Manifest, config: &'a ClusterConfig) -> Self {
        let workload = manifest.model.as_ref().and_then(|key| config.workload(key));
        Self { manifest, workload }
    }

    fn complaints(&self, rules: &Rules, config: &ClusterConfig, pods: u64) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        complaints.extend(self.name(rules));
        match &self.manifest.object {
            Object::Job(job) => {
                if let Some(pod) = job
                    .spec
                    .as_ref()
                    .and_then(|spec| spec.template.spec.as_ref())
                {
                    complaints.extend(self.of_pod(rules, config, pod, pods));
                }
                if let (Some(workload), true) = (self.workload, asks_for_gpus(job)) {
                    complaints.extend(resources::gpus(
                        rules,
                        &config.cluster.granted,
                        workload,
                        parallelism(job),
                    ));
                }
            }
            Object::Pod(pod) => {
                if let Some(pod) = &pod.spec {
                    complaints.extend(self.of_pod(rules, config, pod, pods));
                }
            }
            Object::Claim(claim) => {
                let class = claim
                    .spec
                    .as_ref()
                    .and_then(|spec| spec.storage_class_name.as_ref());
                if let Some(class) =
                    class.filter(|class| rules.forbidden_storage_classes.contains(class))
                {
                    let name = claim.metadata.name.as_deref().unwrap_or_default();
                    complaints.push(Complaint {
                        rule: "forbidden_storage_classes",
                        key: format!("cluster.pvcs.{name}.storage_class"),
                        found: class.clone(),
                        limit: format!("none of {}", rules.forbidden_storage_classes.join(", ")),
                        fix: String::from("choose another storage class"),
                    });
                }
            }
            _ => {}
        }
        complaints
    }

    /// The quota that the configuration states holds under any policy.
    fn quota(&self, config: &ClusterConfig) -> Vec<Complaint> {
        match (&self.manifest.object, self.workload) {
            (Object::Job(job), Some(workload)) if asks_for_gpus(job) => {
                resources::quota(&config.cluster.granted, workload, parallelism(job))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn name(&self, rules: &Rules) -> Option<Complaint> {
        let most = rules.most_name_characters?;
        let name = self.manifest.object.name()?;
        (name.chars().count() > most as usize).then(|| Complaint {
            rule: "most_name_characters",
            key: match (self.workload, &self.manifest.object) {
                (Some(workload), _) => format!("models.{}", workload.model.key),
                (None, Object::ConfigMap(_)) => String::from("cluster.config"),
                (None, _) => format!("cluster.pvcs.{name}"),
            },
            found: format!("{name}, {} characters", name.chars().count()),
            limit: most.to_string(),
            fix: String::from("shorten it"),
        })
    }

    fn of_pod(
        &self,
        rules: &Rules,
        config: &ClusterConfig,
        pod: &PodSpec,
        pods: u64,
    ) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        for container in pod.init_containers.iter().flatten().chain(&pod.containers) {
            let path = self.resources_path(container);
            if let Some(rule) = &rules.limits_to_requests {
                complaints.extend(resources::limits(rule, container, &path));
            }
            if let Some(most) = rules.equal_limits_over_pods {
                complaints.extend(resources::equal_limits(most, pods, container, &path));
            }
            complaints.extend(commands(rules, container));
            complaints.extend(shared_installs(rules, pod, container));
        }
        let class = config.cluster.priority_class.as_ref();
        if let Some(class) = class.filter(|class| {
            !rules.priority_classes.is_empty() && !rules.priority_classes.contains(class)
        }) {
            complaints.push(Complaint {
                rule: "priority_classes",
                key: String::from("cluster.priority_class"),
                found: class.clone(),
                limit: format!("one of {}, or none", rules.priority_classes.join(", ")),
                fix: String::from("choose one of these, or leave it out"),
            });
        }
        if rules.restricted {
            complaints.extend(pod_security::restricted(pod).into_iter().map(
                |(field, found, expected)| Complaint {
                    rule: "pod_security",
                    key: String::from("cluster"),
                    found: format!("{found} in {field}"),
                    limit: expected.to_owned(),
                    fix: String::from("this is a fault of grace's template: please report it"),
                },
            ));
        }
        complaints
    }

    /// The key of models.yaml that a container's resources come from.
    fn resources_path(&self, container: &Container) -> String {
        match (container.name.as_str(), self.workload) {
            ("replicate", Some(workload)) => format!("models.{}.resources", workload.model.key),
            ("fetch", _) => String::from("cluster.prefetch"),
            _ => String::from("cluster"),
        }
    }
}

fn asks_for_gpus(job: &Job) -> bool {
    let pod = job
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    let limits = pod
        .into_iter()
        .flat_map(|pod| &pod.containers)
        .filter_map(|it| it.resources.as_ref()?.limits.as_ref());
    limits
        .into_iter()
        .flat_map(|map| map.keys())
        .any(|resource| resource.contains('/'))
}

fn commands(rules: &Rules, container: &Container) -> Vec<Complaint> {
    let words = words::words(container);
    let mut complaints = Vec::new();
    for word in words
        .iter()
        .filter(|word| rules.forbidden_commands.contains(word))
    {
        complaints.push(Complaint {
            rule: "forbidden_commands",
            key: String::from("models"),
            found: format!("`{word}` in the container `{}`", container.name),
            limit: format!("none of {}", rules.forbidden_commands.join(", ")),
            fix: String::from("a Job ends when its work is done: leave it out"),
        });
    }
    if let Some(installer) = words::installer(&words, &rules.installers) {
        complaints.push(Complaint {
            rule: "installers",
            key: String::from("cluster"),
            found: format!(
                "`{installer}` installs in the container `{}`",
                container.name
            ),
            limit: String::from("nothing is installed in pods"),
            fix: String::from("put it into the image"),
        });
    }
    complaints
}

/// Variables that make programs install or look for packages on a claim.
fn shared_installs(rules: &Rules, pod: &PodSpec, container: &Container) -> Vec<Complaint> {
    let claims: Vec<&str> = pod
        .volumes
        .iter()
        .flatten()
        .filter(|it| it.persistent_volume_claim.is_some())
        .map(|it| it.name.as_str())
        .collect();
    let shared: Vec<&str> = container
        .volume_mounts
        .iter()
        .flatten()
        .filter(|it| claims.contains(&it.name.as_str()))
        .map(|it| it.mount_path.as_str())
        .collect();
    let is_shared = |value: &str| {
        value.split(':').any(|path| {
            shared
                .iter()
                .any(|mount| path == *mount || path.starts_with(&format!("{mount}/")))
        })
    };
    let variables = container
        .env
        .iter()
        .flatten()
        .filter(|it| rules.install_variables.contains(&it.name));
    let pointing = variables.filter(|it| it.value.as_deref().is_some_and(is_shared));
    pointing
        .map(|variable| Complaint {
            rule: "install_variables",
            key: format!("cluster.env.{}", variable.name),
            found: format!(
                "{} = {}",
                variable.name,
                variable.value.as_deref().unwrap_or_default()
            ),
            limit: String::from("no packages on shared file systems"),
            fix: String::from("put the packages into the image"),
        })
        .collect()
}

//! The Jobs of a namespace with their pods and events, as last heard of.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod, PodSpec};
use kube::Resource;

use super::mirror::Mirror;
use crate::state::{JobState, observe, pod};

/// Jobs, pods and events.
#[derive(Debug)]
pub struct World {
    pub(super) jobs: Mirror<Job>,
    /// Jobs that were deleted, as they were then, by uid.
    pub(super) deleted: BTreeMap<String, Job>,
    pub(super) pods: Mirror<Pod>,
    pub(super) events: Mirror<Event>,
    /// Events may not be read with these rights; then what they say is missing.
    pub(super) without_events: bool,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            jobs: Mirror::new(),
            deleted: BTreeMap::new(),
            pods: Mirror::new(),
            events: Mirror::new(),
            without_events: false,
        }
    }

    /// Whether all that can be known has been heard once.
    pub fn is_ready(&self) -> bool {
        let events = self.without_events || self.events.is_ready();
        self.jobs.is_ready() && self.pods.is_ready() && events
    }

    /// Whether events cannot be read with these rights, so that some reasons stay unknown.
    pub fn is_without_events(&self) -> bool {
        self.without_events
    }

    /// The Jobs, by name.
    pub fn jobs(&self) -> Vec<&Job> {
        let mut jobs: Vec<&Job> = self.jobs.iter().collect();
        jobs.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        jobs
    }

    /// The Job of this name: the newest, while an earlier one is being deleted.
    pub fn job(&self, name: &str) -> Option<&Job> {
        let of_name = self
            .jobs
            .iter()
            .filter(|it| it.metadata.name.as_deref() == Some(name));
        of_name.max_by_key(|it| it.metadata.creation_timestamp.as_ref().map(|it| it.0))
    }

    /// This very Job, not one of the same name that came after it.
    pub fn job_with_uid(&self, uid: &str) -> Option<&Job> {
        self.jobs.get(uid)
    }

    /// A Job that was deleted, as it was then, if that was heard of.
    pub(crate) fn last_of(&self, uid: &str) -> Option<&Job> {
        self.deleted.get(uid)
    }

    /// What is going on with the Job of this name.
    pub fn state(&self, name: &str) -> JobState {
        self.state_of(self.job(name))
    }

    /// What is going on with this Job.
    pub fn state_of(&self, job: Option<&Job>) -> JobState {
        let pods: Vec<&Pod> = job.map(|job| self.pods_of(job)).unwrap_or_default();
        let events: Vec<&Event> = self.events.iter().collect();
        observe(job, &pods, &events)
    }

    /// The newest pod of an index of this Job.
    pub fn pod(&self, job: &Job, index: u32) -> Option<&Pod> {
        let own = self.pods_of(job).into_iter();
        own.filter(|it| pod::index(it) == Some(index))
            .max_by_key(|it| pod::created(it))
    }

    /// The pods of this Job, not those of an earlier one of the same name.
    pub fn pods_of(&self, job: &Job) -> Vec<&Pod> {
        let uid = job.metadata.uid.as_deref();
        let own = self.pods.iter();
        own.filter(|it| uid.is_some() && pod::controller(it) == uid)
            .collect()
    }
}

/// What nobody looks at takes most of an object's memory.
pub(super) fn trimmed<K: Resource>(mut object: K) -> K {
    object.meta_mut().managed_fields = None;
    object
}

/// A pod with no more of its specification than its node.
pub(super) fn trimmed_pod(pod: Pod) -> Pod {
    let mut pod = trimmed(pod);
    let node_name = pod.spec.take().and_then(|it| it.node_name);
    pod.spec = Some(PodSpec {
        node_name,
        ..PodSpec::default()
    });
    pod
}
